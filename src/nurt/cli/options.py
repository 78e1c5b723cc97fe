"""The options that commands share: one name, one type, one explanation each."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

__all__ = [
    "DATA",
    "MACHINE",
    "OUTPUT",
    "Cell",
    "CsvOption",
    "Files",
    "Format",
    "FormatOption",
    "GridOption",
    "JsonOption",
    "Loss",
    "ModelFile",
    "OnDuplicate",
    "OnDuplicateOption",
    "OnUnordered",
    "OnUnorderedOption",
    "PastCovariateOption",
    "Recipe",
    "Scaling",
    "SeedOption",
    "SeriesOption",
    "Strategy",
    "TargetOption",
    "ThreadsOption",
    "TimeOption",
    "choice",
    "flag",
    "place",
    "rate",
    "share",
    "whole",
]

DATA = "Data"
OUTPUT = "Output"
MACHINE = "Reproducibility and machine"


Recipe = Literal["default", "course"]
Cell = Literal["lstm", "gru", "elman", "linear"]
Strategy = Literal["direct", "recursive"]
Scaling = Literal["window", "minmax", "standard", "none"]
Loss = Literal["quantile", "squared", "absolute"]
Format = Literal["auto", "nbp", "gios", "table"]
OnDuplicate = Literal["refuse", "first", "last", "mean"]
OnUnordered = Literal["sort", "refuse"]


def whole(name: str, help: str, panel: str, *, least: int = 1) -> Any:
    """Return an option for a whole number of at least ``least``."""
    return typer.Option(name, min=least, metavar="N", help=help, rich_help_panel=panel)


def choice(name: str, help: str, panel: str, metavar: str | None = None) -> Any:
    """Return an option that takes one of a few words."""
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=panel)


def column(name: str, help: str) -> Any:
    """Return an option that takes the name of a column."""
    return typer.Option(name, metavar="COLUMN", help=help, rich_help_panel=DATA)


def share(name: str, help: str, panel: str) -> Any:
    """Return an option for a number in 0 ≤ value < 1."""
    return typer.Option(name, callback=_share, metavar="SHARE", help=help, rich_help_panel=panel)


def rate(name: str, help: str, panel: str, metavar: str = "RATE") -> Any:
    """Return an option for a finite number above 0."""
    return typer.Option(name, callback=_rate, metavar=metavar, help=help, rich_help_panel=panel)


def flag(name: str, help: str) -> Any:
    """Return an option that is on or off."""
    return typer.Option(name, help=help, rich_help_panel=OUTPUT)


def place(name: str, metavar: str, help: str) -> Any:
    """Return an option that names a file or a folder."""
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=OUTPUT)


def _rate(value: float | None) -> float | None:
    # Bounds of an option let NaN pass, and the bound itself.
    if value is not None and not (math.isfinite(value) and value > 0.0):
        raise typer.BadParameter(f"{value} is not a finite number above 0.")
    return value


def _share(value: float | None) -> float | None:
    if value is not None and not 0.0 <= value < 1.0:
        raise typer.BadParameter(f"{value} is not a share: at least 0 and below 1.")
    return value


def _statistical(values: list[str] | None) -> list[str] | None:
    from nurt.evaluation.forecasts.baselines import STATISTICAL

    for value in values or ():
        if value not in STATISTICAL:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(STATISTICAL)}.")
    return values


Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Data: CSV, Parquet, Excel, JSON; several are joined.")
]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file, as nurt forecast writes it.")]
TargetOption = Annotated[
    str | None, column("--target", "The column to forecast; needed where there are several columns of numbers.")
]
TimeOption = Annotated[str | None, column("--time", "The column of times, where it is not the one found.")]
SeriesOption = Annotated[str | None, column("--series", "The column that tells several series in one file apart.")]
PastCovariateOption = Annotated[
    list[str] | None,
    column("--past-covariate", "A further column to read, known up to the moment of the forecast; repeatable."),
]
FormatOption = Annotated[
    Format, choice("--format", "auto recognises NBP exchange rates, GIOŚ air quality and plain tables.", DATA)
]
OnDuplicateOption = Annotated[
    OnDuplicate, choice("--on-duplicate", "What to do with times that occur twice and disagree.", DATA)
]
OnUnorderedOption = Annotated[OnUnordered, choice("--on-unordered", "What to do with rows out of order.", DATA)]
GridOption = Annotated[
    str | None,
    typer.Option(
        "--grid",
        metavar="STEP",
        rich_help_panel=DATA,
        help="Put the rows on a regular grid of times, such as 1h, 15min or 1d; absent times become missing values. "
        "Without it the axis is the order of the rows.",
    ),
]
BaselineOption = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        metavar="[ets|arima|theta]",
        rich_help_panel="Task",
        callback=_statistical,
        help="A statistical model to judge against too; needs the extra statistical; repeatable.",
    ),
]
SeedOption = Annotated[int, whole("--seed", "Fixes everything random.", MACHINE, least=0)]
ThreadsOption = Annotated[
    int, whole("--threads", "Threads that compute; for small networks one is the fastest.", MACHINE)
]
JsonOption = Annotated[bool, flag("--json", "Print the result as one JSON object, and nothing else.")]
CsvOption = Annotated[Path | None, place("--csv", "FILE", "Write every step as CSV.")]
