"""What all metrics share: the scored cells, the shapes, and any metric by step or by series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nurt.errors import ShapeError

__all__ = ["by_series", "by_step", "mean_of", "positive", "residuals", "scored", "with_last_axis"]


def by_step(
    metric: Callable[..., float], actual: np.ndarray, *others: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return ``metric`` at every forecast step, shape (F,); all arrays have origins first and steps second."""
    steps = range(actual.shape[1])
    return np.array(
        [
            metric(actual[:, k], *(other[:, k] for other in others), mask=None if mask is None else mask[:, k])
            for k in steps
        ]
    )


def by_series(
    metric: Callable[..., float],
    series: np.ndarray,
    actual: np.ndarray,
    *others: np.ndarray,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Return ``metric`` of every series, shape (number of series,).

    Args:
        metric: any metric; settings such as ``level`` are bound with ``functools.partial``.
        series: index of the series of each row, shape (N,).
        actual: truth, N rows.
        *others: further arrays with N rows, in the order the metric takes them.
        mask: cells to score.

    Returns:
        The value for series 0, 1, …; NaN for one without rows.
    """
    result = np.full(int(series.max()) + 1 if len(series) else 0, np.nan)
    for index in np.unique(series):
        rows = series == index
        result[index] = metric(
            actual[rows], *(other[rows] for other in others), mask=None if mask is None else mask[rows]
        )
    return result


def residuals(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Return truth minus forecast in float64.

    Raises:
        ShapeError: the shapes differ.
    """
    actual, forecast = np.asarray(actual, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if actual.shape != forecast.shape:
        raise ShapeError(
            "A metric needs one forecast per true value.", expected=f"shape {actual.shape}", got=str(forecast.shape)
        )
    left: np.ndarray = actual - forecast
    return left


def scored(actual: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return which cells are scored: those with a known truth, that ``mask`` does not leave out."""
    known: np.ndarray = np.isfinite(actual)
    return known if mask is None else known & mask


def mean_of(cells: np.ndarray, actual: np.ndarray, mask: np.ndarray | None) -> float:
    """Return the mean of ``cells`` where they are scored; NaN where none is."""
    chosen = cells[scored(actual, mask)]
    return float(chosen.mean()) if chosen.size else float("nan")


def positive(scale: float | np.ndarray) -> np.ndarray:
    """Return a scale with NaN where it is 0, so that what is divided by it is undefined instead of infinite."""
    scale = np.asarray(scale, dtype=np.float64)
    return np.where(scale > 0, scale, np.nan)


def with_last_axis(values: np.ndarray, actual: np.ndarray, size: int, where: str) -> np.ndarray:
    """Return ``values`` in float64, one of ``size`` per cell along the last axis.

    Raises:
        ShapeError: they have another shape.
    """
    values = np.asarray(values, dtype=np.float64)
    expected = (*np.shape(actual), size)
    if values.shape != expected:
        raise ShapeError(f"{where}: the forecasts do not match.", expected=f"shape {expected}", got=str(values.shape))
    return values
