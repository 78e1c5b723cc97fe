"""Dates of a spreadsheet: serial numbers of days since 1899-12-30, with the rounding noise of floating point."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Sequence

from nurt.data.readers.clock import TIME_NAMES

__all__ = ["readable_dates"]

_ORIGIN = datetime.datetime(1899, 12, 30)
_FRACTION = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d+")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_HEADERS = frozenset({*TIME_NAMES, "kod stacji", "kod stanowiska", "wskaźnik", "czas uśredniania"})
_FIRST_SERIAL, _LAST_SERIAL = 10_000.0, 80_000.0


def readable_dates(columns: Sequence[list[str]]) -> tuple[list[list[str]], tuple[str, ...]]:
    """Round times to the second, and turn bare serial numbers under the name of a time into dates.

    Args:
        columns: the cells of each column of a workbook, header included.

    Returns:
        the columns, and a note where serial numbers were turned into dates.
    """
    rounded = [[_rounded(cell) for cell in column] for column in columns]
    found = [_of_serials(column) if _holds_serials(column) else None for column in rounded]
    notes = ("Bare serial numbers of the workbook were read as dates (day 0 is 1899-12-30).",) if any(found) else ()
    return [dates or column for column, dates in zip(rounded, found, strict=True)], notes


def _rounded(cell: str) -> str:
    if not _FRACTION.fullmatch(cell):
        return cell
    return _text(datetime.datetime.fromisoformat(cell))


def _text(moment: datetime.datetime) -> str:
    return (moment + datetime.timedelta(milliseconds=500)).strftime("%Y-%m-%d %H:%M:%S")


def _holds_serials(column: Sequence[str]) -> bool:
    header = next((cell for cell in column if cell), "")
    serials = [float(cell) for cell in column if _NUMBER.fullmatch(cell)]
    others = [cell for cell in column if cell and not _NUMBER.fullmatch(cell)]
    if header.lower() not in _HEADERS or len(serials) < 2 or len(others) > len(serials):
        return False
    ascending = all(earlier < later for earlier, later in itertools.pairwise(serials))
    return ascending and serials[0] > _FIRST_SERIAL and serials[-1] < _LAST_SERIAL


def _of_serials(column: Sequence[str]) -> list[str]:
    return [
        _text(_ORIGIN + datetime.timedelta(days=float(cell))) if _NUMBER.fullmatch(cell) else cell for cell in column
    ]
