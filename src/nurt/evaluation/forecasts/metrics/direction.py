"""Whether the direction of a change was right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.evaluation.forecasts.metrics.cells import mean_of, residuals, scored
from nurt.results import Result

__all__ = ["Direction", "directional_accuracy"]


@dataclass(frozen=True)
class Direction(Result):
    """Share of changes whose sign was right.

    Args:
        share: 0..1; NaN when no cell could be judged, as for a forecaster that repeats the last value.
        cells: number of cells judged.
        excluded: cells left out because the actual or the predicted change is exactly zero.
    """

    share: float
    cells: int
    excluded: int


def directional_accuracy(
    actual: np.ndarray, forecast: np.ndarray, last: np.ndarray, *, mask: np.ndarray | None = None
) -> Direction:
    """Compare the sign of the predicted with that of the actual change since the last observed value.

    Args:
        actual: truth, shape (N, F) or (N,).
        forecast: forecasts, same shape.
        last: value at each origin, broadcast against ``actual`` ((N, 1) for (N, F)).
        mask: cells to score.
    """
    predicted = np.sign(forecast - last)
    happened = np.sign(residuals(actual, np.broadcast_to(last, np.shape(actual))))
    known = scored(actual, mask)
    judged = known & (predicted != 0) & (happened != 0)
    share = mean_of(np.where(np.isnan(predicted), np.nan, predicted == happened), actual, judged)
    return Direction(share, int(judged.sum()), int((known & ~judged).sum()))
