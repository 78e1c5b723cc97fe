"""One yearly archive of NBP table A: codes, rates and footer, cross-checked so that no rate changes its currency."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from nurt.data.readers.body import align, refuse_many_short_rows, short_rows_note
from nurt.data.readers.dates import form_of, parse_dates
from nurt.data.readers.nbp_checks import check_footer, refuse_damaged_rows
from nurt.data.readers.numbers import is_number, parse_numbers, refuse_mixed_marks
from nurt.data.readers.sheet import Sheet, trimmed
from nurt.data.table import Table
from nurt.errors import DataError

__all__ = ["Year", "code_share", "read_archive"]

_CODE = re.compile(r"([1-9][0-9]*) ?([A-Z]{3})")
_LONGEST_HEADER = 12


@dataclass(frozen=True)
class _Quote:
    """One quoted currency: ISO code, units it is quoted for, column in the sheet, Polish name."""

    code: str
    unit: int
    column: int
    name: str = ""


@dataclass(frozen=True)
class Year:
    """One file.

    Args:
        table: its rates, each column named by the ISO code alone.
        units: how many units of a currency its rate is for, by code.
        names: Polish name of the currency by code.
    """

    table: Table
    units: dict[str, int]
    names: dict[str, str]


def code_share(row: Sequence[str]) -> float:
    """Return the share of cells after the first that are codes such as 1USD and 100JPY."""
    cells = trimmed(row)[1:]
    return sum(_CODE.fullmatch(cell) is not None for cell in cells) / max(1, len(cells))


def read_archive(sheet: Sheet) -> Year:
    """Read one archive.

    Raises:
        DataError: codes, rows and footer do not agree, or a cell is no rate.
    """
    top, quotes = _quotes(sheet)
    first = next((row for row in range(top + 1, len(sheet.rows)) if form_of(sheet.rows[row][0])), None)
    if first is None:
        raise sheet.refusal(top, "no row below the currency codes begins with a date", "Fetch the archive again.")
    for row in range(top + 1, first):
        if any(is_number(cell) for cell in sheet.rows[row][1:]):
            raise sheet.refusal(
                row, f"{sheet.rows[row][0]!r} is not a date, but rates stand beside it", "Correct the date."
            )
    stop = next((row for row in range(first, len(sheet.rows)) if not form_of(sheet.rows[row][0])), len(sheet.rows))
    footer_note = check_footer(sheet, stop, [(quote.code, quote.unit) for quote in quotes])
    header = trimmed(sheet.rows[top])
    body = align(sheet, first, stop, len(header))
    refuse_many_short_rows(sheet, body, len(header))

    cells = [pl.Series(name, column) for name, column in zip(header, zip(*body.rows, strict=True), strict=True)]
    dates = parse_dates(cells[0].alias("time"), body.place)
    refuse_damaged_rows(sheet, body, dates.values)
    rates = _rates(quotes, cells, body.place, sheet)
    quoted = {0, *(quote.column for quote in quotes)}
    table = Table(
        frame=pl.DataFrame(
            [dates.values, *rates, *(cells[index] for index in range(len(header)) if index not in quoted)]
        ),
        columns=tuple(quote.code for quote in quotes),
        format="nbp",
        sources=(sheet.file,),
        time="time",
        aliases={header[0]: ("time",)} if header[0] else {},
        notes=(*sheet.notes, *dates.notes, *short_rows_note(body), *footer_note),
        lines=np.asarray(body.lines, dtype=np.int64),
    )
    return Year(table, {quote.code: quote.unit for quote in quotes}, {quote.code: quote.name for quote in quotes})


def _quotes(sheet: Sheet) -> tuple[int, list[_Quote]]:
    """Find the row of codes, and the Polish names in an undated row below it."""
    head = sheet.rows[:_LONGEST_HEADER]
    top = next((index for index, row in enumerate(head) if code_share(row) > 0 and not form_of(row[0])), None)
    if top is None:
        raise sheet.refusal(
            0,
            "no row of currency codes such as 1USD;100JPY was found, so the columns of this table A cannot be named",
            "Fetch the yearly archive again; its first line holds the codes.",
        )
    below = sheet.rows[top + 1] if top + 1 < len(sheet.rows) else []
    names = below if below and not form_of(below[0]) else []
    quotes = []
    for column, cell in enumerate(trimmed(sheet.rows[top])):
        match = _CODE.fullmatch(cell)
        if match:
            name = names[column] if column < len(names) else ""
            quotes.append(_Quote(match.group(2), int(match.group(1)), column, name))
    codes = [quote.code for quote in quotes]
    repeated = next((code for code in codes if codes.count(code) > 1), None)
    if repeated:
        raise sheet.refusal(top, f"the currency {repeated} stands in two columns", "Fetch the yearly archive again.")
    return top, quotes


def _rates(
    quotes: Sequence[_Quote], cells: Sequence[pl.Series], place: Callable[[int], str], sheet: Sheet
) -> list[pl.Series]:
    numbers = parse_numbers([cells[quote.column].alias(quote.code) for quote in quotes])
    refuse_mixed_marks(numbers, place, separator=sheet.separator)
    for quote, number in zip(quotes, numbers, strict=True):
        wrong = number.wrong | ~number.values.is_between(0, 1e9, closed="none").fill_null(value=True)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise DataError(
                f"{place(row)}: {cells[quote.column][row]!r} under {quote.unit}{quote.code} is not an exchange rate.",
                expected="a positive number such as 3,6998, or an empty cell",
                cure="Correct the cell, or fetch the yearly archive again.",
            )
    return [number.values for number in numbers]
