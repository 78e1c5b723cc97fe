"""Local times of a named time zone as instants: the hour that is missing in spring and the one that comes twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nurt.data.clock import LocalClock
from nurt.errors import DataError, NurtValueError
from nurt.wording import quoted

__all__ = ["instants_in", "instants_of", "zone_clock"]

# Forecasts are shown in local time, so the clock reaches beyond the last row.
_BEYOND = np.timedelta64(1100, "D")
_HOUR = np.timedelta64(1, "h")


def instants_in(
    zone: str, local: np.ndarray, series: np.ndarray | None, place: Callable[[int], str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return local times as instants in UTC.

    A time of the hour that comes twice is its first run where it occurs first in the file, and its second run where it
    occurs again, the other way round in a file that is newest first.

    Args:
        zone: a name such as Europe/Warsaw.
        local: datetime64 without an offset, shape (rows,).
        series: identifier of the series of each row, or None.
        place: returns file and line of a row, for messages.

    Returns:
        datetime64[us] of shape (rows,), and a note on times that could be either.

    Raises:
        NurtValueError: the zone is unknown.
        DataError: a time does not exist there.
    """
    first, second = _both(zone, local)
    absent = np.isnat(first)
    if absent.any():
        row = int(absent.argmax())
        raise DataError(
            f"{place(row)}: {local[row]} does not exist in {zone}, where the clock was put forward.",
            cure="Correct the time, or leave --timezone out (timezone= in Python) if the times are not local ones.",
        )
    twice = np.flatnonzero(first != second)
    if not twice.size:
        return first, ()
    newest_first = local[0] > local[-1]
    rows = twice[::-1] if newest_first else twice
    seen: dict[tuple[Any, str], int] = {}
    for row in rows.tolist():
        key = (local[row], "" if series is None else str(series[row]))
        if seen.setdefault(key, 0):
            first[row] = second[row]
        seen[key] += 1
    alone = sum(count == 1 for count in seen.values())
    note = f"{alone} time(s) of an hour that comes twice in {zone} occur once; they were read as its first run."
    return first, (note,) if alone else ()


def instants_of(labels: np.ndarray, offset: str) -> np.ndarray:
    """Return times that are written with one offset from UTC as instants in UTC, datetime64[us].

    Args:
        labels: datetime64 as written, shape (rows,).
        offset: "UTC", "Z", or as +01:00.
    """
    from nurt.data.dates import offset_minutes

    minutes = 0 if offset == "UTC" else offset_minutes(offset)
    instants: np.ndarray = labels.astype("datetime64[us]") - np.timedelta64(minutes, "m")
    return instants


def zone_clock(zone: str, instants: np.ndarray) -> LocalClock | None:
    """Return the clock of a time zone around some instants in UTC.

    Raises:
        NurtValueError: the zone is unknown.
    """
    import polars as pl

    hours = np.arange(
        instants.min().astype("datetime64[h]") - _HOUR, instants.max().astype("datetime64[h]") + _BEYOND, _HOUR
    ).astype("datetime64[us]")
    column = pl.Series(hours).dt.replace_time_zone("UTC")
    local = _guarded(zone, lambda: column.dt.convert_time_zone(zone)).dt.replace_time_zone(None).to_numpy()
    return LocalClock.of(hours, ((local - hours) // np.timedelta64(1, "m")).astype(np.int64))


def _both(zone: str, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each local time in its first and in its second run; NaT where it does not exist."""
    import polars as pl

    column = pl.Series(local.astype("datetime64[us]"))

    def read(run: Any) -> np.ndarray:
        there = _guarded(zone, lambda: column.dt.replace_time_zone(zone, ambiguous=run, non_existent="null"))
        instants: np.ndarray = there.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy().copy()
        return instants

    return read("earliest"), read("latest")


def _guarded(zone: str, read: Callable[[], Any]) -> Any:
    import polars as pl

    try:
        return read()
    except pl.exceptions.PolarsError as error:
        raise NurtValueError(
            f"There is no time zone {quoted(zone)}.", expected="a name such as Europe/Warsaw or UTC", got=repr(zone)
        ) from error
