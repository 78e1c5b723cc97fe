"""Numbers written as text: decimal comma or point, marks of missing values, and ambiguous notations."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = [
    "DECIMALS",
    "NumberColumn",
    "cure_of",
    "is_missing",
    "is_number",
    "missing",
    "parse_numbers",
    "per_cent_note",
    "reason_against",
    "refuse_mixed_marks",
]

DECIMALS = (".", ",")
_MISSING = ("", "na", "n/a", "nan", "null", "none", "-")
_NUMBER = r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_INFINITE = r"[+-]?(?:inf|infinity|∞)"
_ANY_NUMBER = re.compile(rf"(?:{_NUMBER})|(?i:{_INFINITE})")
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
# Space, no-break space, thin space, narrow no-break space, apostrophes; never comma or point, which may be decimal.
_GROUP_MARKS = "[ \u00a0\u2009\u202f'’]"
_GROUPED = re.compile(f"[+-]?[0-9]{{1,3}}(?:{_GROUP_MARKS}[0-9]{{3}})+(?:[.,][0-9]+)?")
_PER_CENT = re.compile("(.*[0-9.,])[ \u00a0\u2009\u202f]?%")
_LISTED = 10
_LARGEST = 1.7976931348623157e308
_DECIMAL_CURE = (
    "Name the decimal mark: --decimal ',' or --decimal '.' on the command line, decimal= in Python; the other mark "
    "then separates thousands. Or export the file again with decimal points and without thousands separators."
)


@dataclass(frozen=True)
class NumberColumn:
    """One column read as numbers.

    Args:
        name: of the column.
        values: Float64; null where the cell is missing or not a number.
        wrong: True where a cell is present and not a number.
        comma, point: True where a cell is written with a decimal comma, with a decimal point.
        grouping: True where a cell has a comma before exactly three digits, which may be a thousands separator.
        per_cent: True where a cell is a number with a per cent sign.
    """

    name: str
    values: pl.Series
    wrong: pl.Series
    comma: pl.Series
    point: pl.Series
    grouping: pl.Series
    per_cent: pl.Series

    def with_one_unit(self) -> NumberColumn:
        """Return the column; its cells in per cent are wrong where others are plain numbers, as 5 % is 5 or 0.05."""
        present = self.values.is_not_null()
        if not self.per_cent.any() or (self.per_cent == present).all():
            return self
        nothing = pl.repeat(None, len(self.values), dtype=pl.Float64, eager=True)
        return replace(self, values=self.values.zip_with(~self.per_cent, nothing), wrong=self.wrong | self.per_cent)

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


def reason_against(cell: str) -> str:
    """Return why a cell cannot stand in a column of numbers, in words that follow the cell."""
    if _PER_CENT.fullmatch(cell) and is_number(cell):
        return "is in per cent, other cells of the column are not"
    if not is_number(cell):
        return "is not a number"
    if math.isinf(float(_plain(cell).replace(",", ".").replace("∞", "inf"))):
        return f"overflows: numbers reach {_LARGEST:.2g}"
    return "is not a number with this decimal mark"


def cure_of(cell: str, decimal: str | None) -> str:
    """Return how to mend a cell that is no number: by the decimal mark where a named one would make it a number."""
    marks = [] if decimal is not None else [mark for mark in DECIMALS if _is_number_with(cell, mark)]
    if not marks:
        return "Correct the cell (empty, NA or null say that a value is missing), or choose another column."
    return (
        f"Name the decimal mark: --decimal '{marks[0]}' on the command line, decimal= in Python; the other mark then "
        "separates thousands."
    )


def _is_number_with(cell: str, decimal: str) -> bool:
    return not parse_numbers([pl.Series([cell])], decimal)[0].wrong.any()


def _plain(cell: str) -> str:
    cell = cell.replace("−", "-")
    per_cent = _PER_CENT.fullmatch(cell)
    cell = per_cent.group(1) if per_cent else cell
    return re.sub(_GROUP_MARKS, "", cell) if _GROUPED.fullmatch(cell) else cell


def parse_numbers(columns: Sequence[pl.Series], decimal: str | None = None) -> list[NumberColumn]:
    """Read columns of text as numbers, without deciding yet which of them are columns of numbers.

    Spaces and apostrophes between groups of three digits, the typographic minus, and columns in per cent (5 % is 5)
    are accepted. All columns (equally long, no nulls) are read as one, because a wide table has a thousand of them.

    Args:
        columns: text.
        decimal: the decimal mark, "." or ","; the other one then separates thousands. None: either, see
            :func:`refuse_mixed_marks`.
    """
    cells = pl.concat([column.rename("") for column in columns])
    plain = cells.str.replace("−", "-", literal=True)
    per_cent = plain.str.contains(f"^{_PER_CENT.pattern}$")
    if per_cent.any():
        plain = plain.zip_with(~per_cent, plain.str.replace(f"^{_PER_CENT.pattern}$", "${1}"))
    grouped = plain.str.contains(f"^{_GROUPED.pattern}$")
    if grouped.any():
        plain = plain.zip_with(~grouped, plain.str.replace_all(_GROUP_MARKS, ""))
    if decimal is not None:
        plain = _with_points(plain, decimal)
    infinite = plain.str.contains(f"^(?i:{_INFINITE})$")
    finite = plain.str.contains(f"^(?:{_NUMBER})$")
    absent = missing(cells)
    values = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    finite &= ~values.is_infinite().fill_null(value=False)
    if infinite.any():
        limit = plain.str.starts_with("-").replace_strict({True: -math.inf, False: math.inf}, return_dtype=pl.Float64)
        values = limit.zip_with(infinite, values)
    known = (finite | infinite) & ~absent
    values = values.zip_with(known, pl.repeat(None, len(cells), dtype=pl.Float64, eager=True))
    marked = finite if decimal is None else finite & False
    parts = (
        values,
        ~(known | absent),
        marked & plain.str.contains(",", literal=True),
        marked & plain.str.contains(".", literal=True),
        plain.str.contains(_THOUSANDS),
        per_cent & known,
    )
    height = len(columns[0])
    return [
        NumberColumn(
            column.name, *(part.slice(index * height, height).alias(column.name) for part in parts)
        ).with_one_unit()
        for index, column in enumerate(columns)
    ]


def per_cent_note(columns: Sequence[NumberColumn]) -> tuple[str, ...]:
    """Return the note on the columns in per cent, if there are any."""
    names = [column.name for column in columns if column.per_cent.any() and not column.wrong.any()]
    if not names:
        return ()
    shown = ", ".join(name_in_words(name) for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (f"Read in per cent, 5 % as 5: {shown}{more}.",)


def _with_points(cells: pl.Series, decimal: str) -> pl.Series:
    """Return numbers with a decimal point and no groups; a cell that uses the marks in another way stays no number."""
    other = "." if decimal == "," else ","
    grouped = cells.str.contains(rf"^[+-]?[0-9]{{1,3}}(?:[{other}][0-9]{{3}})+(?:[{decimal}][0-9]+)?$")
    cells = cells.zip_with(~grouped, cells.str.replace_all(other, "", literal=True))
    # What is left with the other mark is no number under this one: a letter keeps it from being read as one.
    foreign = cells.str.contains(other, literal=True)
    cells = cells.zip_with(~foreign, cells + "?")
    return cells.str.replace(decimal, ".", literal=True)


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
            f"{place(row)}: numbers are written with a comma in column {quoted(with_comma.name)}, but with a point in "
            f"column {quoted(with_point.name)} ({place(other)}).",
            expected="one decimal mark in a file",
            cure=_DECIMAL_CURE,
        )
    ambiguous = all((column.comma == column.grouping).all() for column in columns)
    if ambiguous and separator != ";":
        raise DataError(
            f"{place(row)}: the commas in column {quoted(with_comma.name)} may be decimal marks or thousands "
            "separators.",
            expected="numbers that can be read in one way only",
            cure=_DECIMAL_CURE,
        )
