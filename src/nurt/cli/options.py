"""The options that commands share: one name, one type, one explanation each."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
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
    "SeriesOption",
    "Strategy",
    "TargetOption",
    "ThreadsOption",
    "TimeOption",
    "positive",
    "share",
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


def positive(value: float | None) -> float | None:
    """Refuse numbers that are not finite and above 0; the bounds of an option let NaN and the bound itself pass."""
    if value is not None and not (math.isfinite(value) and value > 0.0):
        raise typer.BadParameter(f"{value} is not a finite number above 0.")
    return value


def share(value: float | None) -> float | None:
    """Refuse numbers that are not in 0 ≤ value < 1."""
    if value is not None and not 0.0 <= value < 1.0:
        raise typer.BadParameter(f"{value} is not a share: at least 0 and below 1.")
    return value


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", help="Data: CSV, Parquet, Excel, JSON; several files are joined.", show_default=False
    ),
]
ModelFile = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A model file that [bold]nurt forecast[/bold] wrote.", show_default=False),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="COLUMN", rich_help_panel=DATA, show_default=False,
        help="The column to forecast; needed where there is more than one column of numbers.",
    ),
]  # fmt: skip
TimeOption = Annotated[
    str | None,
    typer.Option(
        "--time", metavar="COLUMN", rich_help_panel=DATA, show_default="found by itself", help="The column of times."
    ),
]
SeriesOption = Annotated[
    str | None,
    typer.Option(
        "--series", metavar="COLUMN", rich_help_panel=DATA, show_default=False,
        help="The column that tells several series in one file apart.",
    ),
]  # fmt: skip
PastCovariateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--past-covariate", metavar="COLUMN", rich_help_panel=DATA, show_default=False,
        help="A further column the network may read, known up to the moment of the forecast; repeatable.",
    ),
]  # fmt: skip
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format", rich_help_panel=DATA,
        help="What the files are: NBP exchange rates, GIOŚ air quality, any table, or recognised by itself.",
    ),
]  # fmt: skip
OnDuplicateOption = Annotated[
    OnDuplicate,
    typer.Option("--on-duplicate", rich_help_panel=DATA, help="What to do with times that occur twice and disagree."),
]
OnUnorderedOption = Annotated[
    OnUnordered, typer.Option("--on-unordered", rich_help_panel=DATA, help="What to do with rows out of order.")
]
GridOption = Annotated[
    str | None,
    typer.Option(
        "--grid", metavar="STEP", rich_help_panel=DATA, show_default="none: the axis is the order of rows",
        help="Put the rows on a regular grid of times, such as 1h, 15min or 1d; absent times become missing values.",
    ),
]  # fmt: skip
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        rich_help_panel=MACHINE,
        show_default="chosen by itself",
        help="Threads that compute.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", rich_help_panel=OUTPUT, help="Print the result as one JSON object, and nothing else."),
]
CsvOption = Annotated[
    Path | None,
    typer.Option(
        "--csv", metavar="FILE", rich_help_panel=OUTPUT, show_default=False, help="Write the forecast as CSV."
    ),
]
