"""Cells that are no numbers, and numbers that can be read in two ways: why they are refused, and how to mend them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import polars as pl

from nurt.data.notation import DECIMALS, NumberNotation
from nurt.data.numbers import PER_CENT, NumberColumn, bare, is_number, looks_numeric, parse_numbers
from nurt.errors import DataError
from nurt.wording import quoted

__all__ = ["cure_of", "reason_against", "refuse_mixed_marks"]

_CURRENCY = re.compile("[$€£¥₹₽₩₺₴฿¢]|PLN|EUR|USD|GBP|CHF|zł")
_THOUSAND = 1000.0
_LEAST_TELLING = 100.0
_LARGEST = 1.7976931348623157e308
_CORRECT = (
    "Correct the cell, name it by --missing where it stands for a missing value (missing= in Python; empty cells, NA "
    "and null need no name), or choose another column."
)
_FORMS = {
    "parentheses": "Parentheses may mean that a number is negative: write negative numbers as -5, or choose another "
    "column.",
    "minus behind": "A minus behind a number may mean that it is negative: write negative numbers as -5, or choose "
    "another column.",
    "currency": "Write the amounts without the sign of the currency, as 5 or 5.00, or choose another column.",
}
_DECIMAL_CURE = (
    "Name the decimal mark: --decimal ',' or --decimal '.' on the command line, decimal= in Python; the other mark "
    "then separates thousands. Or name the separator of thousands by --thousands (thousands= in Python), or export "
    "the file again with decimal points and without such separators."
)


def reason_against(cell: str) -> str:
    """Return why a cell cannot stand in a column of numbers, in words that follow the cell."""
    if PER_CENT.fullmatch(cell) and is_number(cell):
        return "is in per cent, other cells of the column are not"
    if not is_number(cell):
        return "is not a number"
    if math.isinf(float(bare(cell).replace(",", ".").replace("∞", "inf"))):
        return f"overflows: numbers reach {_LARGEST:.2g}"
    return "is not a number with this decimal mark"


def cure_of(cell: str, notation: NumberNotation) -> str:
    """Return how to mend a cell that is no number: by the decimal mark where a named one would make it a number."""
    if PER_CENT.fullmatch(cell):
        return "Write every cell of the column with the sign, or every cell without it; or choose another column."
    marks = [] if notation.point is not None else [mark for mark in DECIMALS if _is_number_with(cell, mark)]
    if marks:
        return (
            f"Name the decimal mark: --decimal '{marks[0]}' on the command line, decimal= in Python; the other mark "
            "then separates thousands."
        )
    return _FORMS.get(_form_of(cell), _CORRECT)


def _form_of(cell: str) -> str:
    """Return how a cell differs from a number where accountants write it so; "" where it does in another way."""
    if not any(map(str.isdigit, cell)):
        return ""
    if cell.startswith("(") and cell.endswith(")"):
        return "parentheses"
    if cell.endswith(("-", "−")) and looks_numeric(cell[:-1].strip()):
        return "minus behind"
    return "currency" if _CURRENCY.search(cell) else ""


def _is_number_with(cell: str, decimal: str) -> bool:
    return not parse_numbers([pl.Series([cell])], NumberNotation(decimal))[0].wrong.any()


def refuse_mixed_marks(columns: Sequence[NumberColumn], place: Callable[[int], str], *, separator: str | None) -> None:
    """Refuse a file whose numbers are ambiguous.

    Args:
        columns: the columns of numbers of one file. Cells of a workbook that are numbers have no mark of their own.
        place: returns file and line of a row.
        separator: of the fields; semicolons are the convention where the comma is the decimal mark, otherwise
            ``1,234`` may be grouped thousands.

    Raises:
        DataError: both decimal marks appear, every comma may be a thousands separator, or the marks of a column stand
            only where thousands end.
    """
    for column in columns:
        _refuse_doubtful_thousands(column, place)
    with_comma = next((column for column in columns if column.comma.any() or column.decimal == ","), None)
    with_point = next((column for column in columns if column.point.any() or column.decimal == "."), None)
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
    ambiguous = all((column.grouping | ~column.comma).all() and column.decimal is None for column in columns)
    if ambiguous and separator != ";":
        raise DataError(
            f"{place(row)}: the commas in column {quoted(with_comma.name)} may be decimal marks or thousands "
            "separators.",
            expected="numbers that can be read in one way only",
            cure=_DECIMAL_CURE,
        )


def _refuse_doubtful_thousands(column: NumberColumn, place: Callable[[int], str]) -> None:
    """Refuse 987 above 1.234: fractions would show one or two decimals too, and thousands a mark from 1000 on only."""
    marked = column.comma | column.point
    if not marked.any() or not (column.grouping | ~marked).all():
        return
    whole = column.values.filter(~marked).drop_nulls().abs()
    if not whole.is_between(_LEAST_TELLING, _THOUSAND, closed="left").any() or (whole >= _THOUSAND).any():
        return
    row = int(marked.arg_max() or 0)
    mark = "commas" if column.comma.any() else "points"
    raise DataError(
        f"{place(row)}: the {mark} in column {quoted(column.name)} may be decimal marks or thousands separators: "
        "three digits follow each of them, and the other cells are whole numbers below 1000.",
        expected="numbers that can be read in one way only",
        cure=_DECIMAL_CURE,
    )
