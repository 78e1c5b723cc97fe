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
    "History",
    "last_observed",
    "lifted",
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
class History:
    """One series as a baseline reads it.

    Args:
        values: the series, float64, shape (n,); NaN where missing.
        ahead: features known in advance (calendar, covariates), at every position and A positions beyond, shape
            (n + A, K); NaN where unknown. None for K = 0.
        past: covariates known up to each position, shape (n, P), NaN where missing. None for P = 0.
        learnt: rows that may be learnt from, bool (n,); None for all. A training window lies in such rows alone.

    Raises:
        ShapeError: the lengths disagree.

    Example:
        >>> History([1.0, 2.0, 3.0], ahead=np.ones((5, 2))).cut(2).ahead.shape
        (2, 2)
    """

    values: np.ndarray
    ahead: np.ndarray | None = None
    past: np.ndarray | None = None
    learnt: np.ndarray | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 1:
            raise ShapeError(
                "History: the values of one series are expected.", expected="shape (n,)", got=str(values.shape)
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ahead", self._table("ahead", self.ahead, len(values), open_ended=True))
        object.__setattr__(self, "past", self._table("past", self.past, len(values), open_ended=False))
        if self.learnt is not None:
            learnt = np.asarray(self.learnt)
            if learnt.dtype != bool or learnt.shape != values.shape:
                raise ShapeError(
                    "History: `learnt` must mark every value.",
                    expected=f"bool {values.shape}",
                    got=f"{learnt.dtype} {learnt.shape}",
                )
            object.__setattr__(self, "learnt", learnt)

    @staticmethod
    def _table(name: str, given: np.ndarray | None, rows: int, *, open_ended: bool) -> np.ndarray:
        table = np.empty((rows, 0)) if given is None else np.asarray(given, dtype=np.float64)
        if table.ndim != 2 or len(table) < rows or (len(table) > rows and not open_ended):
            raise ShapeError(
                f"History: `{name}` must have a row for every value.",
                expected=f"shape ({rows}{' or more' if open_ended else ''}, number of columns)",
                got=str(table.shape),
            )
        return table

    @classmethod
    def of(cls, series: History | np.ndarray) -> History:
        """Return the history itself, or that of plain values of shape (n,)."""
        return series if isinstance(series, History) else cls(series)

    @property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """``ahead`` (n + A, K) and ``past`` (n, P), as arrays where nothing was given too."""
        assert self.ahead is not None
        assert self.past is not None
        return self.ahead, self.past

    def cut(self, rows: int) -> History:
        """Return the first rows, without anything that is known of later ones."""
        ahead, past = self.features
        learnt = None if self.learnt is None else self.learnt[:rows]
        return History(self.values[:rows], ahead[:rows], past[:rows], learnt)

    def training_values(self) -> np.ndarray:
        """Return the values that may be learnt from, in order, (≤ n,)."""
        return self.values if self.learnt is None else self.values[self.learnt]


def lifted(training: Sequence[History | np.ndarray]) -> list[History]:
    """Return histories of series that are given as such, or as plain arrays of values."""
    return [History.of(one) for one in training]


@dataclass(frozen=True)
class ForecastRequest:
    """Origins to forecast from, in one series.

    Args:
        history: the series; what lies after an origin is not read, apart from what is known ahead.
        origins: positions of the last observation that may be used, shape (N,).
        horizon: F, forecast steps.
        series: index of the series among those of the training; None for one that was not among them.
    """

    history: History
    origins: np.ndarray
    horizon: int
    series: int | None

    @property
    def values(self) -> np.ndarray:
        """The values of the series."""
        return self.history.values


class AbstractFittedBaseline(abc.ABC):
    """A baseline that is ready to forecast."""

    notes: tuple[str, ...] = ()
    """Plain sentences about the fit: what was left out, what could not be estimated."""

    @final
    def forecast(
        self, values: History | np.ndarray, origins: np.ndarray, horizon: int, series: int | None = 0
    ) -> np.ndarray:
        """Forecast steps 1..F after every origin, reading ``values[: origin + 1]`` only, and what is known ahead.

        Args:
            values: one series, its history or plain values of shape (n,); NaN where missing.
            origins: positions of the last observation used, shape (N,).
            horizon: F.
            series: index of the series among the training ones, for baselines that learn something of each; None for a
                series that was not among them.

        Returns:
            Forecasts in the units of the target, float64, shape (N, F); NaN where the past does not suffice.

        Raises:
            ShapeError: ``values`` or ``origins`` does not have one axis.
            NurtValueError: an origin lies outside the series, or the horizon is below 1.
        """
        history = History.of(values)
        values = history.values
        origins = np.asarray(origins, dtype=np.int64)
        if origins.ndim != 1:
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
        return self._forecast(ForecastRequest(history, origins, horizon, series))

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
    def fit(self, training: Sequence[History | np.ndarray]) -> AbstractFittedBaseline:
        """Learn from the training rows of every series, as histories or as arrays (n,); nothing later may be passed."""


class AbstractMemorylessBaseline(AbstractBaseline, AbstractFittedBaseline):
    """A baseline that learns nothing: its settings forecast as they are."""

    @final
    def fit(self, training: Sequence[History | np.ndarray]) -> AbstractFittedBaseline:
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


def of_series(learned: Sequence[float], series: int | None) -> float:
    """Return what was learned of one series; NaN for one that was not among those of the training."""
    if series is None:
        return float("nan")
    if not 0 <= series < len(learned):
        raise NurtValueError(
            "forecast: the baseline was not fitted to this series.",
            expected=f"series 0 .. {len(learned) - 1}, or None for a series that was not among them",
            got=str(series),
            cure="Fit the baseline to the training rows of every series that is to be forecast.",
        )
    return learned[series]
