"""Errors of forecasts: points, quantiles, samples, intervals, directions.

Every metric takes the truth first and returns one float, the mean over the scored cells. A cell whose truth is
missing (NaN) is never scored; ``mask`` leaves out further cells. A missing *forecast* of a scored cell is not left
out in silence: the metric becomes NaN. What is undefined is NaN too, never infinite.

Any metric is had per forecast step with :func:`by_step` and per series with :func:`by_series`::

    by_step(mae, actual, forecast)                              # (F,)
    by_step(partial(pinball, level=0.9), actual, quantile)      # (F,)

Arrays may have any shape as long as truth and forecast agree; (N, F), origins × steps, is usual.
"""

from __future__ import annotations

from nurt.evaluation.forecasts.metrics.distributions import (
    coverage,
    crps_normal,
    crps_quantiles,
    crps_samples,
    interval_loss,
    interval_score,
    msis,
    pinball,
    pinball_loss,
    wql,
)
from nurt.evaluation.forecasts.metrics.points import (
    DirectionScores,
    Scale,
    by_series,
    by_step,
    cutoff_scales,
    directional_accuracy,
    mae,
    mase,
    rmse,
    rmsse,
    skill,
    smape,
    training_scale,
)

__all__ = [
    "DirectionScores",
    "Scale",
    "by_series",
    "by_step",
    "coverage",
    "crps_normal",
    "crps_quantiles",
    "crps_samples",
    "cutoff_scales",
    "directional_accuracy",
    "interval_loss",
    "interval_score",
    "mae",
    "mase",
    "msis",
    "pinball",
    "pinball_loss",
    "rmse",
    "rmsse",
    "skill",
    "smape",
    "training_scale",
    "wql",
]
