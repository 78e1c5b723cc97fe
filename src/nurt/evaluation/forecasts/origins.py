"""The time axis of origins: which rows of a back-test happen at once, and what was lost there.

Tests and resampling work on origins in time order, never on stacked series: the loss of several series at the same
origin is one observation. An origin without a loss keeps its place as a gap, so that lags stay lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.cells import Cells

__all__ = ["OriginAxis"]


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
        for series in np.unique(cells.series):
            rows = cells.series == series
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
    for series in np.unique(cells.series):
        origins = cells.origin[cells.series == series]
        if np.any((origins - origins[0]) % step_size):
            raise NurtValueError(
                f"The origins of series {cells.series_names[series]!r} do not fit the step size.",
                expected=f"origins that are multiples of {step_size} observations apart",
                got=", ".join(map(str, origins[:5])) + (" …" if len(origins) > 5 else ""),
                cure="Give the step size the origins were made with.",
            )


def _smallest_stride(series: np.ndarray, place: np.ndarray) -> int:
    """Return how many places lie between neighbouring origins of one series, at least 1."""
    strides = [np.diff(np.sort(place[series == index])) for index in np.unique(series)]
    return max(1, int(np.concatenate(strides).min(initial=np.iinfo(np.int64).max))) if any(map(len, strides)) else 1
