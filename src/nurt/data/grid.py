"""A regular time grid: absent stamps become rows of missing values; nothing is filled in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from nurt.data.series import Series
from nurt.errors import DataError, NurtValueError

__all__ = ["absent_stamps", "label_after", "regular_grid"]

_STEP = re.compile(r"([1-9][0-9]*) ?([a-z]+)")
_UNITS = {"s": "s", "min": "m", "m": "m", "h": "h", "d": "D", "w": "W", "mo": "M", "month": "M", "y": "Y", "year": "Y"}


def regular_grid(series: Series, step: str | int = "1h") -> Series:
    """Put a series on a regular grid from its first to its last stamp.

    Args:
        series: with labels of dates, times or integers.
        step: distance of the grid: a number and s, min, h, d, w, mo or y ("1h", "15min", "1mo"); an integer where the
            labels are integers.

    Returns:
        the series with NaN (target and covariates) at every stamp that was absent; :func:`absent_stamps` lists them.

    Raises:
        DataError: there are no labels with an order, or one lies between the points of the grid.
    """
    grid, position = _grid(series, step)
    values = np.full(len(grid), np.nan)
    values[position] = series.values
    covariates = np.full((len(grid), len(series.covariate_names)), np.nan)
    covariates[position] = series.covariates
    return replace(series, values=values, covariates=covariates, time=grid, grid=str(step))


def absent_stamps(series: Series, step: str | int = "1h") -> np.ndarray:
    """Return the stamps of the regular grid that the series does not have, shape (number absent,).

    Args:
        series: as in :func:`regular_grid`.
        step: as in :func:`regular_grid`.

    Raises:
        DataError: as in :func:`regular_grid`.
    """
    grid, position = _grid(series, step)
    return np.delete(grid, position)


def label_after(series: Series, steps: int) -> str | None:
    """Return the label ``steps`` after the last one of a series on a regular grid; None where it is not known."""
    if series.grid is None or series.time is None:
        return None
    time = series.time
    if time.dtype.kind == "i":
        return str(time[-1] + steps * _integer_step(series.grid))
    count, unit = _parsed(series.grid)
    if unit not in ("M", "Y"):
        return str(time[-1] + steps * np.array(count, dtype=f"timedelta64[{unit}]"))
    step: Any = np.array(count, dtype=f"timedelta64[{unit}]").astype("timedelta64[M]")
    beyond = (time[-1].astype("datetime64[M]") + (steps + 1) * step).astype(time.dtype)
    return str(_months(np.array([time[0], beyond]), step)[len(series) - 1 + steps])


def _grid(series: Series, step: str | int) -> tuple[np.ndarray, np.ndarray]:
    time = series.time
    if time is None or time.dtype.kind not in "Mi" or not len(time):
        raise DataError(
            f"Series {series.name!r} cannot be put on a regular grid.",
            expected="labels of dates, times or integers",
            got="no labels" if time is None or not len(time) else f"text such as {str(time[0])!r}",
            cure="Choose a time column.",
        )
    if time.dtype.kind == "i":
        grid = np.arange(time[0], time[-1] + 1, _integer_step(step))
    else:
        time, grid = _dates(time, *_parsed(step))
    position = np.minimum(np.searchsorted(grid, time), len(grid) - 1)
    off = grid[position] != time
    if off.any():
        raise DataError(
            f"Series {series.name!r}: {int(off.sum())} stamp(s) lie off a grid of step {step}, "
            f"the first at {time[int(off.argmax())]}.",
            expected=f"stamps a whole number of steps after the first, {time[0]}",
            cure="Choose another step, or stay on the axis of observations.",
        )
    if len(np.unique(position)) != len(position):
        raise DataError(f"Series {series.name!r} has two values for one stamp.", cure="Remove the duplicates first.")
    return grid, position


def _integer_step(step: str | int) -> int:
    if isinstance(step, int) and step > 0:
        return step
    if isinstance(step, str) and step.isdigit() and int(step) > 0:
        return int(step)
    raise NurtValueError("regular_grid: the labels are integers.", expected="a positive integer step", got=repr(step))


def _parsed(step: str | int) -> tuple[int, str]:
    match = _STEP.fullmatch(str(step).lower())
    if match is None or match.group(2) not in _UNITS:
        raise NurtValueError(
            "regular_grid: the step cannot be read.",
            expected="a number and s, min, h, d, w, mo or y, such as '1h' or '15min'",
            got=repr(step),
        )
    return int(match.group(1)), _UNITS[match.group(2)]


def _dates(time: np.ndarray, count: int, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels, finer where the step needs it, and the grid."""
    step: Any = np.array(count, dtype=f"timedelta64[{unit}]")
    if unit in ("M", "Y"):
        return time, _months(time, step.astype("timedelta64[M]"))
    resolution = np.datetime_data(time.dtype)[0]
    if step.astype(f"timedelta64[{resolution}]") != step:
        time = time.astype("datetime64[s]")
    return time, time[0] + np.arange((time[-1] - time[0]) // step + 1) * step


def _months(time: np.ndarray, step: Any) -> np.ndarray:
    """Months differ in length: they are counted, on the day of the first stamp or the last day of the month."""
    months = time.astype("datetime64[M]")
    grid = months[0] + np.arange((months[-1] - months[0]) // step + 1) * step
    begins = grid.astype(time.dtype)
    last_days = (grid + 1).astype("datetime64[D]") - 1 - grid.astype("datetime64[D]")
    day = time[0].astype("datetime64[D]")
    of_month = day - months[0].astype("datetime64[D]")
    ends_month = (day + 1).astype("datetime64[M]") > months[0]
    stamps: np.ndarray = begins + (last_days if ends_month else np.minimum(of_month, last_days)) + (time[0] - day)
    return stamps
