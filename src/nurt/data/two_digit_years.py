"""Dates with two digits for the year: the order of day, month and year is decided by the whole column, or refused."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence

import polars as pl

from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["PATTERN", "with_four_digits"]

PATTERN = r"[0-9]{1,2}(?:\.[0-9]{1,2}\.|/[0-9]{1,2}/|-[0-9]{1,2}-)[0-9]{2}"
_PARTS = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})[./-]([0-9]{2})(.*)", re.DOTALL)
# Where day, month and year stand. Points are written between day, month and year, in this order, only.
_ORDERS = {"day first": (0, 1, 2), "month first": (1, 0, 2), "year first": (2, 1, 0)}
_LAST_OF_THIS_CENTURY = 68
"""POSIX: 69 to 99 are of the twentieth century, 00 to 68 of this one."""


def with_four_digits(cells: pl.Series, place: Callable[[int], str]) -> tuple[pl.Series, tuple[str, ...]]:
    """Return the dates as YYYY-MM-DD, each with the time of day that follows it, and a note; other cells as they are.

    Args:
        cells: text; the dates have the form DD.MM.YY, DD/MM/YY, MM/DD/YY, DD-MM-YY or YY-MM-DD.
        place: returns file and line of a row, for messages.

    Raises:
        DataError: more than one order gives dates that exist, or none does.
    """
    matches = [_PARTS.fullmatch(cell or "") for cell in cells]
    fields = [(int(match[1]), int(match[3]), int(match[4])) for match in matches if match]
    mark = next(match[2] for match in matches if match)
    possible = {name: order for name, order in _ORDERS.items() if all(_date(row, order) for row in fields)}
    likely = {name: order for name, order in possible.items() if _days_vary_most(fields, order)}
    chosen = likely if len(likely) == 1 else possible
    if mark == ".":
        chosen = {name: order for name, order in chosen.items() if name != "month first"}
    row = next(index for index, match in enumerate(matches) if match)
    if not possible:
        bad = _first_impossible(fields, mark)
        row = [index for index, match in enumerate(matches) if match][bad]
        raise DataError(
            f"{place(row)}: {quoted(cells[row])} is not a date that exists.",
            expected="dates with day, month and two digits of the year in one order",
            cure="Correct the date in the file; best, write YYYY-MM-DD.",
        )
    if len(chosen) != 1:
        raise DataError(
            f"{place(row)}: days could be months or years: dates such as {quoted(cells[row])} can be read as "
            f"{' or as '.join(possible)}.",
            expected="dates that can be read in one way only",
            cure="Write the dates as YYYY-MM-DD.",
        )
    (name, order), *_ = chosen.items()
    written = [
        f"{_date(_numbers(match), order)}{match[5]}" if match else cell
        for match, cell in zip(matches, cells, strict=True)
    ]
    shown = f"{name_in_words(cells[row])} is {name_in_words(written[row])}"
    note = f"Years have two digits; they were read as 1969 to 2068, {name}: {shown}."
    return pl.Series(cells.name, written, dtype=pl.String), (note,)


def _numbers(match: re.Match[str]) -> tuple[int, int, int]:
    return int(match[1]), int(match[3]), int(match[4])


def _date(fields: Sequence[int], order: tuple[int, int, int]) -> datetime.date | None:
    day, month, year = (fields[index] for index in order)
    try:
        return datetime.date(year + (2000 if year <= _LAST_OF_THIS_CENTURY else 1900), month, day)
    except ValueError:
        return None


def _days_vary_most(fields: Sequence[tuple[int, int, int]], order: tuple[int, int, int]) -> bool:
    """Whether the days of an order take at least as many values as its years: rows are days more often than years."""
    days = len({row[order[0]] for row in fields})
    years = len({row[order[2]] for row in fields})
    return days >= years


def _first_impossible(fields: Sequence[tuple[int, int, int]], mark: str) -> int:
    """Return the first date that does not exist under the order that fits the most."""
    orders = [_ORDERS["day first"]] if mark == "." else list(_ORDERS.values())
    best = max(orders, key=lambda order: sum(_date(row, order) is not None for row in fields))
    return next(index for index, row in enumerate(fields) if _date(row, best) is None)
