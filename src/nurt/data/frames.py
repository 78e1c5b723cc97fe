"""Series from frames and arrays in memory, and results as a frame of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nurt.data.columns import Columns, Roles
from nurt.data.covariates import CodedColumn, categories
from nurt.data.duplicates import OnDuplicate
from nurt.data.selection import ALL, OnUnordered, Selection, assemble
from nurt.data.series import Series
from nurt.data.time_axis import labels_and_period, refuse_missing
from nurt.errors import DataError, NurtTypeError, ShapeError
from nurt.wording import name_in_words, quoted

__all__ = ["from_arrays", "from_frame", "like"]

_TIME = "ds"
_SERIES = "unique_id"


def from_frame(
    frame: Any,
    target: str | Sequence[str] = "y",
    time: str | None = _TIME,
    series: str | None = _SERIES,
    past_covariates: Sequence[str] = (),
    *,
    future_covariates: Sequence[str] = (),
    static: Sequence[str] = (),
    on_duplicate: OnDuplicate = "refuse",
    on_unordered: OnUnordered = "sort",
) -> Selection:
    """Read series from a long frame: one row per series and time.

    Args:
        frame: a pandas or polars DataFrame, or an Arrow table.
        target: name of the column to forecast, of several (a series each), or "all".
        time: name of the column of labels; None takes the rows as they are ordered. The default ``ds`` may be absent:
            then a pandas index of dates is taken, or else the order of the rows.
        series: name of the column that identifies the series; None for a single series. The default
            ``unique_id`` may be absent: then there is one series.
        past_covariates: names of columns known up to the forecast origin.
        future_covariates: as in :func:`nurt.data.select`.
        static: as in :func:`nurt.data.select`.
        on_duplicate: as in :func:`nurt.data.select`.
        on_unordered: as in :func:`nurt.data.select`.

    Raises:
        DataError: a column is missing, not numeric, infinite, or the rows contradict each other.
        NurtTypeError: the object is not a frame.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"ds": ["2024-01-02", "2024-01-01"], "y": [2.0, 1.0]})
        >>> from_frame(frame).series[0].values
        array([1., 2.])
    """
    eager = _eager(frame)
    notes: list[str] = []
    index = None
    if time == _TIME and time not in eager.columns:
        time, index = None, _dates_in_index(frame)
        notes.append("Time was taken from the index." if index is not None else "No column 'ds': rows are in order.")
    if series == _SERIES and series not in eager.columns:
        series = None
    further = (*past_covariates, *future_covariates, *static)
    targets = _targets(eager, target, {time, series, *further})
    for name in (*targets, *further, time, series):
        if name is not None and name not in eager.columns:
            raise DataError(
                f"from_frame: there is no column {quoted(name)}.",
                cure=f"Columns: {', '.join(map(name_in_words, eager.columns[:40]))}.",
            )
    labels = index if time is None else _labels(eager[time], notes)
    roles = Roles(targets, tuple(past_covariates), tuple(future_covariates), tuple(static), time, series)
    coded = {name: _coded(eager[name]) for name in roles.covariates}
    axis, period = None, None
    if labels is not None:
        axis, period = labels_and_period(labels, what=f"column {time!r}" if time else "index")
    columns = Columns(
        values={name: _numbers(eager[name]) for name in targets} | {name: one.values for name, one in coded.items()},
        time=axis,
        period=period,
        series=None if series is None else _identifiers(eager[series]),
        place=lambda row: f"row {row + 1}",
        levels={name: one.levels for name, one in coded.items() if one.levels is not None},
        static={name: _static(eager[name]) for name in static},
    )
    selection = assemble(columns, roles, on_duplicate=on_duplicate, on_unordered=on_unordered)
    return Selection(selection.series, (*notes, *selection.notes))


def from_arrays(
    y: Any,
    *,
    time: Any = None,
    past_covariates: Any = None,
    future_covariates: Any = None,
    names: Sequence[str] | None = None,
) -> Selection:
    """Read series from arrays.

    Args:
        y: shape (n,): one series; (n, channels): one series per channel; a list of arrays of shape (n_i,): one series
            each, of any lengths. NaN where missing.
        time: labels, oldest first, shape (n,), for all series; for a list of arrays a list of label arrays.
        past_covariates: known up to the forecast origin, shape (n, C); for a list of arrays a list of them.
        future_covariates: known for A steps after the last value too, shape (n + A, K); for a list of arrays a list of
            them.
        names: one per series; by default y, or y_1, y_2, ….

    Raises:
        ShapeError: the shapes do not fit together.
        DataError: a value is not a number or infinite, all are missing, or the labels do not ascend.
    """
    values = _series_values(y)
    several = isinstance(y, list | tuple) and _is_nested(y)
    times = _per_series(time, len(values), several=several, what="time")
    covariates = _per_series(past_covariates, len(values), several=several, what="past_covariates")
    ahead = _per_series(future_covariates, len(values), several=several, what="future_covariates")
    if names is None:
        names = ["y"] if len(values) == 1 else [f"y_{index + 1}" for index in range(len(values))]
    if len(names) != len(values):
        raise ShapeError("from_arrays: one name per series.", expected=f"{len(values)} names", got=str(len(names)))
    found = [_series(*parts) for parts in zip(names, values, times, covariates, ahead, strict=True)]
    return Selection(tuple(found))


def like(frame: Any, columns: Mapping[str, Any]) -> Any:
    """Return a frame of the same kind as ``frame`` (pandas, polars, Arrow) with the columns given.

    Args:
        frame: the frame that was passed in.
        columns: arrays of one length, by name, in order.
    """
    import narwhals as nw

    namespace = nw.get_native_namespace(_eager(frame).to_native())
    native = {name: _for_frames(np.asarray(column)) for name, column in columns.items()}
    return nw.from_dict(native, backend=namespace).to_native()


def _targets(frame: Any, target: str | Sequence[str], taken: set[str | None]) -> tuple[str, ...]:
    named = (target,) if isinstance(target, str) else tuple(target)
    if not named:
        raise DataError("from_frame: no target was named.", cure='Name a column, several, or "all".')
    if named != (ALL,) or ALL in frame.columns:
        return named
    found = tuple(name for name in frame.columns if name not in taken and frame[name].dtype.is_numeric())
    if not found:
        raise DataError(
            "from_frame: no column of numbers is left that could be a target.",
            cure=f"Columns: {', '.join(map(name_in_words, frame.columns[:40]))}.",
        )
    return found


def _is_text(column: Any) -> bool:
    import narwhals as nw

    return column.dtype in (nw.String, nw.Categorical, nw.Enum)


def _coded(column: Any) -> CodedColumn:
    return (
        categories(column.to_list(), column.name, "from_frame") if _is_text(column) else CodedColumn(_numbers(column))
    )


def _static(column: Any) -> np.ndarray:
    if _is_text(column):
        return np.array(["" if cell is None else str(cell) for cell in column.to_list()])
    return _numbers(column)


def _eager(frame: Any) -> Any:
    import narwhals as nw

    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        raise NurtTypeError(
            "This is not a frame that can be read.",
            expected="a pandas or polars DataFrame, or an Arrow table",
            got=type(frame).__name__,
            cure="Collect a lazy frame first; pass arrays to nurt.data.from_arrays.",
        ) from None


def _dates_in_index(frame: Any) -> np.ndarray | None:
    """Return the dates of a pandas index; other frames have none."""
    index = getattr(frame, "index", None)
    dtype = getattr(index, "dtype", None)
    if index is None or getattr(dtype, "kind", "") != "M":
        return None
    if getattr(index, "tz", None) is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    return np.asarray(index)


def _labels(column: Any, notes: list[str]) -> np.ndarray:
    import narwhals as nw

    if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        notes.append(f"The times of column {column.name!r} are labelled in UTC.")
    refuse_missing(np.asarray(column.is_null().to_numpy(), dtype=bool), f"column {column.name!r}")
    return np.asarray(column.to_numpy())


def _numbers(column: Any) -> np.ndarray:
    if not (column.dtype.is_numeric() or str(column.dtype) == "Boolean"):
        cells = column.to_list()
        wrong = next((row for row, cell in enumerate(cells) if isinstance(cell, str)), 0)
        cell = quoted(str(cells[wrong])) if cells else "nothing"
        raise DataError(
            f"row {wrong + 1}: {cell} in column {quoted(column.name)} is not a number.",
            expected="a column of numbers",
            got=f"a column of type {column.dtype}",
            cure="Convert the column to numbers, or choose another one.",
        )
    missing = np.asarray(column.is_null().to_numpy(), dtype=bool)
    values = np.asarray(column.fill_null(0).to_numpy(), dtype=np.float64).copy()
    values[missing] = np.nan
    _refuse_infinite(values, f"column {column.name!r}")
    return values


def _refuse_infinite(values: np.ndarray, what: str) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        rows = infinite.any(axis=tuple(range(1, infinite.ndim))) if infinite.ndim > 1 else infinite
        raise DataError(
            f"{what}: {int(infinite.sum())} infinite value(s), the first in row {int(rows.argmax()) + 1}.",
            expected="finite numbers, or NaN where a value is missing",
            cure="Replace them by NaN if the values are unknown.",
        )


def _identifiers(column: Any) -> np.ndarray:
    if column.null_count():
        row = int(np.asarray(column.is_null().to_numpy()).argmax())
        raise DataError(f"row {row + 1}: the column {column.name!r} does not say which series the row belongs to.")
    return np.array([str(cell) for cell in column.to_list()])


def _is_nested(y: Sequence[Any]) -> bool:
    return bool(y) and np.ndim(y[0]) >= 1


def _series_values(y: Any) -> list[np.ndarray]:
    if isinstance(y, list | tuple) and _is_nested(y):
        return [_one_axis(_floats(item, f"series {index + 1}"), index) for index, item in enumerate(y)]
    values = _floats(y, "y")
    if values.ndim == 1:
        return [values]
    if values.ndim == 2:
        return list(values.T)
    raise ShapeError(
        "from_arrays: `y` has the wrong number of axes.", expected="(n,) or (n, channels)", got=str(values.shape)
    )


def _one_axis(values: np.ndarray, index: int) -> np.ndarray:
    if values.ndim != 1:
        raise ShapeError(f"from_arrays: series {index + 1} of the list.", expected="shape (n,)", got=str(values.shape))
    return values


def _floats(values: Any, what: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        floats = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{what}: the values are not numbers ({error}).", cure="Pass numbers, NaN where missing."
        ) from None
    if floats.size == 0:
        raise DataError(f"{what}: there are no values.", cure="Pass at least one observation.")
    _refuse_infinite(floats, what)
    return floats


def _per_series(given: Any, count: int, *, several: bool, what: str) -> list[Any]:
    if given is None:
        return [None] * count
    if not several:
        return [given] * count
    if not isinstance(given, list | tuple) or len(given) != count:
        raise ShapeError(
            f"from_arrays: `{what}` must have one entry per series.",
            expected=f"a list of {count}",
            got=f"{type(given).__name__} of {len(given)}",
        )
    return list(given)


def _series(name: str, values: np.ndarray, time: Any, past: Any, future: Any) -> Series:
    labels, period = (None, None) if time is None else labels_and_period(time, what=f"series {name!r}")
    if labels is not None and len(labels) != len(values):
        raise ShapeError(
            f"Series {name!r}: one label per value.", expected=f"{len(values)} labels", got=str(len(labels))
        )
    if labels is not None and labels.dtype.kind in "Mi" and (labels[1:] <= labels[:-1]).any():
        row = int(np.argmax(labels[1:] <= labels[:-1])) + 1
        raise DataError(
            f"Series {name!r}: time does not ascend at row {row + 1}: {labels[row]} after {labels[row - 1]}.",
            cure="Sort the arrays, oldest first, one value per label.",
        )
    if not np.isfinite(values).any():
        raise DataError(f"Series {name!r}: all {len(values)} values are missing.", cure="Pass observed values.")
    before, after = (_covariates(given, words, name) for given, words in ((past, "past"), (future, "future")))
    if before.shape[1] and len(before) != len(values):
        raise _misfit(name, "past_covariates", f"one row per value, shape ({len(values)}, C)", before)
    if after.shape[1] and len(after) < len(values):
        raise _misfit(name, "future_covariates", f"at least one row per value, shape ({len(values)} + A, K)", after)
    columns = tuple(f"covariate_{index + 1}" for index in range(before.shape[1]))
    known = tuple(f"future_covariate_{index + 1}" for index in range(after.shape[1]))
    blocks = [block[: len(values)] for block in (before, after) if block.shape[1]]
    return Series(
        values,
        name=name,
        target=name,
        time=labels,
        covariates=np.hstack(blocks) if blocks else np.empty((len(values), 0)),
        covariate_names=(*columns, *known),
        ahead=after[len(values) :],
        ahead_names=known,
        period=period,
    )


def _covariates(given: Any, words: str, name: str) -> np.ndarray:
    """Return covariates with two axes; without columns where none are given."""
    if given is None:
        return np.empty((0, 0))
    extra = _floats(given, f"{words}_covariates of series {name!r}")
    extra = extra[:, None] if extra.ndim == 1 else extra
    if extra.ndim != 2:
        raise _misfit(name, f"{words}_covariates", "two axes, time and columns", extra)
    return extra


def _misfit(name: str, argument: str, expected: str, given: np.ndarray) -> ShapeError:
    return ShapeError(
        f"Series {name!r}: `{argument}` must have one row per value.", expected=expected, got=str(given.shape)
    )


def _for_frames(column: np.ndarray) -> Any:
    """Return a column that every frame library accepts: text as a list, seconds as microseconds."""
    if column.dtype.kind in "UO":
        return column.tolist()
    if column.dtype.kind == "M" and np.datetime_data(column.dtype)[0] != "D":
        return column.astype("datetime64[us]")
    return column
