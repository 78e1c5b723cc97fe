"""Forecast an average: of the training rows, or of the last window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import (
    AbstractBaseline,
    AbstractFittedBaseline,
    AbstractMemorylessBaseline,
    Request,
    of_series,
    past_windows,
)

__all__ = ["FittedMean", "Mean", "WindowMean"]


@final
@dataclass(frozen=True)
class Mean(AbstractBaseline):
    """The mean of the training values of the series, for every step."""

    @property
    def name(self) -> str:
        """Short name."""
        return "mean"

    def fit(self, training: Sequence[np.ndarray]) -> FittedMean:
        """Take the mean of the observed training values of every series."""
        observed = [values[np.isfinite(values)] for values in training]
        return FittedMean(tuple(float(values.mean()) if values.size else np.nan for values in observed))


@final
@dataclass(frozen=True)
class FittedMean(AbstractFittedBaseline):
    """Training means, one per series; NaN for a series without training values."""

    means: tuple[float, ...]

    def _forecast(self, request: Request) -> np.ndarray:
        mean = of_series(self.means, request.series)
        return np.full((len(request.origins), request.horizon), mean)


@final
@dataclass(frozen=True)
class WindowMean(AbstractMemorylessBaseline):
    """The mean of the observed values among the last L, for every step.

    Args:
        look_back: L, in observations.
    """

    look_back: int

    def __post_init__(self) -> None:
        if self.look_back < 1:
            raise NurtValueError(
                "WindowMean: the window counts observations.", expected="look_back >= 1", got=str(self.look_back)
            )

    @property
    def name(self) -> str:
        """Short name."""
        return "window_mean"

    def _forecast(self, request: Request) -> np.ndarray:
        windows = past_windows(request.values, request.origins, self.look_back)
        count = np.isfinite(windows).sum(axis=1)
        mean = np.divide(np.nansum(windows, axis=1), count, out=np.full(len(windows), np.nan), where=count > 0)
        return np.repeat(mean[:, None], request.horizon, axis=1)
