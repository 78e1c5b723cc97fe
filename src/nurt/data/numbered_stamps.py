"""Whole numbers that are times: seconds since 1970, days of a spreadsheet, and dates written as digits alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from nurt.data.steps import find_step

__all__ = ["FORMATS", "NumberedStamps", "is_order_alone", "stamps_as", "stamps_of"]

# Per word of --time-format: microseconds of one unit, and what it counts.
_EPOCHS = {
    "epoch-s": (1_000_000.0, "seconds"),
    "epoch-ms": (1_000.0, "milliseconds"),
    "epoch-us": (1.0, "microseconds"),
    "epoch-ns": (0.001, "nanoseconds"),
}
FORMATS = (*_EPOCHS, "excel", "order")
"""The words that say what the numbers of a column of times are."""

_ORIGIN = np.datetime64("1899-12-30T00:00:00.000000")
_UNIX = np.datetime64("1970-01-01T00:00:00.000000")
# From 1980 to 2033, in microseconds since 1970: what numbers are taken for without being told. From 2e9 seconds on they
# look like dates, 2021033012.
_PLAUSIBLE = (3.2e14, 2e15)
_SERIALS = (10_000.0, 80_000.0)
_YEARS = (1800, 2199)
_MOST_DAYS_APART = 400.0
_DATE_NAMES = re.compile(r"date|data|datetime|date.?time|timestamp|day|dzień|dzien|dt", re.IGNORECASE)
_WEEK_NAMES = re.compile(r".*(week|tydzień|tydzien|yrwk|yearwk).*", re.IGNORECASE)
_SMALLEST_ODD = 10_000


@dataclass(frozen=True)
class NumberedStamps:
    """Numbers read as times.

    Args:
        values: datetime64[D] or datetime64[us], shape (rows,).
        words: what the numbers are, for a note.
        utc: whether they are instants in UTC.
        period: the kind of period each names, None where they are days or times.
    """

    values: np.ndarray
    words: str
    utc: bool = False
    period: str | None = None


def stamps_of(numbers: np.ndarray, name: str, *, named: bool) -> NumberedStamps | None:
    """Return the times that the numbers of a column are, None where they may be something else.

    Args:
        numbers: float64 without NaN, shape (rows,).
        name: of the column.
        named: whether its name is one of a time; otherwise its numbers must be regular as well.
    """
    whole = bool((numbers % 1 == 0).all())
    found = _of_digits(numbers, name) if whole else None
    if found is None and len(numbers) > 1:
        found = _of_epoch(numbers)
    if found is None and named and _DATE_NAMES.fullmatch(name.strip()):
        found = _of_serials(numbers)
    if found is None:
        return None
    return found if named or find_step(np.sort(found.values)) is not None else None


def stamps_as(numbers: np.ndarray, word: str) -> NumberedStamps | None:
    """Return numbers as a person says they are; None for "order", which leaves them as they are.

    Args:
        numbers: float64 without NaN, shape (rows,).
        word: one of :data:`FORMATS`.
    """
    if word == "order":
        return None
    if word == "excel":
        return _serials(numbers)
    return _since_1970(numbers, word)


def is_order_alone(numbers: np.ndarray) -> bool:
    """Return whether numbers are so large that a person may have meant times, although only their order is certain."""
    return bool(np.abs(numbers).max(initial=0.0) >= _SMALLEST_ODD)


def _of_digits(numbers: np.ndarray, name: str) -> NumberedStamps | None:
    """Dates as digits: 202101, 2021032500, 202103250030, 20210325003000; 2021085; 202053 where weeks are named."""
    digits = {len(str(int(numbers.min()))), len(str(int(numbers.max())))}
    if len(digits) > 1 or numbers.min() <= 0:
        return None
    count = digits.pop()
    whole = numbers.astype(np.int64)
    if count == len("202101"):
        year, number = whole // 100, whole % 100
        if not _within(year, *_YEARS):
            return None
        if _WEEK_NAMES.fullmatch(name):
            return _weeks(year, number)
        if not _within(number, 1, 12):
            return None
        return NumberedStamps(_days(year, number, number * 0 + 1), "months, YYYYMM", period="month")
    if count == len("2021085"):
        year, number = whole // 1000, whole % 1000
        days = _days(year, year * 0 + 1, number * 0 + 1) + (number - 1)
        if _within(year, *_YEARS) and _within(number, 1, 366) and (_year_of(days) == year).all():
            return NumberedStamps(days, "days of the year, YYYYDDD")
        return None
    shape = {10: ("YYYYMMDDHH", 10_000), 12: ("YYYYMMDDHHMM", 100), 14: ("YYYYMMDDHHMMSS", 1)}.get(count)
    if shape is None:
        return None
    words, factor = shape
    seconds = whole * factor
    date, clock = seconds // 1_000_000, seconds % 1_000_000
    year, month, day = date // 10_000, date // 100 % 100, date % 100
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    if not (_within(year, *_YEARS) and _within(month, 1, 12) and _within(day, 1, 31)):
        return None
    days = _days(year, month, day)
    real = (days.astype("datetime64[M]").astype(np.int64) % 12 + 1 == month).all()
    if not (real and _within(hour, 0, 23) and _within(minute, 0, 59) and _within(second, 0, 59)):
        return None
    times: Any = days.astype("datetime64[us]") + (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    return NumberedStamps(times, f"dates and hours, {words}")


def _weeks(year: np.ndarray, week: np.ndarray) -> NumberedStamps | None:
    """ISO weeks: the first one of a year holds its fourth of January."""
    if not _within(week, 1, 53):
        return None
    fourth = _days(year, year * 0 + 1, year * 0 + 4)
    monday = fourth - (fourth.astype(np.int64) + 3) % 7
    days = monday + (week - 1) * 7
    return NumberedStamps(days, "weeks of ISO 8601, YYYYWW", period="week") if _in_year(days, year) else None


def _in_year(mondays: np.ndarray, year: np.ndarray) -> bool:
    return bool((_year_of(mondays + 3) == year).all())


def _of_epoch(numbers: np.ndarray) -> NumberedStamps | None:
    for word, (unit, _) in _EPOCHS.items():
        if _PLAUSIBLE[0] <= numbers.min() * unit and numbers.max() * unit < _PLAUSIBLE[1]:
            return _since_1970(numbers, word)
    return None


def _since_1970(numbers: np.ndarray, word: str) -> NumberedStamps:
    unit, counted = _EPOCHS[word]
    microseconds = np.rint(numbers * unit).astype(np.int64)
    return NumberedStamps(_UNIX + microseconds, f"{counted} since 1970 in UTC", utc=True)


def _of_serials(numbers: np.ndarray) -> NumberedStamps | None:
    if not (_SERIALS[0] <= numbers.min() and numbers.max() < _SERIALS[1]):
        return None
    if len(numbers) < 2 or np.ptp(numbers) > _MOST_DAYS_APART * (len(numbers) - 1):
        return None
    return _serials(numbers)


def _serials(numbers: np.ndarray) -> NumberedStamps:
    # A fraction of a day is a rounded time: to the second.
    seconds = np.rint(numbers * 86_400.0).astype(np.int64)
    times = _ORIGIN + seconds * np.timedelta64(1_000_000, "us")
    if (seconds % 86_400 == 0).all():
        times = times.astype("datetime64[D]")
    return NumberedStamps(times, "days of a spreadsheet (day 0 is 1899-12-30)")


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    months: Any = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days: np.ndarray = months.astype("datetime64[D]") + (day - 1)
    return days


def _year_of(days: np.ndarray) -> np.ndarray:
    years: np.ndarray = days.astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def _within(values: np.ndarray, low: int, high: int) -> bool:
    return bool(values.min() >= low and values.max() <= high)
