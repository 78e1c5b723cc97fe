"""The time axis: labels as dates, seconds, integers or text, and regular grids with absent times as missing values."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from typing import Any

import numpy as np

from nurt.data.series import Series
from nurt.data.steps import Step, counted_months, find_step
from nurt.errors import DataError, NurtValueError
from nurt.wording import name_in_words, quoted

__all__ = [
    "absent_stamps",
    "are_ordered",
    "as_labels",
    "labels_after",
    "labels_and_period",
    "refuse_missing",
    "regular_grid",
    "stamps_after",
]

_STEP = re.compile(r"([1-9][0-9]{0,5}) ?([a-z]+)")
_DIGITS = re.compile(r"[0-9]{1,18}")
_LARGEST_STEP = 10**18 - 1
_LONGEST_GRID = 20_000_000
# Months and what is counted in them come last: their length varies.
_UNITS = {
    "s": (1, "s"),
    "min": (1, "m"),
    "m": (1, "m"),
    "h": (1, "h"),
    "d": (1, "D"),
    "day": (1, "D"),
    "w": (7, "D"),
    "week": (7, "D"),
    "mo": (1, "M"),
    "month": (1, "M"),
    "q": (3, "M"),
    "quarter": (3, "M"),
    "y": (12, "M"),
    "year": (12, "M"),
}
# Whole numbers in this range may be years.
_YEARS = (1000, 2999)


def as_labels(values: Any, *, what: str = "time") -> np.ndarray:
    """Return labels of one of four types; see :func:`labels_and_period`."""
    return labels_and_period(values, what=what)[0]


def labels_and_period(values: Any, *, what: str = "time") -> tuple[np.ndarray, str | None]:
    """Convert time labels to one of four types.

    Dates (and datetimes that all fall on midnight) become ``datetime64[D]``, other datetimes ``datetime64[s]``
    (``[us]`` only where fractions of a second would be lost), whole numbers int64. Text in one date format is
    parsed, a period as its first day; other text is kept, and has no order.

    Args:
        values: an array or sequence, shape (T,).
        what: name of the column, for messages.

    Returns:
        the labels, and the kind of periods that they name (:data:`nurt.data.periods.PERIODS`), None where they do not.

    Raises:
        DataError: a label is missing, or the labels are of another type.
    """
    labels = np.asarray(values)
    if labels.ndim != 1:
        raise DataError(f"{what}: time labels must have one axis.", expected="shape (T,)", got=str(labels.shape))
    if labels.dtype == object:
        labels = _of_objects(labels, what)
    period = None
    if labels.dtype.kind == "U":
        labels, period = _of_text(labels, what)
    if labels.dtype.kind == "M":
        refuse_missing(np.isnat(labels), what)
        return _coarsest(labels), period
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64), None
    if labels.dtype.kind == "f":
        refuse_missing(np.isnan(labels), what)
        whole = labels.astype(np.int64)
        if np.array_equal(whole, labels):
            return whole, None
    if labels.dtype.kind == "U":
        return labels, None
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
        step: distance of the grid: a number and s, min, h, d, w, mo, q or y ("1h", "15min", "1mo"); an integer where
            the labels are integers.

    Returns:
        the series with NaN (target and covariates) at every stamp that was absent; :func:`absent_stamps` lists them.
        What is known ahead is put on the same grid.

    Raises:
        DataError: there are no labels with an order, or one lies between the points of the grid.
    """
    known = series.ahead_time
    whole = series if known is None or not len(known) else _with_rows_ahead(series, known)
    grid, position = _grid(whole, step)
    stop = int(position[len(series) - 1]) + 1
    covariates = np.full((len(grid), len(series.covariate_names)), np.nan)
    covariates[position] = whole.covariates
    values = np.full(len(grid), np.nan)
    values[position] = whole.values
    ahead = covariates[stop:, [series.covariate_names.index(name) for name in series.ahead_names]]
    return replace(
        series,
        values=values[:stop],
        covariates=covariates[:stop],
        time=grid[:stop],
        grid=str(step),
        ahead=ahead if len(whole) > len(series) else series.ahead,
        ahead_time=grid[stop:] if len(whole) > len(series) else None,
    )


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


def labels_after(series: Series, count: int) -> tuple[str, ...] | None:
    """Return the labels of the next ``count`` steps as they are shown; see :func:`stamps_after`."""
    stamps = stamps_after(series, count)
    return None if stamps is None else tuple(series.shown(stamp) for stamp in stamps)


def stamps_after(series: Series, count: int) -> np.ndarray | None:
    """Return the labels of the next ``count`` steps after the last observation, None where they are not certain.

    They are certain on a grid, where all labels are regular (:func:`nurt.data.steps.find_step`; those of local clocks
    in UTC or in local time), and where ``ahead_time`` holds so many.

    Args:
        series: the series.
        count: 0 or more.
    """
    time, known = series.time, series.ahead_time
    if time is None:
        return None
    if series.grid is not None:
        return _grid_step(time, series.grid).after(time, count)
    whole = time if known is None or not len(known) else np.concatenate([time, known])
    step = find_step(whole)
    if step is not None:
        return step.after(time, count)
    if known is not None and len(known) >= count > 0:
        return known[:count]
    return None if known is not None and len(known) else _local_stamps_after(series, count)


def _local_stamps_after(series: Series, count: int) -> np.ndarray | None:
    """Days and months by a local clock are regular in local time, though not in UTC."""
    if series.clock is None or series.time is None or series.time.dtype.kind != "M":
        return None
    clock, time = series.clock, series.time.astype("datetime64[us]")
    local = time + clock.offsets_at(time).astype("timedelta64[m]")
    step = find_step(local)
    if step is None or step.unit == "us":
        return None
    following = step.after(local, count)
    # The offset in force is that of the instant, which is known up to an hour only before it is subtracted.
    near = following - clock.offsets_at(following).astype("timedelta64[m]")
    return _coarsest(following - clock.offsets_at(near).astype("timedelta64[m]"))


def _with_rows_ahead(series: Series, labels: np.ndarray) -> Series:
    """Return a series that goes on into the rows known ahead, where its values are missing."""
    covariates = np.full((len(labels), len(series.covariate_names)), np.nan)
    covariates[:, [series.covariate_names.index(name) for name in series.ahead_names]] = series.ahead
    return replace(
        series,
        values=np.concatenate([series.values, np.full(len(labels), np.nan)]),
        covariates=np.concatenate([series.covariates, covariates]),
        time=np.concatenate([np.asarray(series.time), labels]),
        ahead=np.empty((0, len(series.ahead_names))),
        ahead_time=None,
    )


def _grid_step(time: np.ndarray, given: str | int) -> Step:
    if time.dtype.kind == "i":
        return Step(_integer_step(given, time), "1")
    count, unit = _parsed(given)
    if unit == "M":
        return Step(count, "M")
    microseconds: Any = np.array(count, dtype=f"timedelta64[{unit}]").astype("timedelta64[us]")
    days = microseconds.astype("timedelta64[D]")
    if days == microseconds:
        return Step(int(days.astype(int)), "D")
    return Step(int(microseconds.astype(int)), "us")


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


def _of_text(labels: np.ndarray, what: str) -> tuple[np.ndarray, str | None]:
    from nurt.data.dates import form_of, parse_dates

    if not labels.size or form_of(str(labels[0])) is None:
        return labels, None
    import polars as pl

    parsed = parse_dates(pl.Series(what, labels.tolist()), lambda row: f"{what}, row {row + 1}")
    return parsed.values.to_numpy(), parsed.period


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
        count = _integer_step(step, time)
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


def _integer_step(step: str | int, time: np.ndarray) -> int:
    """Return the step between whole numbers; years may be counted by a step in years."""
    if isinstance(step, int) and 0 < step <= _LARGEST_STEP:
        return step
    if isinstance(step, str) and _DIGITS.fullmatch(step) and int(step) > 0:
        return int(step)
    match = _STEP.fullmatch(str(step).lower())
    if match and match.group(2) in ("y", "year") and _YEARS[0] <= int(time[0]) <= int(time[-1]) <= _YEARS[1]:
        return int(match.group(1))
    raise NurtValueError(
        "regular_grid: the labels are integers.",
        expected="a positive integer step of at most 18 digits",
        got=name_in_words(repr(step)),
        cure=f"Labels such as {time[0]} say an order and no dates. Where they are dates, say how they are written: "
        "--time-format on the command line, time_format= in Python.",
    )


def _parsed(step: str | int) -> tuple[int, str]:
    """Return a step as a number of seconds, minutes, hours, days or months, and the unit."""
    match = _STEP.fullmatch(str(step).lower())
    if match is None or match.group(2) not in _UNITS:
        raise NurtValueError(
            "regular_grid: the step cannot be read.",
            expected="a number of at most 6 digits and s, min, h, d, w, mo, q or y, such as '1h' or '15min'",
            got=name_in_words(repr(step)),
        )
    size, unit = _UNITS[match.group(2)]
    return int(match.group(1)) * size, unit


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
    if unit == "M":
        return time, counted_months(time, step)
    span = (time[-1] - time[0]).astype("timedelta64[s]").astype(int)
    _refuse_long(series, int(span) // int(step.astype("timedelta64[s]").astype(int)), given)
    resolution = np.datetime_data(time.dtype)[0]
    if step.astype(f"timedelta64[{resolution}]") != step:
        time = time.astype("datetime64[s]")
    return time, time[0] + np.arange((time[-1] - time[0]) // step + 1) * step
