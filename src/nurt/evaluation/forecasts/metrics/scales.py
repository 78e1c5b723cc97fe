"""The unit of scaled errors: what the seasonal repeat makes in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.errors import NurtValueError
from nurt.results import Result

__all__ = ["Scale", "cutoff_scales", "training_scale"]


@dataclass(frozen=True)
class Scale(Result):
    """In-sample error of the seasonal repeat, the unit of MASE, RMSSE and MSIS.

    Args:
        absolute: mean of ``|y_t - y_{t-m}|`` over training pairs; NaN where undefined or 0.
        squared: mean of (y_t - y_{t-m})²; NaN likewise.
        pairs: number of pairs with both values observed.
        reason: why the scale is undefined, or None.
    """

    absolute: float
    squared: float
    pairs: int
    reason: str | None = None


def training_scale(training: np.ndarray, season: int = 1) -> Scale:
    """Return the scale of one series from its training rows alone [hyndman2006another].

    Args:
        training: values before the first cutoff, shape (n,); NaN where missing, such pairs are skipped.
        season: m, in observations; 1 compares neighbours.
    """
    _check_season(season)
    change = np.abs(training[season:] - training[:-season])
    change = change[np.isfinite(change)]
    if not change.size:
        return Scale(
            np.nan, np.nan, 0, f"no two training values lie {season} observation(s) apart, so there is no scale"
        )
    if not change.any():
        reason = f"the training values repeat themselves every {season} observation(s): the scale would be 0"
        return Scale(np.nan, np.nan, change.size, reason)
    return Scale(float(change.mean()), float((change**2).mean()), change.size)


def cutoff_scales(values: np.ndarray, origins: np.ndarray, season: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the scales from all rows up to each origin, as some published tables use them, instead of training rows.

    Args:
        values: one series, shape (n,).
        origins: positions of the last observation used, shape (N,).
        season: m, in observations.

    Returns:
        absolute and squared scale, shape (N, 1) each; NaN where undefined.
    """
    _check_season(season)
    change = np.full(len(values), np.nan)
    change[season:] = np.abs(values[season:] - values[:-season])
    pairs = np.cumsum(np.isfinite(change))[origins, None]

    def average(size: np.ndarray) -> np.ndarray:
        total = np.cumsum(np.nan_to_num(size))[origins, None]
        mean: np.ndarray = np.divide(total, pairs, out=np.full(total.shape, np.nan), where=total > 0)
        return mean

    return average(change), average(change**2)


def _check_season(season: int) -> None:
    if season < 1:
        raise NurtValueError("A season is a number of observations.", expected="season >= 1", got=str(season))
