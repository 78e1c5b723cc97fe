"""The table of parameters: what it refuses, the plan and the pages that are made from it."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from nurt.data.scaling import SCALINGS
from nurt.errors import NurtValueError
from nurt.tasks.forecasting import RECIPES, Forecaster, ForecastPlan
from nurt.tasks.forecasting.network import LOSSES
from nurt.tasks.parameters import (
    NETWORK,
    TASK,
    Plan,
    TrainingOptions,
    amount,
    choice,
    parameters_of,
    plan_for,
    positive,
    share,
    value,
    whole,
    words,
)
from nurt.training import TrainingSettings

HOOK = Path(__file__).resolve().parents[2] / "docs" / "hooks" / "command_page.py"


@dataclass
class Options:
    """One parameter of each kind."""

    layers: int = whole(2, "Layers.", NETWORK, high=5)
    dropout: float = share(0.0, "Dropout.", NETWORK, high=0.5)
    rate: float = positive(0.1, "Rate.")
    decay: float = amount(0.0, "Decay.")
    cell: str = choice("a", lambda: ["a", "b"], "Cell.", TASK, unlisted=("c",))
    anything: object = value(None, "Anything.")


def _check(name: str, given: object) -> None:
    next(one for one in parameters_of(Options) if one.name == name).check("Task", given)


@pytest.mark.parametrize(
    ("name", "given"),
    [("layers", 5), ("dropout", 0.5), ("dropout", 0), ("rate", 1e9), ("decay", 0), ("cell", "c"), ("anything", {})],
)
def test_what_is_in_range_is_accepted(name: str, given: object) -> None:
    _check(name, given)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("layers", 0, "a whole number from 1 to 5"),
        ("layers", 1.0, "a whole number from 1 to 5"),
        ("layers", True, "a whole number from 1 to 5"),
        ("layers", None, "a whole number from 1 to 5"),
        ("dropout", 0.6, "a number from 0 to 0.5"),
        ("dropout", float("nan"), "a number from 0 to 0.5"),
        ("rate", 0.0, "a finite number above 0"),
        ("rate", float("inf"), "a finite number above 0"),
        ("decay", -1e-9, "a finite number of at least 0"),
        ("decay", "0", "a finite number of at least 0"),
        ("cell", "d", "'a' or 'b' or 'c'"),
        ("cell", 3, "'a' or 'b' or 'c'"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_range(name: str, given: object, expected: str) -> None:
    with pytest.raises(NurtValueError, match=f"Task: un.* `{name}`") as caught:
        _check(name, given)
    assert (caught.value.expected, caught.value.got) == (expected, repr(given))


@plan_for(Options)
class Small(Plan):
    """A plan of the options above."""

    recipes: ClassVar = {"one": {"layers": 3, "rate": 0.5}}
    recipe: str = choice("one", ("one",), "Recipe.", NETWORK)
    rivals: tuple[str, ...] = words(("x", "y"), "Rivals.", TASK, option="rival")


def test_a_plan_holds_the_options_of_the_command_line_and_leaves_the_rest_to_the_recipe() -> None:
    assert [one.name for one in dataclasses.fields(Small)] == ["recipe", "layers", "dropout", "cell", "rivals"]
    assert (Small().layers, Small().dropout, Small().cell) == (None, None, "a")
    assert Small().settings() == {"recipe": "one", "layers": 3, "rate": 0.5, "cell": "a", "rivals": ()}
    assert Small(layers=1).settings()["layers"] == 1
    assert dataclasses.replace(Small(), dropout=0.1) == Small(dropout=0.1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Small().layers = 4
    with pytest.raises(NurtValueError, match="Small: unusable `layers`"):
        Small(layers=6)
    with pytest.raises(TypeError, match="'width'"):
        Small(width=3)


def test_the_options_of_a_forecaster_are_those_it_knows() -> None:
    choices = {one.name: one.words() for one in parameters_of(Forecaster)}
    assert set(choices["scaling"]) == {"auto", *SCALINGS}
    assert set(choices["loss"]) == set(LOSSES)
    (recipe,) = (one for one in parameters_of(ForecastPlan) if one.name == "recipe")
    assert {*recipe.words(), *recipe.unlisted} == set(RECIPES)
    known = {field.name for field in dataclasses.fields(TrainingSettings)}
    assert {field.name for field in dataclasses.fields(TrainingOptions)} <= known
    assert list(inspect.signature(Forecaster).parameters) == Forecaster.parameter_names()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"hidden": 0}, "hidden"),
        ({"loss": "huber"}, "loss"),
        ({"recipe": "secret"}, "recipe"),
        ({"cell": "transformer"}, "cell"),
        ({"test": 1.0}, "test"),
        ({"seeds": 0}, "seeds"),
        ({"validation": 0.95}, "validation"),
    ],
)
def test_a_plan_is_checked_when_it_is_made(given: dict[str, object], word: str) -> None:
    with pytest.raises(NurtValueError, match=f"ForecastPlan: un.* `{word}`"):
        ForecastPlan(**given)


def test_weight_decay_reaches_the_training() -> None:
    assert ForecastPlan(weight_decay=0.25).forecaster().training.weight_decay == 0.25
    assert ForecastPlan().forecaster().training.weight_decay == 0.0
    assert "weight_decay" not in ForecastPlan().settings()


def test_the_page_of_the_forecaster_shows_its_arguments() -> None:
    spec = importlib.util.spec_from_file_location("command_page", HOOK)
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text = hook.ARGUMENTS_PAGE.read_text(encoding="utf-8")
    written = hook.written(text, hook.ARGUMENTS_BEGIN, hook.ARGUMENTS_END)
    assert written == hook.arguments(), "run: python docs/hooks/command_page.py"


@pytest.mark.parametrize("name", ["step_size", "seeds", "threads"])
def test_whole_numbers_that_overflow_are_refused(name: str) -> None:
    with pytest.raises(NurtValueError, match=f"unusable `{name}`"):
        ForecastPlan(**{name: 10**20})
