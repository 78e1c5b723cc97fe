"""Options of the commands: those that several share, and those that a task's table of parameters describes."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_type_hints

import typer

from nurt.cli.faults import blaming
from nurt.tasks.parameters import LARGEST, PANELS, TASK, MachineOptions, Parameter, parameters_of
from nurt.tasks.parameters import MACHINE as MACHINE_PANEL

if TYPE_CHECKING:
    from nurt.data import Selection

__all__ = [
    "DATA",
    "MACHINE",
    "OUTPUT",
    "CsvOption",
    "JsonOption",
    "ModelFile",
    "Reading",
    "SeedOption",
    "ThreadsOption",
    "choice",
    "extended",
    "flag",
    "place",
    "rate",
    "whole",
    "with_options",
]

DATA = "Data"
OUTPUT = "Output"
MACHINE = MACHINE_PANEL.title
Command = TypeVar("Command", bound=Callable[..., None])
# The groups of options of each command that has some.
GROUPS: dict[Callable[..., None], Mapping[str, Any]] = {}
MARKS = {"space": " ", "apostrophe": "'"}
METAVARS = {"whole": "N", "share": "SHARE", "positive": "RATE", "amount": "NUMBER"}


def whole(name: str, help: str, panel: str, *, least: int = 1) -> Any:
    """Return an option for a whole number of at least ``least``."""
    return typer.Option(name, min=least, max=LARGEST, metavar="N", help=help, rich_help_panel=panel)


def choice(name: str, help: str, panel: str, metavar: str | None = None) -> Any:
    """Return an option that takes one of a few words."""
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=panel)


def column(name: str, help: str) -> Any:
    """Return an option that takes the name of a column."""
    return typer.Option(name, metavar="COLUMN", help=help, rich_help_panel=DATA)


def rate(name: str, help: str, panel: str, metavar: str = "RATE") -> Any:
    """Return an option for a finite number above 0."""
    return typer.Option(name, callback=_rate, metavar=metavar, help=help, rich_help_panel=panel)


def flag(name: str, help: str) -> Any:
    """Return an option that is on or off."""
    return typer.Option(name, help=help, rich_help_panel=OUTPUT)


def place(name: str, metavar: str, help: str) -> Any:
    """Return an option that names a file or a folder."""
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=OUTPUT)


def option_for(parameter: Parameter) -> Any:
    """Return the option that a parameter of a task is on the command line.

    It refuses values of another kind; the constructor or the plan checks the range.
    """
    checks = {"share": _share, "positive": _rate, "amount": _amount, "words": _words(parameter)}
    if callable(parameter.choices):
        checks["choice"] = _words(parameter)
    return typer.Option(
        f"--{(parameter.option or parameter.name).replace('_', '-')}",
        min=parameter.low if parameter.kind == "whole" else None,
        metavar=parameter.metavar or METAVARS.get(parameter.kind),
        callback=checks.get(parameter.kind),
        help=parameter.help,
        rich_help_panel=None if parameter.panel is None else parameter.panel.title,
    )


def _type_of(parameter: Parameter) -> Any:
    types: dict[str, Any] = {
        "whole": int,
        "share": float,
        "positive": float,
        "amount": float,
        "words": list[str],
        "text": str,
    }
    if parameter.kind == "choice":
        types["choice"] = str if callable(parameter.choices) else Literal[parameter.choices]
    kind = types[parameter.kind]
    return kind | None if parameter.default is None or parameter.kind == "words" else kind


def _rate(value: float | None) -> float | None:
    # Bounds of an option let NaN pass, and the bound itself.
    if value is not None and not (math.isfinite(value) and value > 0.0):
        raise typer.BadParameter(f"{value} is not a finite number above 0.")
    return value


def _amount(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value >= 0.0):
        raise typer.BadParameter(f"{value} is not a finite number of at least 0.")
    return value


def _share(value: float | None) -> float | None:
    if value is not None and not 0.0 <= value < 1.0:
        raise typer.BadParameter(f"{value} is not a share: at least 0 and below 1.")
    return value


def _words(parameter: Parameter) -> Callable[[Any], Any]:
    def check(given: Any) -> Any:
        for word in [given] if isinstance(given, str) else given or ():
            if word not in parameter.words():
                raise typer.BadParameter(f"{word!r} is not one of {', '.join(parameter.words())}.")
        return given

    return check


_machine = {one.name: one for one in parameters_of(MachineOptions)}

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, as nurt forecast writes it.")]
SeedOption = Annotated[int, option_for(_machine["seed"])]
ThreadsOption = Annotated[int, option_for(_machine["threads"])]
JsonOption = Annotated[bool, flag("--json", "Print the result as one JSON object, and nothing else.")]
CsvOption = Annotated[Path | None, place("--csv", "FILE", "Write every step as CSV.")]


@dataclass(frozen=True)
class Reading:
    """What to read, and which series to take from it; each field is an option."""

    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Data: CSV, Parquet, Excel, JSON; several are joined.")
    ]
    target: Annotated[
        list[str] | None,
        column(
            "--target",
            "The column to forecast, needed where there are several columns of numbers; repeatable, a series each. "
            "'all' takes every column of numbers that has no other role.",
        ),
    ] = None
    time: Annotated[str | None, column("--time", "The column of times, where it is not the one found.")] = None
    series: Annotated[str | None, column("--series", "The column that tells several series in one file apart.")] = None
    past_covariate: Annotated[
        list[str] | None,
        column(
            "--past-covariate",
            "A further column to read, numbers or words, known up to the moment of the forecast; repeatable.",
        ),
    ] = None
    future_covariate: Annotated[
        list[str] | None,
        column(
            "--future-covariate",
            "A further column that is known ahead, such as holidays or plans: rows after the last target hold its "
            "values for every step of the forecast; repeatable.",
        ),
    ] = None
    static: Annotated[
        list[str] | None,
        column("--static", "A column with one value per series, numbers or words; repeatable."),
    ] = None
    format: Annotated[
        Literal["auto", "nbp", "gios", "table"],
        choice("--format", "auto recognises NBP exchange rates, GIOŚ air quality and plain tables.", DATA),
    ] = "auto"
    separator: Annotated[
        str | None,
        typer.Option(
            "--separator",
            metavar="CHARACTER",
            rich_help_panel=DATA,
            help="What separates the cells of a text, such as ';', where two could; 'tab' for a tabulator.",
        ),
    ] = None
    decimal: Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar="MARK",
            rich_help_panel=DATA,
            help="The decimal mark, '.' or ',', where numbers can be read in two ways; the other one then separates "
            "thousands.",
        ),
    ] = None
    time_format: Annotated[
        str | None,
        typer.Option(
            "--time-format",
            metavar="FORMAT",
            rich_help_panel=DATA,
            help="How the times are written, such as '%d/%m/%Y %H:%M', where it is not found; or what numbers count: "
            "epoch-s, epoch-ms, epoch-us, epoch-ns, excel, order.",
        ),
    ] = None
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            rich_help_panel=DATA,
            help="The time zone of local times, such as Europe/Warsaw: they are instants then, shown in local time.",
        ),
    ] = None
    thousands: Annotated[
        str | None,
        typer.Option(
            "--thousands",
            metavar="MARK",
            rich_help_panel=DATA,
            help="What separates thousands, where that is not found: ',', '.', space or apostrophe; of ',' and '.' the "
            "other one is then the decimal mark.",
        ),
    ] = None
    missing: Annotated[
        list[str] | None,
        typer.Option(
            "--missing",
            metavar="TOKEN",
            rich_help_panel=DATA,
            help="A cell that stands for a missing value among numbers, as text or as a number such as -9999; "
            "repeatable. Empty cells, NA, null, ?, #N/A and the like need not be named.",
        ),
    ] = None
    skip_lines: Annotated[
        int,
        typer.Option(
            "--skip-lines",
            min=0,
            max=LARGEST,
            metavar="N",
            rich_help_panel=DATA,
            help="Lines above the header that are not read, where it is not found by itself.",
        ),
    ] = 0
    on_duplicate: Annotated[
        Literal["refuse", "first", "last", "mean"],
        choice("--on-duplicate", "What to do with times that occur twice and disagree.", DATA),
    ] = "refuse"
    on_unordered: Annotated[
        Literal["sort", "refuse"], choice("--on-unordered", "What to do with rows out of order.", DATA)
    ] = "sort"
    grid: Annotated[
        str | None,
        typer.Option(
            "--grid",
            metavar="STEP",
            rich_help_panel=DATA,
            help="Put the rows on a regular grid of times, such as 1h, 15min, 1d, 1w, 1mo or 1q; absent times become "
            "missing values. Without it the axis is the order of the rows.",
        ),
    ] = None

    def selection(self) -> Selection:
        """Read the files and choose the series.

        Raises:
            DataError: a file or a column cannot be used.
        """
        from nurt.data import regular_grid, select
        from nurt.data.readers import read

        separator = "\t" if self.separator in ("tab", "\\t") else self.separator
        chosen = select(
            read(
                list(self.files),
                self.format,
                separator=separator,
                decimal=self.decimal,
                thousands=MARKS.get(self.thousands or "", self.thousands),
                missing=tuple(self.missing or ()),
                skip_lines=self.skip_lines,
                time_format=self.time_format,
            ),
            self.target or None,
            time=self.time,
            series=self.series,
            past_covariates=tuple(self.past_covariate or ()),
            future_covariates=tuple(self.future_covariate or ()),
            static=tuple(self.static or ()),
            timezone=self.timezone,
            on_duplicate=self.on_duplicate,
            on_unordered=self.on_unordered,
        )
        if self.grid is None:
            return chosen
        with blaming(chosen.sources):
            grids = tuple(regular_grid(one, self.grid) for one in chosen.series)
        added = sum(len(after) - len(before) for before, after in zip(chosen.series, grids, strict=True))
        note = f"On the grid of {self.grid}, {added} absent times became missing values."
        return dataclasses.replace(chosen, series=grids, notes=(*chosen.notes, note))


def with_options(**groups: type[Reading] | str) -> Callable[[Command], Command]:
    """Return a decorator that replaces arguments of a command by the options of a group, see :func:`extended`.

    Args:
        **groups: argument → :class:`Reading`, which the command receives filled in; or the ``module:Class`` of a plan,
            of which it receives the fields by name. Named, not imported: the list of all commands needs no plan.
    """

    def mark(command: Command) -> Command:
        GROUPS[command] = groups
        return command

    return mark


def extended(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose signature has the options of its groups in the place of their arguments."""
    groups = {
        name: _imported(group) if isinstance(group, str) else group for name, group in GROUPS.get(command, {}).items()
    }
    if not groups:
        return command
    hints = get_type_hints(command, include_extras=True)
    of_groups = {name: _options_of(group) for name, group in groups.items()}
    parameters: list[inspect.Parameter] = []
    for name, one in inspect.signature(command).parameters.items():
        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])]
        parameters += of_groups.get(name, own)

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            values = {one.name: given.pop(one.name) for one in of_groups[name]}
            given[name] = Reading(**values) if group is Reading else _of_plan(values)
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect reads
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _options_of(group: Any) -> list[inspect.Parameter]:
    """Return the options of a group, in the order of its fields."""
    fields: Mapping[str, tuple[Any, Any]]
    if group is Reading:
        hints = get_type_hints(Reading, include_extras=True)
        fields = {one.name: (hints[one.name], one.default) for one in dataclasses.fields(Reading)}
    else:
        fields = {
            one.name: (Annotated[_type_of(one), option_for(one)], None if one.kind == "words" else one.default)
            for one in sorted(parameters_of(group), key=lambda one: PANELS.index(one.panel or TASK))
        }
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=inspect.Parameter.empty if default is dataclasses.MISSING else default,
        )
        for name, (annotation, default) in fields.items()
    ]


def _of_plan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in values.items() if one is not None}
