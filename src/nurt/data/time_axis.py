"""The time axis: labels as dates, seconds, integers or text, and regular grids with absent times as missing values."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from typing import Any

import numpy as np

from nurt.data.series import Series
from nurt.errors import DataError, NurtValueError
from nurt.wording import name_in_words, quoted

__all__ = ["absent_stamps", "are_ordered", "as_labels", "label_after", "refuse_missing", "regular_grid"]

_STEP = re.compile(r"([1-9][0-9]{0,5}) ?([a-z]+)")
_DIGITS = re.compile(r"[0-9]{1,18}")
_LARGEST_STEP = 10**18 - 1
_LONGEST_GRID = 20_000_000
_UNITS = {"s": "s", "min": "m", "m": "m", "h": "h", "d": "D", "w": "W", "mo": "M", "month": "M", "y": "Y", "year": "Y"}


def as_labels(values: Any, *, what: str = "time") -> np.ndarray:
    """Convert time labels to one of four types.

    Dates (and datetimes that all fall on midnight) become ``datetime64[D]``, other datetimes ``datetime64[s]``
    (``[us]`` only where fractions of a second would be lost), whole numbers int64. Text in one date format is
    parsed; other text is kept, and has no order.

    Args:
        values: an array or sequence, shape (T,).
        what: name of the column, for messages.

    Raises:
        DataError: a label is missing, or the labels are of another type.
    """
    labels = np.asarray(values)
    if labels.ndim != 1:
        raise DataError(f"{what}: time labels must have one axis.", expected="shape (T,)", got=str(labels.shape))
    if labels.dtype == object:
        labels = _of_objects(labels, what)
    if labels.dtype.kind == "U":
        labels = _of_text(labels, what)
    if labels.dtype.kind == "M":
        refuse_missing(np.isnat(labels), what)
        return _coarsest(labels)
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        refuse_missing(np.isnan(labels), what)
        whole = labels.astype(np.int64)
        if np.array_equal(whole, labels):
            return whole
    if labels.dtype.kind == "U":
        return labels
    raise DataError(
        f"{what}: these values cannot label time.",
        expected="dates, datetimes, whole numbers or text",
        got=f"{labels.dtype} such as {quoted(str(labels[0]))}" if labels.size else str(labels.dtype),
        cure="Choose another time column.",
    )


def are_ordered(labels: np.ndarray) -> bool:
    """Return whether labels have an order; text has none ("week 10" is before "week 2")."""
    return labels.dtype.kind in "Mi"


def refuse_missing(missing: np.ndarray, what: str) -> None:
    """Refuse time labels of which some are missing.

    Args:
        missing: True where a label is missing, bool (T,).
        what: name of the column, for messages.

    Raises:
        DataError: any is missing.
    """
    if missing.any():
        raise DataError(
            f"{what}: {int(missing.sum())} time label(s) are missing, the first in row {int(missing.argmax()) + 1}.",
            cure="Fill in these labels or remove the rows.",
        )


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
        return str(int(time[-1]) + steps * _integer_step(series.grid))
    count, unit = _parsed(series.grid)
    if unit not in ("M", "Y"):
        return series.shown(time[-1] + steps * np.array(count, dtype=f"timedelta64[{unit}]"))
    step: Any = np.array(count, dtype=f"timedelta64[{unit}]").astype("timedelta64[M]")
    beyond = (time[-1].astype("datetime64[M]") + (steps + 1) * step).astype(time.dtype)
    return series.shown(_months(np.array([time[0], beyond]), step)[len(series) - 1 + steps])


def _of_objects(labels: np.ndarray, what: str) -> np.ndarray:
    refuse_missing(np.array([_is_missing(label) for label in labels]), what)
    if all(isinstance(label, datetime.datetime | datetime.date | np.datetime64) for label in labels):
        if any(getattr(label, "tzinfo", None) is not None for label in labels):
            labels = _in_utc(labels, what)
        return labels.astype("datetime64[us]")
    if all(isinstance(label, int | np.integer) for label in labels):
        return labels.astype(np.int64)
    return labels.astype(str)


def _in_utc(labels: np.ndarray, what: str) -> np.ndarray:
    if any(label.tzinfo is None for label in labels):
        raise DataError(f"{what}: some times have an offset from UTC and others do not.", cure="Write all in UTC.")
    return np.array([label.astimezone(datetime.UTC).replace(tzinfo=None) for label in labels], dtype=object)


def _of_text(labels: np.ndarray, what: str) -> np.ndarray:
    from nurt.data.dates import form_of, parse_dates

    if not labels.size or form_of(str(labels[0])) is None:
        return labels
    import polars as pl

    parsed = parse_dates(pl.Series(what, labels.tolist()), lambda row: f"{what}, row {row + 1}")
    return parsed.values.to_numpy()


def _is_missing(label: object) -> bool:
    """Return whether a label is None, differs from itself (NaN, NaT) or cannot be compared (pandas.NA)."""
    try:
        return label is None or bool(label != label)
    except TypeError:
        return True


def _coarsest(labels: np.ndarray) -> np.ndarray:
    unit = np.datetime_data(labels.dtype)[0]
    if unit in ("D", "W", "M", "Y"):
        return labels.astype("datetime64[D]")
    # A table of daily data read as datetimes must give the same labels, and fingerprint, as one read as dates.
    days = labels.astype("datetime64[D]")
    if np.array_equal(days.astype(labels.dtype), labels):
        return days
    seconds = labels.astype("datetime64[s]")
    if np.array_equal(seconds.astype(labels.dtype), labels):
        return seconds
    return labels.astype("datetime64[us]")


def _grid(series: Series, step: str | int) -> tuple[np.ndarray, np.ndarray]:
    time = series.time
    if time is None or time.dtype.kind not in "Mi" or not len(time):
        raise DataError(
            f"Series {quoted(series.name)} cannot be put on a regular grid.",
            expected="labels of dates, times or integers",
            got="no labels" if time is None or not len(time) else f"text such as {quoted(str(time[0]))}",
            cure="Choose a time column.",
        )
    if time.dtype.kind == "i":
        count = _integer_step(step)
        _refuse_long(series, (int(time[-1]) - int(time[0])) // count, step)
        grid = np.arange((int(time[-1]) - int(time[0])) // count + 1) * count + time[0]
    else:
        time, grid = _dates(series, step)
    position = np.minimum(np.searchsorted(grid, time), len(grid) - 1)
    off = grid[position] != time
    if off.any():
        raise DataError(
            f"Series {quoted(series.name)}: {int(off.sum())} stamp(s) lie off a grid of step {step}, "
            f"the first at {time[int(off.argmax())]}.",
            expected=f"stamps a whole number of steps after the first, {time[0]}",
            cure="Choose another step, or stay on the axis of observations.",
        )
    if len(np.unique(position)) != len(position):
        raise DataError(
            f"Series {quoted(series.name)} has two values for one stamp.", cure="Remove the duplicates first."
        )
    return grid, position


def _integer_step(step: str | int) -> int:
    if isinstance(step, int) and 0 < step <= _LARGEST_STEP:
        return step
    if isinstance(step, str) and _DIGITS.fullmatch(step) and int(step) > 0:
        return int(step)
    raise NurtValueError(
        "regular_grid: the labels are integers.",
        expected="a positive integer step of at most 18 digits",
        got=name_in_words(repr(step)),
    )


def _parsed(step: str | int) -> tuple[int, str]:
    match = _STEP.fullmatch(str(step).lower())
    if match is None or match.group(2) not in _UNITS:
        raise NurtValueError(
            "regular_grid: the step cannot be read.",
            expected="a number of at most 6 digits and s, min, h, d, w, mo or y, such as '1h' or '15min'",
            got=name_in_words(repr(step)),
        )
    return int(match.group(1)), _UNITS[match.group(2)]


def _refuse_long(series: Series, steps: int, step: str | int) -> None:
    if steps > _LONGEST_GRID:
        raise DataError(
            f"Series {quoted(series.name)}: a grid of step {step} from {series.label(0)} to "
            f"{series.label(len(series) - 1)} has {steps + 1} points, the series {len(series)}.",
            expected=f"at most {_LONGEST_GRID} points",
            cure="Give a longer step, or correct the label that lies far from the others.",
        )


def _dates(series: Series, given: str | int) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels, finer where the step needs it, and the grid."""
    time = np.asarray(series.time)
    count, unit = _parsed(given)
    step: Any = np.array(count, dtype=f"timedelta64[{unit}]")
    if unit in ("M", "Y"):
        return time, _months(time, step.astype("timedelta64[M]"))
    span = (time[-1] - time[0]).astype("timedelta64[s]").astype(int)
    _refuse_long(series, int(span) // int(step.astype("timedelta64[s]").astype(int)), given)
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
