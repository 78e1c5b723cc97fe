"""The calendar as numbers: hour, weekday, month and place in the year of every step, however far ahead."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nurt.data.series import Series
from nurt.data.time_axis import stamps_after
from nurt.errors import MissingExtraError, NurtValueError
from nurt.wording import quoted

__all__ = ["CalendarFeatures", "calendar_features"]

# Pairs of waves over a year.
HARMONICS = 3
YEAR = "year "
# What one year or two seem to repeat may be a trend, or one odd winter.
YEARS = 3
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY = 86_400
_FEWEST = 2


@dataclass(frozen=True)
class CalendarFeatures:
    """Features of the calendar, each between -1 and 1.

    Args:
        names: of the K features; none where the axis has no step of time.
        values: shape (n + beyond, K).
    """

    names: tuple[str, ...]
    values: np.ndarray

    def varying(self, rows: int) -> tuple[str, ...]:
        """Return the names of the features that are not constant over the first ``rows`` rows."""
        head = self.values[:rows]
        varies = head.max(axis=0) > head.min(axis=0) if rows else np.zeros(len(self.names), dtype=bool)
        return tuple(name for name, one in zip(self.names, varies, strict=True) if one)


def calendar_features(
    series: Series, beyond: int, *, country: str | None = None, names: Sequence[str] | None = None
) -> CalendarFeatures:
    """Return the calendar of every row of a series and of some steps after it.

    Which features there are depends on the step of the axis:

    - below a day: the hour of working days and that of free days (Saturday, Sunday, holidays), the weekday;
    - a day: the weekday;
    - up to two weeks: also three pairs of waves over the year, which are 0 where the series covers less than three
      years, as what one or two seem to repeat may be a trend;
    - months: the month; quarters: the quarter.

    So all series of one step have the same features; those that are constant over the rows of a training have nothing
    to add and are left out by :meth:`CalendarFeatures.varying`.

    Dates and hours are those of the local clock where the series has one; after its last known change the offset
    stays. An axis without a regular step of time has no features, as its next labels are not known.

    Args:
        series: with labels that are instants or days.
        beyond: steps after the last row, 0 or more.
        country: code such as "PL", or "DE-BY" with a part of the country: then ``holiday`` is a feature of steps up to
            a day.
        names: the features to return, in this order, waves over the year however short the series; None for all.

    Raises:
        NurtValueError: a name is unknown on this axis, ``beyond`` is negative, or no holidays are known of the country.
        MissingExtraError: holidays are asked for and the package holidays is not installed.

    Example:
        >>> time = np.arange("2025-01-01", "2025-01-15", dtype="datetime64[D]")
        >>> calendar_features(Series(np.zeros(14), time=time), beyond=7).values.shape
        (21, 13)
    """
    if beyond < 0:
        raise NurtValueError("calendar_features: steps after the series.", expected="0 or more", got=str(beyond))
    stamps = _stamps(series, beyond)
    found = {} if stamps is None else _features(stamps, country)
    wanted = tuple(found) if names is None else tuple(names)
    if names is None and stamps is not None and not _covers_years(stamps[: len(series)]):
        found |= {name: np.zeros(len(stamps)) for name in found if name.startswith(YEAR)}
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise NurtValueError(
            f"The calendar of series {quoted(series.name)} has no feature {quoted(unknown[0])}.",
            expected=", ".join(found) or "labels with a regular step of time",
            got=unknown[0],
            cure="Give data with the step of time that these features were made for.",
        )
    rows = len(series) + beyond
    columns = [found[name] for name in wanted]
    return CalendarFeatures(wanted, np.stack(columns, axis=1) if columns else np.empty((rows, 0)))


def _stamps(series: Series, beyond: int) -> np.ndarray | None:
    """Return local times of all rows and of those after them, datetime64[s]; None without a regular step of time."""
    if series.time is None or series.time.dtype.kind != "M":
        return None
    following = stamps_after(series, beyond)
    if following is None or len(series) + beyond < _FEWEST:
        return None
    time = np.concatenate([series.time.astype("datetime64[s]"), following.astype("datetime64[s]")])
    if series.clock is None:
        return time
    local: np.ndarray = time + series.clock.offsets_at(time).astype("timedelta64[m]")
    return local


def _covers_years(stamps: np.ndarray) -> bool:
    return bool(len(stamps)) and bool(stamps[-1] - stamps[0] >= YEARS * np.timedelta64(365, "D"))


def _features(stamps: np.ndarray, country: str | None) -> dict[str, np.ndarray]:
    step = float(np.median(np.diff(stamps).astype(np.int64)))
    days = stamps.astype("datetime64[D]")
    seconds = (stamps - days).astype(np.int64)
    weekday = (days.astype(np.int64) + 3) % 7
    found: dict[str, np.ndarray] = {}
    free = weekday >= 5
    if country is not None and step <= _DAY:
        holiday = np.isin(days, _holidays(days, country))
        found["holiday"] = holiday.astype(np.float64)
        free |= holiday
    if step < _DAY:
        for hour in range(24):
            found[f"working day {hour:02}:00"] = ((seconds // 3600 == hour) & ~free).astype(np.float64)
            found[f"free day {hour:02}:00"] = ((seconds // 3600 == hour) & free).astype(np.float64)
    if step <= _DAY:
        found |= {name: (weekday == place).astype(np.float64) for place, name in enumerate(WEEKDAYS)}
    if step <= 14 * _DAY:
        return found | _waves(stamps)
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    if step <= 31 * _DAY:
        return {f"month {place + 1}": (month == place).astype(np.float64) for place in range(12)}
    if step <= 92 * _DAY:
        return {f"quarter {place + 1}": (month // 3 == place).astype(np.float64) for place in range(4)}
    return {}


def _waves(stamps: np.ndarray) -> dict[str, np.ndarray]:
    """Return pairs of sine and cosine of the share of the year that has passed, so that every year is one period."""
    years = stamps.astype("datetime64[Y]")
    begins, ends = years.astype(stamps.dtype), (years + 1).astype(stamps.dtype)
    angle = 2 * np.pi * ((stamps - begins) / (ends - begins))
    found = {}
    for pair in range(1, HARMONICS + 1):
        found[f"{YEAR}sine {pair}"], found[f"{YEAR}cosine {pair}"] = np.sin(pair * angle), np.cos(pair * angle)
    return found


def _holidays(days: np.ndarray, country: str) -> np.ndarray:
    """Return the public holidays of the years of some days, datetime64[D]."""
    try:
        holidays: Any = importlib.import_module("holidays")
    except ImportError as error:
        raise MissingExtraError(
            "Public holidays need the package holidays, which is not installed.",
            cure='Install it with `pip install "nurt[calendar]"`, or leave the country out.',
        ) from error
    years = np.unique(days.astype("datetime64[Y]").astype(np.int64) + 1970).tolist()
    code, _, part = country.upper().partition("-")
    try:
        known = holidays.country_holidays(code, subdiv=part or None, years=years)
    except NotImplementedError as error:
        raise NurtValueError(
            "No public holidays are known of this country.",
            expected="a code of two letters such as PL, or of a part of a country such as DE-BY",
            got=country,
        ) from error
    return np.array(sorted(known), dtype="datetime64[D]")
