"""The interface of a baseline: settings fitted to training rows, and forecasts that read the past alone."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from nurt.errors import NurtValueError, ShapeError
from nurt.plotting import OTHER_LINE, LineStyle
from nurt.wording import Text

__all__ = [
    "AbstractBaseline",
    "AbstractFittedBaseline",
    "AbstractMemorylessBaseline",
    "BaselineLabel",
    "ForecastRequest",
    "last_observed",
    "of_series",
    "past_windows",
]


@dataclass(frozen=True)
class BaselineLabel:
    """The name of a forecaster in options, tables and sentences, and its line in figures.

    Args:
        name: in options and JSON, such as "naive".
        short: in legends and tables, such as "repeat last value".
        action: what it does, within a sentence, such as "repeating the last value".
        line: its line in figures.
    """

    name: str
    short: str
    action: Text
    line: LineStyle = OTHER_LINE


@dataclass(frozen=True)
class ForecastRequest:
    """Origins to forecast from, in one series.

    Args:
        values: the series, float64, shape (n,); NaN where missing.
        origins: positions of the last observation that may be used, shape (N,).
        horizon: F, forecast steps.
        series: index of the series among those of the training.
    """

    values: np.ndarray
    origins: np.ndarray
    horizon: int
    series: int


class AbstractFittedBaseline(abc.ABC):
    """A baseline that is ready to forecast."""

    notes: tuple[str, ...] = ()
    """Plain sentences about the fit: what was left out, what could not be estimated."""

    @final
    def forecast(self, values: np.ndarray, origins: np.ndarray, horizon: int, series: int = 0) -> np.ndarray:
        """Forecast steps 1..F after every origin, reading ``values[: origin + 1]`` only.

        Args:
            values: one series, shape (n,); NaN where missing.
            origins: positions of the last observation used, shape (N,).
            horizon: F.
            series: index of the series among the training ones, for baselines that learn something of each.

        Returns:
            Forecasts in the units of the target, float64, shape (N, F); NaN where the past does not suffice.

        Raises:
            ShapeError: ``values`` or ``origins`` does not have one axis.
            NurtValueError: an origin lies outside the series, or the horizon is below 1.
        """
        values = np.asarray(values, dtype=np.float64)
        origins = np.asarray(origins, dtype=np.int64)
        if values.ndim != 1 or origins.ndim != 1:
            raise ShapeError(
                "forecast: one series and its origins are expected.",
                expected="values (n,) and origins (N,)",
                got=f"{values.shape} and {origins.shape}",
            )
        if horizon < 1:
            raise NurtValueError("forecast: the horizon counts steps ahead.", expected="horizon >= 1", got=str(horizon))
        if origins.size and not (origins.min() >= 0 and origins.max() < len(values)):
            raise NurtValueError(
                "forecast: an origin lies outside the series.",
                expected=f"positions 0 .. {len(values) - 1}",
                got=f"{origins.min()} .. {origins.max()}",
            )
        return self._forecast(ForecastRequest(values, origins, horizon, series))

    @abc.abstractmethod
    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        """Return forecasts of shape (N, F) for a checked request."""


class AbstractBaseline(abc.ABC):
    """The settings of a baseline."""

    @property
    @abc.abstractmethod
    def label(self) -> BaselineLabel:
        """How it is named and drawn."""

    @property
    def name(self) -> str:
        """Its name in options, tables and JSON."""
        return self.label.name

    @abc.abstractmethod
    def fit(self, training: Sequence[np.ndarray]) -> AbstractFittedBaseline:
        """Learn from the training rows of every series, each of shape (n,); nothing later may be passed."""


class AbstractMemorylessBaseline(AbstractBaseline, AbstractFittedBaseline):
    """A baseline that learns nothing: its settings forecast as they are."""

    @final
    def fit(self, training: Sequence[np.ndarray]) -> AbstractFittedBaseline:
        """Return the baseline itself; ``training`` is not needed."""
        del training
        return self


def last_observed(values: np.ndarray) -> np.ndarray:
    """Return for every position the position of the last value observed up to there, -1 where there is none."""
    positions = np.where(np.isfinite(values), np.arange(len(values)), -1)
    return np.maximum.accumulate(positions)


def past_windows(values: np.ndarray, origins: np.ndarray, length: int) -> np.ndarray:
    """Return the last ``length`` values up to each origin, shape (N, length); NaN before the series begins."""
    positions = origins[:, None] + np.arange(1 - length, 1)
    return np.where(positions >= 0, values[np.maximum(positions, 0)], np.nan)


def of_series(learned: Sequence[float], series: int) -> float:
    """Return what was learned of one series."""
    if not 0 <= series < len(learned):
        raise NurtValueError(
            "forecast: the baseline was not fitted to this series.",
            expected=f"series 0 .. {len(learned) - 1}",
            got=str(series),
            cure="Fit the baseline to the training rows of every series that is to be forecast.",
        )
    return learned[series]
