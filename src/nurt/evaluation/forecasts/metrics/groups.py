"""Any metric by forecast step, and by series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["by_series", "by_step"]


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
