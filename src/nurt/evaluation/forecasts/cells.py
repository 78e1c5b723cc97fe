"""The cells of a back-test, and the time axis of their origins.

``Cells`` hold what was true and what each forecaster said, on identical origins and steps. ``OriginAxis`` tells which
rows share an origin: tests and resampling work on origins in time order, never on stacked series, because the loss of
several series at the same origin is one observation. An origin without a loss keeps its place as a gap, so that lags
stay lags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nurt.errors import NurtValueError, ShapeError

__all__ = ["Cells", "Intervals", "OriginAxis"]


def rows_by_series(series: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return every series with its rows, in the order of the rows: one sort, however many series there are.

    Args:
        series: index of the series of each row, shape (N,).
    """
    order = np.argsort(series, kind="stable")
    found, starts = np.unique(series[order], return_index=True)
    parts = np.split(order, starts[1:]) if len(found) else []
    return [(int(one), rows) for one, rows in zip(found, parts, strict=True)]


@dataclass(frozen=True)
class Intervals:
    """Interval forecasts of one model for every cell.

    Args:
        levels: nominal levels in per cent, ascending, for example (80, 95).
        lower, upper: bounds, shape (N, F, number of levels); NaN where no interval could be given.
        reason: why intervals are missing, or None when none is missing.
    """

    levels: tuple[int, ...]
    lower: np.ndarray
    upper: np.ndarray
    reason: str | None = None


@dataclass(frozen=True)
class Cells:
    """N origins × F steps.

    Args:
        series: index of the series of each origin, shape (N,).
        origin: position of the last observation used, shape (N,); ascending within a series.
        actual: true values, NaN where missing or beyond the data, shape (N, F).
        forecasts: point forecasts by name, each (N, F). The first name is the model under test; the name
            "naive" (repeat the last value) is always among the others.
        quantile_levels: probabilities of ``quantiles``, shape (Q,).
        quantiles: quantile forecasts of the model under test, (N, F, Q), or None for a point forecaster.
        intervals: calibrated intervals of the model under test, or None.
        origin_labels: time label of each origin, shape (N,), or None.
        series_names: names of the series that ``series`` indexes.
        shown_labels: the labels as people read them, shape (N,), where these differ: local time of instants in UTC.
    """

    series: np.ndarray
    origin: np.ndarray
    actual: np.ndarray
    forecasts: Mapping[str, np.ndarray]
    quantile_levels: tuple[float, ...] = ()
    quantiles: np.ndarray | None = None
    intervals: Intervals | None = None
    origin_labels: np.ndarray | None = None
    series_names: tuple[str, ...] = field(default=("y",))
    shown_labels: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, forecast in self.forecasts.items():
            if forecast.shape != self.actual.shape:
                raise ShapeError(
                    f"Cells: the forecasts of {name!r} do not match the actual values.",
                    expected=f"shape {self.actual.shape}",
                    got=str(forecast.shape),
                )

    @property
    def labels(self) -> np.ndarray | None:
        """Labels of the origins for a person, shape (N,), or None."""
        return self.origin_labels if self.shown_labels is None else self.shown_labels

    @property
    def model(self) -> str:
        """Name of the model under test."""
        return next(iter(self.forecasts))

    @property
    def horizon(self) -> int:
        """F, the number of forecast steps."""
        return int(self.actual.shape[1])

    @property
    def scored(self) -> np.ndarray:
        """Cells where the truth and every forecast are known, bool (N, F): everyone is scored on these alone."""
        known: np.ndarray = np.isfinite(self.actual)
        for forecast in self.forecasts.values():
            known &= np.isfinite(forecast)
        return known


@dataclass(frozen=True)
class OriginAxis:
    """Places of the rows of a back-test in time.

    Args:
        place: place of the origin of each row, shape (N,).
        places: M, the number of places from the first to the last.
        spacing: observations between neighbouring places.
    """

    place: np.ndarray
    places: int
    spacing: int

    @classmethod
    def of(cls, cells: Cells, step_size: int = 1) -> OriginAxis:
        """Put the origins of ``cells`` on one axis.

        One series is placed by position. Several series meet where their labels agree, if these are times or
        numbers; without such labels they are aligned at their last origins.

        Args:
            cells: a back-test.
            step_size: observations between neighbouring origins of a series.

        Raises:
            NurtValueError: origins of a series are not multiples of ``step_size`` apart.
        """
        _check_spacing(cells, step_size)
        if len(np.unique(cells.series)) > 1 and _ordered(cells.origin_labels):
            labels, place = np.unique(np.asarray(cells.origin_labels), return_inverse=True)
            skipped = _smallest_stride(cells.series, place)
            return cls(place, len(labels), max(1, step_size // skipped))
        place = np.zeros(len(cells.origin), dtype=np.int64)
        for _, rows in rows_by_series(cells.series):
            place[rows] = (cells.origin[rows] - cells.origin[rows].max()) // step_size
        place -= place.min(initial=0)
        return cls(place, int(place.max(initial=-1)) + 1, step_size)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of one number per row at every place, shape (M,)."""
        return np.bincount(self.place, weights=values, minlength=self.places)

    def average(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over the rows known at every place, shape (M,); NaN, a gap, where none is known."""
        known = np.isfinite(values)
        count = self.total(known)
        total = self.total(np.where(known, values, 0.0))
        mean: np.ndarray = np.divide(total, count, out=np.full(self.places, np.nan), where=count > 0)
        return mean


def _ordered(labels: np.ndarray | None) -> bool:
    """Tell whether labels sort in time order: text does not."""
    return labels is not None and np.asarray(labels).dtype.kind in "Miuf"


def _check_spacing(cells: Cells, step_size: int) -> None:
    if step_size < 1:
        raise NurtValueError("The step size counts observations.", expected="step_size >= 1", got=str(step_size))
    for series, rows in rows_by_series(cells.series):
        origins = cells.origin[rows]
        if np.any((origins - origins[0]) % step_size):
            raise NurtValueError(
                f"The origins of series {cells.series_names[series]!r} do not fit the step size.",
                expected=f"origins that are multiples of {step_size} observations apart",
                got=", ".join(map(str, origins[:5])) + (" …" if len(origins) > 5 else ""),
                cure="Give the step size the origins were made with.",
            )


def _smallest_stride(series: np.ndarray, place: np.ndarray) -> int:
    """Return how many places lie between neighbouring origins of one series, at least 1."""
    strides = [np.diff(np.sort(place[rows])) for _, rows in rows_by_series(series)]
    return max(1, int(np.concatenate(strides).min(initial=np.iinfo(np.int64).max))) if any(map(len, strides)) else 1
