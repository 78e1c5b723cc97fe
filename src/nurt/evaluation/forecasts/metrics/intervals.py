"""Errors of intervals: whether they hold the truth, and how wide they are."""

from __future__ import annotations

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.metrics.cells import mean_of, positive, residuals

__all__ = ["coverage", "interval_loss", "interval_score", "msis"]


def coverage(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the share of cells with lower ≤ y ≤ upper, 0..1; to be compared with the nominal level."""
    inside = np.where((residuals(actual, lower) >= 0) & (residuals(actual, upper) <= 0), 1.0, 0.0)
    return mean_of(np.where(np.isnan(lower) | np.isnan(upper), np.nan, inside), actual, mask)


def interval_loss(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, level: float) -> np.ndarray:
    """Return width plus 2/α times the miss of every cell, α = 1 - level/100 [gneiting2007strictly]."""
    if not 0.0 < level < 100.0:
        raise NurtValueError("interval_loss: a level is given in per cent.", expected="0 < level < 100", got=str(level))
    penalty = 2.0 / (1.0 - level / 100.0)
    below, above = np.maximum(-residuals(actual, lower), 0.0), np.maximum(residuals(actual, upper), 0.0)
    return np.asarray(upper - lower + penalty * (below + above))


def interval_score(
    actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, level: float, mask: np.ndarray | None = None
) -> float:
    """Return the mean :func:`interval_loss` of intervals of ``level`` per cent, in the units of the target."""
    return mean_of(interval_loss(actual, lower, upper, level), actual, mask)


def msis(
    actual: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    scale: float | np.ndarray,
    *,
    level: float,
    mask: np.ndarray | None = None,
) -> float:
    """Return the mean scaled interval score of one series, without unit; ``scale`` as in :func:`mase`."""
    return mean_of(interval_loss(actual, lower, upper, level) / positive(scale), actual, mask)
