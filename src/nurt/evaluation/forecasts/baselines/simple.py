"""Baselines by repetition, by a straight line and by averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from nurt import plotting
from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import (
    AbstractBaseline,
    AbstractFittedBaseline,
    AbstractMemorylessBaseline,
    BaselineLabel,
    ForecastRequest,
    History,
    last_observed,
    lifted,
    past_windows,
)
from nurt.evaluation.forecasts.baselines.locations import location_and_spread, locations_of
from nurt.plotting import LineStyle
from nurt.wording import Text

__all__ = ["Drift", "FittedMean", "Mean", "Naive", "WindowMean"]


@final
@dataclass(frozen=True)
class Naive(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_t: the last value, for every step; where y_t is missing, the last one observed.

    The best forecast of a random walk, hence the bar for exchange rates [meese1983empirical].
    """

    label = BaselineLabel(
        "naive",
        "repeat last value",
        Text("repeating the last value", "powtórzenie ostatniej wartości"),
        LineStyle(plotting.ACTUAL, "solid", 2),
    )

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        position = last_observed(request.values)[request.origins]
        value = np.where(position >= 0, request.values[position], np.nan)
        return np.repeat(value[:, None], request.horizon, axis=1)


@final
@dataclass(frozen=True)
class Drift(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_t + k·(y_t - y_s)/(t-s), with s the start of the window or of the series.

    Missing ends are replaced by the nearest observed values inside the window, and the line is continued from
    where it was last seen. A window with one observed value has no slope and repeats it.

    Args:
        look_back: window length L in observations, so s = t-L+1; None takes the whole past, s = first observation.
    """

    label = BaselineLabel(
        "drift", "drift", Text("continuing the drift of the window", "dryf okna"), LineStyle(plotting.PALETTE[4], "dot")
    )

    look_back: int | None = None

    def __post_init__(self) -> None:
        if self.look_back is not None and self.look_back < 1:
            raise NurtValueError(
                "Drift: the window counts observations.", expected="look_back >= 1 or None", got=str(self.look_back)
            )

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        values, origins = request.values, request.origins
        length = len(values) if self.look_back is None else self.look_back
        start = np.maximum(origins - length + 1, 0)
        last = last_observed(values)[origins]
        first = _next_observed(values)[start]
        # Whatever `first` says of a window without any value, `last` lies before it and the forecast is NaN.
        known = last >= start
        first, last = np.where(known, first, 0), np.where(known, last, 0)
        rise, run = values[last] - values[first], last - first
        slope = np.divide(rise, run, out=np.zeros(len(origins)), where=run > 0)
        ahead = (origins - last)[:, None] + np.arange(1, request.horizon + 1)
        line = values[last][:, None] + slope[:, None] * ahead
        return np.where(known[:, None], line, np.nan)


@final
@dataclass(frozen=True)
class Mean(AbstractBaseline):
    """The mean of the training values of the series, for every step."""

    label = BaselineLabel(
        "mean",
        "training mean",
        Text("the training mean", "średnia części uczącej"),
        LineStyle(plotting.PALETTE[7], "longdashdot"),
    )

    def fit(self, training: Sequence[History | np.ndarray]) -> FittedMean:
        """Take the mean of the observed training values of every series."""
        return FittedMean(tuple(location_and_spread(one.training_values())[0] for one in lifted(training)))


@final
@dataclass(frozen=True)
class FittedMean(AbstractFittedBaseline):
    """Training means, one per series.

    For a series that had no training value, or was not among those of the training, it is the mean of the values
    observed up to the origin.
    """

    means: tuple[float, ...]

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        mean, _ = locations_of(request, self.means, self.means)
        return np.repeat(mean[:, None], request.horizon, axis=1)


@final
@dataclass(frozen=True)
class WindowMean(AbstractMemorylessBaseline):
    """The mean of the observed values among the last L, for every step.

    Args:
        look_back: L, in observations.
    """

    label = BaselineLabel(
        "window_mean",
        "window mean",
        Text("the mean of the window", "średnia okna"),
        LineStyle(plotting.PALETTE[3], "dashdot"),
    )

    look_back: int

    def __post_init__(self) -> None:
        if self.look_back < 1:
            raise NurtValueError(
                "WindowMean: the window counts observations.", expected="look_back >= 1", got=str(self.look_back)
            )

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        windows = past_windows(request.values, request.origins, self.look_back)
        count = np.isfinite(windows).sum(axis=1)
        mean = np.divide(np.nansum(windows, axis=1), count, out=np.full(len(windows), np.nan), where=count > 0)
        return np.repeat(mean[:, None], request.horizon, axis=1)


def _next_observed(values: np.ndarray) -> np.ndarray:
    """Return for every position the position of the first value observed from there on."""
    positions = np.where(np.isfinite(values), np.arange(len(values)), len(values))
    return np.minimum.accumulate(positions[::-1])[::-1]
