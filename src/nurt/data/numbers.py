"""Numbers written as text: decimal comma or point, marks of missing values, and ambiguous notations."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from nurt.errors import DataError

__all__ = ["NumberColumn", "is_missing", "is_number", "missing", "parse_numbers", "refuse_mixed_marks"]

_MISSING = ("", "na", "n/a", "nan", "null", "none", "-")
_NUMBER = r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_INFINITE = r"[+-]?(?:inf|infinity|∞)"
_ANY_NUMBER = re.compile(rf"(?:{_NUMBER})|(?i:{_INFINITE})")
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
_GROUPED = re.compile("[+-]?[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?")


@dataclass(frozen=True)
class NumberColumn:
    """One column read as numbers.

    Args:
        name: of the column.
        values: Float64; null where the cell is missing or not a number.
        wrong: True where a cell is present and not a number.
        comma, point: True where a cell is written with a decimal comma, with a decimal point.
        grouping: True where a cell has a comma before exactly three digits, which may be a thousands separator.
    """

    name: str
    values: pl.Series
    wrong: pl.Series
    comma: pl.Series
    point: pl.Series
    grouping: pl.Series

    def or_text(self, written: pl.Series) -> pl.Series:
        """Return the numbers, or the text as it was written (null where missing) when a cell is not a number."""
        if not self.wrong.any():
            return self.values
        nothing = pl.repeat(None, len(written), dtype=pl.String, eager=True)
        return written.zip_with(~missing(written), nothing)


def is_missing(cell: str) -> bool:
    """Return whether a cell marks a missing value."""
    return cell.lower() in _MISSING


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, infinity included."""
    return bool(_ANY_NUMBER.fullmatch(_plain(cell)))


def missing(cells: pl.Series) -> pl.Series:
    """Return True where a cell marks a missing value."""
    return cells.str.to_lowercase().is_in(_MISSING).fill_null(value=True)


def _plain(cell: str) -> str:
    cell = cell.replace("−", "-")
    return re.sub("[ \u00a0\u202f]", "", cell) if _GROUPED.fullmatch(cell) else cell


def parse_numbers(columns: Sequence[pl.Series]) -> list[NumberColumn]:
    """Read columns of text as numbers, without deciding yet which of them are columns of numbers.

    Spaces between groups of three digits and the typographic minus are accepted. All columns (equally long, no
    nulls) are read as one, because a wide table has a thousand of them.
    """
    cells = pl.concat([column.rename("") for column in columns])
    plain = cells.str.replace("−", "-", literal=True)
    grouped = plain.str.contains(f"^{_GROUPED.pattern}$")
    if grouped.any():
        plain = plain.zip_with(~grouped, plain.str.replace_all("[ \u00a0\u202f]", ""))
    infinite = plain.str.contains(f"^(?i:{_INFINITE})$")
    finite = plain.str.contains(f"^(?:{_NUMBER})$")
    absent = missing(cells)
    values = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if infinite.any():
        limit = plain.str.starts_with("-").replace_strict({True: -math.inf, False: math.inf}, return_dtype=pl.Float64)
        values = limit.zip_with(infinite, values)
    known = (finite | infinite) & ~absent
    values = values.zip_with(known, pl.repeat(None, len(cells), dtype=pl.Float64, eager=True))
    parts = (
        values,
        ~(known | absent),
        finite & plain.str.contains(",", literal=True),
        finite & plain.str.contains(".", literal=True),
        plain.str.contains(_THOUSANDS),
    )
    height = len(columns[0])
    return [
        NumberColumn(column.name, *(part.slice(index * height, height).alias(column.name) for part in parts))
        for index, column in enumerate(columns)
    ]


def refuse_mixed_marks(columns: Sequence[NumberColumn], place: Callable[[int], str], *, separator: str | None) -> None:
    """Refuse a file whose numbers are ambiguous.

    Args:
        columns: the columns of numbers of one file. Cells of a workbook that are numbers have no mark of their own.
        place: returns file and line of a row.
        separator: of the fields; semicolons are the convention where the comma is the decimal mark, otherwise
            ``1,234`` may be grouped thousands.

    Raises:
        DataError: both decimal marks appear, or every comma may be a thousands separator.
    """
    with_comma = next((column for column in columns if column.comma.any()), None)
    with_point = next((column for column in columns if column.point.any()), None)
    if with_comma is None:
        return
    row = int(with_comma.comma.arg_max() or 0)
    if with_point is not None:
        other = int(with_point.point.arg_max() or 0)
        raise DataError(
            f"{place(row)}: numbers are written with a comma in column {with_comma.name!r}, but with a point in "
            f"column {with_point.name!r} ({place(other)}).",
            expected="one decimal mark in a file",
            cure="Export the file again with one decimal mark and without thousands separators.",
        )
    ambiguous = all((column.comma == column.grouping).all() for column in columns)
    if ambiguous and separator != ";":
        raise DataError(
            f"{place(row)}: the commas in column {with_comma.name!r} may be decimal marks or thousands separators.",
            expected="numbers that can be read in one way only",
            cure="Export the file again without thousands separators, or with decimal points.",
        )
