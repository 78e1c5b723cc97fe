"""What every metric does with cells: which are scored, and what must have the same shape."""

from __future__ import annotations

import numpy as np

from nurt.errors import ShapeError

__all__ = ["mean_of", "positive", "residuals", "scored", "with_last_axis"]


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
