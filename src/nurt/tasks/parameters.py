"""Options of a task, each written once: the constructor's check, the plan and the command line read the same table.

An estimator is a dataclass whose fields are made by the functions of this module::

    @dataclass(eq=False, repr=False)
    class Classifier(Estimator, kind="classifier"):
        hidden: int = whole(32, "Units of each layer.", NETWORK, high=65_536)

A parameter with a panel is also an option of the command line and of the task's plan (:func:`plan_for`).
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from nurt.errors import NurtValueError

__all__ = [
    "LARGEST",
    "MACHINE",
    "NETWORK",
    "PANELS",
    "TASK",
    "TRAINING",
    "MachineOptions",
    "Panel",
    "Parameter",
    "Plan",
    "TrainingOptions",
    "amount",
    "cells",
    "choice",
    "parameters_of",
    "plan_for",
    "positive",
    "share",
    "starts",
    "text",
    "value",
    "whole",
    "words",
]

Kind = Literal["whole", "share", "positive", "amount", "choice", "words", "text", "value"]
P = TypeVar("P", bound="Plan")


@dataclass(frozen=True)
class Panel:
    """A group of options in the help of a command.

    Args:
        title: its heading.
        from_recipe: whether the recipe decides what is not given; the plan then holds None.
    """

    title: str
    from_recipe: bool = False


TASK = Panel("Task")
NETWORK = Panel("Network (the recipe decides what is not given)", from_recipe=True)
TRAINING = Panel("Training (the recipe decides what is not given)", from_recipe=True)
MACHINE = Panel("Reproducibility and machine")
PANELS = (TASK, NETWORK, TRAINING, MACHINE)
"""In the order of the help."""


LARGEST = 1_000_000_000
"""Of a whole number that has no bound of its own: beyond it, sums and sizes overflow."""


@dataclass(frozen=True)
class Parameter:
    """One option of a task.

    Args:
        kind: what values it takes.
        default: value where none is given; where it is None, None is always a valid value.
        help: one sentence for the reader.
        panel: its group on the command line; None keeps it to Python.
        low: smallest value.
        high: largest value.
        choices: words to choose from, or a function that returns them where finding out takes long.
        unlisted: further words, for Python alone.
        objects: whether objects may stand in place of a word; the user of the parameter checks them.
        metavar: how the value is shown in the help; None chooses by the kind.
        option: name on the command line where it is not that of the field.
        name: of the field; :func:`parameters_of` fills it in.
    """

    kind: Kind
    default: Any
    help: str
    panel: Panel | None = None
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] | Callable[[], Iterable[str]] = ()
    unlisted: tuple[str, ...] = ()
    objects: bool = False
    metavar: str | None = None
    option: str | None = None
    name: str = ""

    def words(self) -> tuple[str, ...]:
        """Return the words to choose from."""
        return tuple(self.choices() if callable(self.choices) else self.choices)

    def check(self, owner: str, given: Any) -> None:
        """Refuse a value that cannot be used.

        Raises:
            NurtValueError: the message names the owner, the parameter, what it takes and what was given.
        """
        if given is None and self.default is None:
            return
        if self.kind == "choice":
            allowed = (*self.words(), *self.unlisted)
            if given not in allowed and (isinstance(given, str) or not self.objects):
                raise NurtValueError(
                    f"{owner}: unknown `{self.name}`.", expected=" or ".join(map(repr, allowed)), got=repr(given)
                )
        elif self.kind == "text":
            if not isinstance(given, str) or not given:
                raise NurtValueError(f"{owner}: unusable `{self.name}`.", expected="a word", got=repr(given))
        elif self.kind not in ("words", "value"):
            number = isinstance(given, int if self.kind == "whole" else int | float) and not isinstance(given, bool)
            if not number or not self.low <= given <= self.high or not self._inside(given):
                raise NurtValueError(f"{owner}: unusable `{self.name}`.", expected=self._range(), got=repr(given))

    def _inside(self, given: float) -> bool:
        if self.kind == "share":
            return given < 1.0
        return self.kind == "whole" or (math.isfinite(given) and (self.kind == "amount" or given > 0.0))

    def _range(self) -> str:
        if self.kind in ("positive", "amount"):
            return "a finite number above 0" if self.kind == "positive" else "a finite number of at least 0"
        kind = "a whole number" if self.kind == "whole" else "a number"
        return (
            f"{kind} from {self.low:g} to {self.high:g}" if self.high < math.inf else f"{kind} of at least {self.low:g}"
        )


def _field(parameter: Parameter) -> Any:
    return dataclasses.field(default=parameter.default, metadata={"parameter": parameter})


def whole(default: int | None, help: str, panel: Panel | None = None, *, low: int = 1, high: float = LARGEST) -> Any:
    """Return a field for a whole number from ``low`` to ``high``."""
    return _field(Parameter("whole", default, help, panel, low=low, high=high))


def share(default: float | None, help: str, panel: Panel | None = None, *, high: float = 1.0) -> Any:
    """Return a field for a number of at least 0 and below 1, at most ``high``."""
    return _field(Parameter("share", default, help, panel, low=0.0, high=high))


def positive(default: float | None, help: str, panel: Panel | None = None) -> Any:
    """Return a field for a finite number above 0."""
    return _field(Parameter("positive", default, help, panel, low=0.0))


def amount(default: float | None, help: str, panel: Panel | None = None) -> Any:
    """Return a field for a finite number of at least 0."""
    return _field(Parameter("amount", default, help, panel, low=0.0))


def choice(
    default: str | None,
    choices: tuple[str, ...] | Callable[[], Iterable[str]],
    help: str,
    panel: Panel | None = None,
    *,
    unlisted: tuple[str, ...] = (),
    objects: bool = False,
    metavar: str | None = None,
) -> Any:
    """Return a field for one of a few words; the arguments are those of :class:`Parameter`."""
    return _field(
        Parameter("choice", default, help, panel, choices=choices, unlisted=unlisted, objects=objects, metavar=metavar)
    )


def words(choices: tuple[str, ...], help: str, panel: Panel, *, option: str) -> Any:
    """Return a field for any number of words, none by default; ``option`` may be given repeatedly."""
    metavar = f"[{'|'.join(choices)}]"
    return _field(Parameter("words", (), help, panel, choices=choices, metavar=metavar, option=option))


def text(default: str | None, help: str, panel: Panel | None = None, *, metavar: str) -> Any:
    """Return a field for a word of any kind."""
    return _field(Parameter("text", default, help, panel, metavar=metavar))


def value(default: Any, help: str) -> Any:
    """Return a field for any value; it is an argument in Python alone."""
    return _field(Parameter("value", default, help))


def cells() -> Iterable[str]:
    """Return the names of all cells; torch is loaded only when a name is to be checked."""
    from nurt.nn import CELLS

    return CELLS


def starts() -> Iterable[str]:
    """Return the names of what a forecast may start at; they are loaded only when one is to be checked."""
    from nurt.evaluation.forecasts.baselines import STARTS

    return ("auto", "anchor", *STARTS)


def parameters_of(owner: type) -> tuple[Parameter, ...]:
    """Return the parameters of an estimator or a plan, in the order of its fields."""
    return tuple(
        dataclasses.replace(field.metadata["parameter"], name=field.name)
        for field in dataclasses.fields(owner)
        if "parameter" in field.metadata
    )


@dataclass(frozen=True, init=False, repr=False, eq=False)
class TrainingOptions:
    """Options of :class:`nurt.training.TrainingSettings` that every plan offers; None leaves the recipe's value."""

    epochs: int | None = whole(None, "Most passes over the data.", TRAINING)
    batch_size: int | None = whole(None, "Examples per training step.", TRAINING)
    learning_rate: float | None = positive(None, "Step size of Adam.", TRAINING)
    weight_decay: float | None = amount(None, "Decoupled weight decay of Adam, 0 for none.", TRAINING)
    patience: int | None = whole(None, "Epochs without improvement before stopping.", TRAINING)


@dataclass(frozen=True, init=False, repr=False, eq=False)
class MachineOptions:
    """Options about randomness and the machine that every plan offers."""

    seed: int = whole(0, "Fixes everything random.", MACHINE, low=0, high=math.inf)
    seeds: int = whole(1, "Initialisations to train; 5 show how much of the result is luck.", MACHINE)
    threads: int = whole(1, "Threads that compute; for small networks one is the fastest.", MACHINE)


class Plan:
    """What to build and how to judge it; ``recipes`` supplies what the plan leaves at None.

    :func:`plan_for` turns a subclass into a frozen dataclass. Its ``kind`` is that of the estimator it builds.
    """

    kind: ClassVar[str]
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]]

    if TYPE_CHECKING:
        # The fields are those of the tables; type checkers cannot know them.
        def __init__(self, **given: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    def __post_init__(self) -> None:
        # TrainingSettings checks its own.
        elsewhere = {one.name for one in parameters_of(TrainingOptions)}
        for one in parameters_of(type(self)):
            if one.name not in elsewhere:
                one.check(type(self).__name__, getattr(self, one.name))

    def settings(self) -> dict[str, Any]:
        """Return the recipe with what this plan overrides."""
        given = {one.name: getattr(self, one.name) for one in parameters_of(type(self))}
        return dict(self.recipes[self.recipe]) | {name: one for name, one in given.items() if one is not None}

    def estimator(self) -> Any:
        """Return the unfitted estimator of this plan."""
        from nurt.tasks.modelfile import kind_of
        from nurt.training.settings import TrainingSettings

        settings = self.settings()
        estimator = kind_of(self.kind)
        model = {name: settings[name] for name in estimator.parameter_names() if name in settings}
        trainer = {field.name for field in dataclasses.fields(TrainingSettings)} - {"seed"}
        training = TrainingSettings(**{name: one for name, one in settings.items() if name in trainer})
        return estimator(**model | {"training": training, "random_state": self.seed})


def plan_for(estimator: type) -> Callable[[type[P]], type[P]]:
    """Return a decorator that makes a plan a frozen dataclass with the options of an estimator added.

    Options of a panel that leaves them to the recipe default to None, the others to the estimator's default; an option
    that the plan writes itself stays as it is written.
    """

    def extend(plan: type[P]) -> type[P]:
        own = inspect.get_annotations(plan)
        added = [one for one in parameters_of(estimator) if one.panel is not None and one.name not in own]
        for one in added:
            left = one.panel is not None and one.panel.from_recipe
            setattr(plan, one.name, _field(dataclasses.replace(one, default=None if left else one.default)))
        # The order of the fields is that of the help: the recipe, the estimator, what judges it.
        order = ["recipe", *(one.name for one in added), *own]
        plan.__annotations__ = {name: own.get(name, "Any") for name in order}
        return dataclass(frozen=True)(plan)

    return extend


def documented(docstring: str | None, parameters: Sequence[Parameter]) -> str:
    """Return a docstring with the parameters as its arguments, after the text and before the example."""
    lines = [f"        {one.name}: {one.help}" for one in parameters]
    text, mark, rest = (docstring or "").rstrip().partition("\n\n    Example:")
    return "\n".join([f"{text}\n\n    Args:", *lines]) + mark + rest + "\n    "
