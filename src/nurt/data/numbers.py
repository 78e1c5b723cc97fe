"""Numbers written as text: decimal comma or point, groups of digits, marks of missing values, ambiguous notations."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from nurt.data.notation import (
    ANY_NUMBERS,
    APOSTROPHES,
    BLANKS,
    DECIMALS,
    MISSING,
    MISSING_AMONG_NUMBERS,
    NumberNotation,
)
from nurt.wording import name_in_words, quoted

__all__ = [
    "PER_CENT",
    "NumberColumn",
    "bare",
    "is_missing",
    "is_number",
    "looks_missing",
    "looks_numeric",
    "may_name_series",
    "missing",
    "notes_on_numbers",
    "parse_numbers",
]

_NUMBER = r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_INFINITE = r"[+-]?(?:inf|infinity|∞)"
_ANY_NUMBER = re.compile(rf"(?:{_NUMBER})|(?i:{_INFINITE})")
_THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}$"
# Never comma or point, which may be decimal.
_GROUP_MARKS = f"[{BLANKS}{APOSTROPHES}]"
_GROUPED = re.compile(f"[+-]?[0-9]{{1,3}}(?:{_GROUP_MARKS}[0-9]{{3}})+(?:[.,][0-9]+)?")
_MARKED = re.compile(
    r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+\.[0-9]+|(?:\.[0-9]{3})+,[0-9]+|(?:,[0-9]{3}){2,}|(?:\.[0-9]{3}){2,})"
)
PER_CENT = re.compile(f"(.*[0-9.,])[{BLANKS}]?%")
_LISTED = 10
_SAMPLED = 2000


@dataclass(frozen=True)
class NumberColumn:
    """One column read as numbers.

    Args:
        name: of the column.
        values: Float64; null where the cell is missing or not a number.
        wrong: True where a cell is present and not a number.
        comma, point: True where a cell is written with a decimal comma, with a decimal point.
        grouping: True where a cell has a comma or point before exactly three digits, which may separate thousands.
        per_cent: True where a cell is a number with a per cent sign.
        marked: True where a cell holds a mark of a missing value; an empty cell has none.
        decimal: the decimal mark that its groups of digits prove, None where there are none or it was named.
    """

    name: str
    values: pl.Series
    wrong: pl.Series
    comma: pl.Series
    point: pl.Series
    grouping: pl.Series
    per_cent: pl.Series
    marked: pl.Series
    decimal: str | None = None

    def with_one_unit(self) -> NumberColumn:
        """Return the column; its cells in per cent are wrong where others are plain numbers, as 5 % is 5 or 0.05."""
        present = self.values.is_not_null()
        if not self.per_cent.any() or (self.per_cent == present).all():
            return self
        nothing = pl.repeat(None, len(self.values), dtype=pl.Float64, eager=True)
        return replace(self, values=self.values.zip_with(~self.per_cent, nothing), wrong=self.wrong | self.per_cent)

    def or_text(self, written: pl.Series) -> pl.Series:
        """Return the numbers, or the text as it was written (null where empty) when a cell is not a number.

        A mark of a missing value may be a word of its own in a column of text: NA is also Namibia.
        """
        if not self.wrong.any():
            return self.values
        nothing = pl.repeat(None, len(written), dtype=pl.String, eager=True)
        return written.zip_with(written != "", nothing)


def is_missing(cell: str) -> bool:
    """Return whether a cell marks a missing value wherever it stands."""
    return cell.lower() in MISSING


def looks_missing(cell: str) -> bool:
    """Return whether a cell marks a missing value in a column of numbers."""
    return cell.lower() in MISSING_AMONG_NUMBERS


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, infinity included."""
    return bool(_ANY_NUMBER.fullmatch(bare(cell)))


def looks_numeric(cell: str) -> bool:
    """Return whether a cell is a number, or one under one of the decimal marks, such as 5.169,05."""
    plain = bare(cell)
    return bool(_ANY_NUMBER.fullmatch(plain) or _MARKED.fullmatch(plain))


def missing(cells: pl.Series) -> pl.Series:
    """Return True where a cell marks a missing value wherever it stands."""
    return cells.str.to_lowercase().is_in(MISSING).fill_null(value=True)


def bare(cell: str) -> str:
    """Return a cell without a per cent sign and without spaces and apostrophes between groups of digits."""
    cell = cell.replace("−", "-")
    per_cent = PER_CENT.fullmatch(cell)
    cell = per_cent.group(1) if per_cent else cell
    return re.sub(_GROUP_MARKS, "", cell) if _GROUPED.fullmatch(cell) else cell


def parse_numbers(columns: Sequence[pl.Series], notation: NumberNotation = ANY_NUMBERS) -> list[NumberColumn]:
    """Read columns of text as numbers, without deciding yet which of them are columns of numbers.

    Spaces and apostrophes between groups of three digits, the typographic minus, and columns in per cent (5 % is 5)
    are accepted. Marks of missing values (see :data:`nurt.data.notation.MISSING_AMONG_NUMBERS`) are accepted in
    columns with a number. Where one decimal mark, and only that one, makes every cell of a column a number, the other
    mark separates thousands in it: 5.169,05 is 5169.05.

    Args:
        columns: text, equally long, no nulls.
        notation: what was said; where no decimal mark follows from it, either is read, see
            :func:`nurt.data.doubtful.refuse_mixed_marks`.
    """
    # As one column, because a wide table has a thousand of them.
    read = _parsed(columns, notation)
    if notation.point is not None or not notation.groups_with_marks:
        return read
    return [_with_proven_mark(number, column, notation) for column, number in zip(columns, read, strict=True)]


def _parsed(columns: Sequence[pl.Series], notation: NumberNotation) -> list[NumberColumn]:
    cells = pl.concat([column.rename("") for column in columns])
    plain = cells.str.replace("−", "-", literal=True)
    per_cent = plain.str.contains(f"^{PER_CENT.pattern}$")
    if per_cent.any():
        plain = plain.zip_with(~per_cent, plain.str.replace(f"^{PER_CENT.pattern}$", "${1}"))
    if notation.blanks:
        grouped = plain.str.contains(f"^{_GROUPED.pattern.replace(_GROUP_MARKS, f'[{notation.blanks}]')}$")
        if grouped.any():
            plain = plain.zip_with(~grouped, plain.str.replace_all(f"[{notation.blanks}]", ""))
    if notation.point is not None:
        plain = _with_points(plain, notation.point, grouped=notation.groups_with_marks)
    infinite = plain.str.contains(f"^(?i:{_INFINITE})$")
    finite = plain.str.contains(f"^(?:{_NUMBER})$")
    values = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    finite &= ~values.is_infinite().fill_null(value=False)
    if infinite.any():
        limit = plain.str.starts_with("-").replace_strict({True: -math.inf, False: math.inf}, return_dtype=pl.Float64)
        values = limit.zip_with(infinite, values)
    known = finite | infinite
    named = _named_missing(cells, values, known, notation)
    known &= ~named
    absent, weak = _usual_missing(cells, known | named)
    absent |= named
    values = values.zip_with(known, pl.repeat(None, len(cells), dtype=pl.Float64, eager=True))
    marked = finite & known if notation.point is None else finite & False
    parts = (
        values,
        ~(known | absent),
        marked & plain.str.contains(",", literal=True),
        marked & plain.str.contains(".", literal=True),
        plain.str.contains(_THOUSANDS),
        per_cent & known,
        (absent | weak) & (cells != ""),
    )
    height = len(columns[0])
    found = [NumberColumn(column.name, *_cut(parts, index * height, column)) for index, column in enumerate(columns)]
    if weak.any():
        found = [
            replace(number, wrong=number.wrong & ~weak.slice(index * height, height))
            if number.values.null_count() < height
            else number
            for index, number in enumerate(found)
        ]
    return [number.with_one_unit() for number in found]


Parts = tuple[pl.Series, pl.Series, pl.Series, pl.Series, pl.Series, pl.Series, pl.Series]


def _cut(parts: Parts, first: int, column: pl.Series) -> Parts:
    values, wrong, comma, point, grouping, per_cent, marked = (
        part.slice(first, len(column)).alias(column.name) for part in parts
    )
    return values, wrong, comma, point, grouping, per_cent, marked


def _named_missing(cells: pl.Series, values: pl.Series, known: pl.Series, notation: NumberNotation) -> pl.Series:
    """Return True where a cell is one of the marks that a person named."""
    if not notation.missing:
        return known & False
    numbers = pl.Series(notation.missing_numbers, dtype=pl.Float64)
    return cells.is_in(list(notation.missing)) | (known & values.is_in(numbers.to_list()).fill_null(value=False))


def _usual_missing(cells: pl.Series, known: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return True where a cell marks a missing value anywhere, and where it does only among numbers."""
    absent = cells == ""
    rest = ~(known | absent)
    if not rest.any():
        return absent, rest
    # Few cells are neither empty nor numbers, but for columns of text.
    lower = cells.filter(rest).str.to_lowercase()
    places = rest.arg_true()
    return (
        absent.scatter(places, lower.is_in(MISSING)),
        rest.clone().scatter(places, lower.is_in(MISSING_AMONG_NUMBERS)),
    )


def _with_proven_mark(number: NumberColumn, column: pl.Series, notation: NumberNotation) -> NumberColumn:
    if not number.wrong.any() or not looks_numeric(column[int(number.wrong.arg_max() or 0)]):
        return number
    read = [(mark, _parsed([column], replace(notation, decimal=mark))[0]) for mark in DECIMALS]
    fitting = [replace(found, decimal=mark) for mark, found in read if not found.wrong.any()]
    return fitting[0] if len(fitting) == 1 else number


def may_name_series(written: pl.Series) -> bool:
    """Return whether the text of a column of numbers may tell more than its numbers: names such as 007, or 2^53 + 1.

    It may where a cell begins with a zero or has many digits, or where cells repeat, as the names of series do.
    """
    if written.str.contains(r"^0[0-9]|^[0-9]{16}").any():
        return True
    first = written.head(_SAMPLED)
    return first.str.contains(r"[.,+eE]").any() and 2 * first.n_unique() <= len(first)


def notes_on_numbers(columns: Sequence[NumberColumn], written: Sequence[pl.Series]) -> dict[str, tuple[str, ...]]:
    """Return notes on what the numbers of columns were read from, each with the columns it applies to.

    Args:
        columns: as they were read; those with a cell that is no number are passed over.
        written: the text of each.
    """
    notes: dict[str, tuple[str, ...]] = {}
    numeric = [(one, text) for one, text in zip(columns, written, strict=True) if not one.wrong.any()]
    per_cent = [one.name for one, _ in numeric if one.per_cent.any()]
    if per_cent:
        shown = ", ".join(name_in_words(name) for name in per_cent[:_LISTED])
        more = f" and {len(per_cent) - _LISTED} more" if len(per_cent) > _LISTED else ""
        notes[f"Read in per cent, 5 % as 5: {shown}{more}."] = tuple(per_cent)
    for number, text in numeric:
        name = quoted(number.name)
        if number.decimal is not None:
            other = "." if number.decimal == "," else ","
            row = int(text.str.contains(other, literal=True).arg_max() or 0)
            notes[
                f"In column {name}, {other!r} separates thousands and {number.decimal!r} is the decimal mark: "
                f"{quoted(text[row])} is {number.values[row]:.15g}."
            ] = (number.name,)
        if number.marked.any():
            counted = Counter(text.filter(number.marked)).most_common()
            kinds = [f"{quoted(mark)} ({count})" for mark, count in counted[:_LISTED]]
            more = f" and {len(counted) - _LISTED} more" if len(counted) > _LISTED else ""
            notes[f"{int(number.marked.sum())} cells of column {name} read as missing: {', '.join(kinds)}{more}."] = (
                number.name,
            )
    return notes


def _with_points(cells: pl.Series, decimal: str, *, grouped: bool) -> pl.Series:
    """Return numbers with a decimal point and no groups; a cell that uses the marks in another way stays no number."""
    other = "." if decimal == "," else ","
    if grouped:
        groups = cells.str.contains(rf"^[+-]?[0-9]{{1,3}}(?:[{other}][0-9]{{3}})+(?:[{decimal}][0-9]+)?$")
        cells = cells.zip_with(~groups, cells.str.replace_all(other, "", literal=True))
    # What is left with the other mark is no number under this one: a letter keeps it from being read as one.
    foreign = cells.str.contains(other, literal=True)
    cells = cells.zip_with(~foreign, cells + "?")
    return cells.str.replace(decimal, ".", literal=True)
