"""The cells of a back-test: what was true and what each forecaster said, on identical origins and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nurt.errors import ShapeError

__all__ = ["Cells", "Intervals"]


@dataclass(frozen=True)
class Intervals:
    """Interval forecasts of one model for every cell.

    Args:
        levels: nominal levels in per cent, ascending, for example (80, 95).
        lower, upper: bounds, shape (N, F, number of levels); NaN where no interval could be given.
        reason: why intervals are missing, or None when none is missing.
    """

    levels: tuple[int, ...]
    lower: np.ndarray
    upper: np.ndarray
    reason: str | None = None


@dataclass(frozen=True)
class Cells:
    """N origins × F steps.

    Args:
        series: index of the series of each origin, shape (N,).
        origin: position of the last observation used, shape (N,); ascending within a series.
        actual: true values, NaN where missing or beyond the data, shape (N, F).
        forecasts: point forecasts by name, each (N, F). The first name is the model under test; the name
            "naive" (repeat the last value) is always among the others.
        quantile_levels: probabilities of ``quantiles``, shape (Q,).
        quantiles: quantile forecasts of the model under test, (N, F, Q), or None for a point forecaster.
        intervals: calibrated intervals of the model under test, or None.
        origin_labels: time label of each origin, shape (N,), or None.
        series_names: names of the series that ``series`` indexes.
    """

    series: np.ndarray
    origin: np.ndarray
    actual: np.ndarray
    forecasts: Mapping[str, np.ndarray]
    quantile_levels: tuple[float, ...] = ()
    quantiles: np.ndarray | None = None
    intervals: Intervals | None = None
    origin_labels: np.ndarray | None = None
    series_names: tuple[str, ...] = field(default=("y",))

    def __post_init__(self) -> None:
        for name, forecast in self.forecasts.items():
            if forecast.shape != self.actual.shape:
                raise ShapeError(
                    f"Cells: the forecasts of {name!r} do not match the actual values.",
                    expected=f"shape {self.actual.shape}",
                    got=str(forecast.shape),
                )

    @property
    def model(self) -> str:
        """Name of the model under test."""
        return next(iter(self.forecasts))

    @property
    def horizon(self) -> int:
        """F, the number of forecast steps."""
        return int(self.actual.shape[1])

    @property
    def scored(self) -> np.ndarray:
        """Cells where the truth and every forecast are known, bool (N, F): everyone is scored on these alone."""
        known: np.ndarray = np.isfinite(self.actual)
        for forecast in self.forecasts.values():
            known &= np.isfinite(forecast)
        return known
