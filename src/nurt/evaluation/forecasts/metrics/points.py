"""Errors of point forecasts."""

from __future__ import annotations

import numpy as np

from nurt.evaluation.forecasts.metrics.cells import mean_of, positive, residuals

__all__ = ["mae", "mase", "rmse", "rmsse", "skill", "smape"]


def mae(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the mean absolute error, in the units of the target."""
    return mean_of(np.abs(residuals(actual, forecast)), actual, mask)


def rmse(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the root of the mean squared error over all scored cells, in the units of the target."""
    return float(np.sqrt(mean_of(residuals(actual, forecast) ** 2, actual, mask)))


def mase(
    actual: np.ndarray, forecast: np.ndarray, scale: float | np.ndarray, *, mask: np.ndarray | None = None
) -> float:
    """Return the mean absolute scaled error of one series [hyndman2006another]: the mean of ``|e|/q``, without unit.

    Several series are averaged, never pooled: compute it per series and take the mean.

    Args:
        actual: truth.
        forecast: forecasts, same shape.
        scale: q, from :func:`training_scale` (``.absolute``) or :func:`cutoff_scales`; broadcast against ``actual``.
        mask: cells to score.
    """
    return mean_of(np.abs(residuals(actual, forecast)) / positive(scale), actual, mask)


def rmsse(
    actual: np.ndarray, forecast: np.ndarray, squared_scale: float | np.ndarray, *, mask: np.ndarray | None = None
) -> float:
    """Return the root mean squared scaled error of one series, without unit; ``squared_scale`` is ``Scale.squared``."""
    return float(np.sqrt(mean_of(residuals(actual, forecast) ** 2 / positive(squared_scale), actual, mask)))


def smape(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the symmetric percentage error 100·mean of ``2|e|/(|y|+|ŷ|)``, in 0..200; a cell with 0/0 counts 0."""
    error = np.abs(residuals(actual, forecast))
    size = np.abs(actual) + np.abs(forecast)
    return 200.0 * mean_of(np.divide(error, size, out=np.where(size == 0, 0.0, np.nan), where=size > 0), actual, mask)


def skill(model_error: float, baseline_error: float) -> float:
    """Return 1 - model/baseline: above 0 the model is better; NaN where the baseline makes no error."""
    return 1.0 - model_error / baseline_error if baseline_error > 0 else float("nan")
