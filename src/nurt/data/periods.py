"""Periods as text: months, quarters, half-years, ISO weeks and years that run from one year into the next."""

from __future__ import annotations

import datetime
import functools
import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from nurt.data.month_names import MONTH, month_number

__all__ = ["PERIODS", "label_of_period", "period_of", "periods_of"]

PERIODS = {
    "month": "months",
    "quarter": "quarters",
    "half": "half-years",
    "week": "weeks of ISO 8601",
    "day of week": "days of weeks of ISO 8601",
    "FY": "fiscal years",
    "split year": "years",
}
"""The kinds of periods, and what several are called."""

_YEAR = "(?P<year>(?:1[5-9]|2[0-2])[0-9]{2})"
_SHORT = "(?P<short>[0-9]{2})"
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4}
_GAP = "[-/ ._:]?"
_PATTERNS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("month", f"{_YEAR}[-/](?P<n>0[1-9]|1[0-2])"),
        ("month", f"(?P<n>0?[1-9]|1[0-2])[-/]{_YEAR}"),
        ("month", f"{_YEAR}[- ]?m(?P<n>0?[1-9]|1[0-2])"),
        ("month", rf"{MONTH}\.?[-/ ,.']{{0,2}}{_YEAR}(?: ?r\.?)?"),
        ("month", rf"{_YEAR}[-/ ,.]{{0,2}}{MONTH}\.?"),
        ("month", rf"{MONTH}\.?[-/ '’]{{1,2}}{_SHORT}"),
        ("quarter", f"{_YEAR}{_GAP}[qk](?P<n>[1-4])"),
        ("quarter", f"[qk](?P<n>[1-4])[-/ ._:']{{0,2}}{_YEAR}"),
        ("quarter", f"[qk](?P<n>[1-4])[-/ '’]{{1,2}}{_SHORT}"),
        ("quarter", f"(?P<n>[1-4])q{_GAP}{_YEAR}"),
        ("quarter", f"(?P<n>[1-4])q[-/ '’]?{_SHORT}"),
        ("quarter", rf"(?P<roman>I|II|III|IV) ?kw(?:\.|artał)? ?{_YEAR}(?: ?r\.?)?"),
        ("quarter", rf"{_YEAR} ?(?P<roman>I|II|III|IV) ?kw(?:\.|artał)?"),
        ("half", f"{_YEAR}{_GAP}[hs](?P<n>[12])"),
        ("half", f"[hs](?P<n>[12])[-/ ']?{_YEAR}"),
        ("week", f"{_YEAR}{_GAP}w(?P<n>[0-5]?[0-9])"),
        ("week", f"w(?:eek ?)?(?P<n>[0-5]?[0-9])[-/ ,]{{1,2}}{_YEAR}"),
        ("day of week", f"{_YEAR}-?w(?P<n>[0-5][0-9])-?(?P<day>[1-7])"),
        ("FY", f"fy[- ']?{_YEAR}"),
        ("FY", f"fy[- ']?{_SHORT}"),
        ("split year", f"{_YEAR}[-/–](?P<next>[0-9]{{2}}|[0-9]{{4}})"),
    )
)
_LAST_OF_THIS_CENTURY = 68
_FEWEST_SPLIT = 3
_MONTHS_OF = {"month": 1, "quarter": 3, "half": 6}
_WEEK = 7


def period_of(cell: str) -> str | None:
    """Return the kind of period that a cell names, None where it names none that exists."""
    kinds = _readings(cell)
    return next(iter(kinds), None)


def periods_of(cells: Sequence[str]) -> tuple[str, list[datetime.date]] | None:
    """Return the kind of the periods that all cells name, and the first day of each; None where there is no one kind.

    ``2010-11`` is November 2010, unless at least three different cells all name two years in a row.

    Args:
        cells: text.
    """
    readings = [_readings(cell) for cell in cells]
    shared = [kind for kind in PERIODS if all(kind in reading for reading in readings)]
    if not shared:
        return None
    split = "split year" in shared and len(set(cells)) >= _FEWEST_SPLIT
    kind = "split year" if split else shared[0]
    if kind == "month" and _may_be_days(cells, [reading[kind] for reading in readings]):
        return None
    return kind, [reading[kind] for reading in readings]


def label_of_period(day: np.datetime64, kind: str) -> str:
    """Return the period that begins on a day, the year first: 2021-08, 2021-Q3, 2021-H2, 2020-W53, FY2021, 2020/21."""
    date = day.astype("datetime64[D]").item()
    if kind == "month":
        return f"{date.year}-{date.month:02}"
    if kind == "quarter":
        return f"{date.year}-Q{(date.month + 2) // 3}"
    if kind == "half":
        return f"{date.year}-H{(date.month + 5) // 6}"
    if kind == "week":
        year, week, _ = date.isocalendar()
        return f"{year}-W{week:02}"
    if kind == "FY":
        return f"FY{date.year}"
    if kind == "split year":
        return f"{date.year}/{(date.year + 1) % 100:02}"
    return str(date)


@functools.lru_cache(maxsize=4096)
def _readings(cell: str) -> dict[str, datetime.date]:
    """Return the first day of the period by each kind that a cell may name."""
    return dict(_all_readings(cell))


def _all_readings(cell: str) -> Iterator[tuple[str, datetime.date]]:
    for kind, pattern in _PATTERNS:
        match = pattern.fullmatch(cell)
        if match is not None and (day := _first_day(kind, match)) is not None:
            yield kind, day


def _first_day(kind: str, match: re.Match[str]) -> datetime.date | None:
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else _century(int(parts["short"]))
    if kind == "FY":
        return datetime.date(year, 1, 1)
    if kind == "split year":
        following = parts["next"]
        consecutive = int(following) == (year + 1 if len(following) > len("21") else (year + 1) % 100)
        return datetime.date(year, 1, 1) if consecutive else None
    if kind in ("week", "day of week"):
        try:
            return datetime.date.fromisocalendar(year, int(parts["n"]), int(parts.get("day") or 1))
        except ValueError:
            return None
    number = month_number(parts["name"]) if parts.get("name") else _number(parts)
    return datetime.date(year, (number - 1) * _MONTHS_OF[kind] + 1, 1)


def _number(parts: dict[str, str]) -> int:
    return _ROMAN[parts["roman"].upper()] if parts.get("roman") else int(parts["n"])


def _century(short: int) -> int:
    return short + (2000 if short <= _LAST_OF_THIS_CENTURY else 1900)


def _may_be_days(cells: Sequence[str], days: Sequence[datetime.date]) -> bool:
    """Whether months such as "Jan 21" may be days of a year: then they seem to be a year apart."""
    if not all(re.fullmatch(rf"{MONTH}\.? [0-9]{{2}}", cell, re.IGNORECASE) for cell in cells):
        return False
    ordered = sorted(set(days))
    return any(earlier.month == later.month for earlier, later in itertools.pairwise(ordered))
