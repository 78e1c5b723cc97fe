"""Forecasts that cost nothing: what every model is measured against, on the same origins.

A baseline is a small frozen value. ``fit`` takes the training rows of every series and gives something that can
``forecast``; nothing it does reads an observation after the origin::

    fitted = Linear(look_back=60, horizon=30).fit([values[:train_end]])
    forecasts = fitted.forecast(values, origins, horizon=30)          # (N, F)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import AbstractBaseline, AbstractFittedBaseline
from nurt.evaluation.forecasts.baselines.linear import Linear, NLinear
from nurt.evaluation.forecasts.baselines.simple import Drift, Mean, Naive, SeasonalNaive, WindowMean
from nurt.evaluation.forecasts.baselines.statistical import Statistical

__all__ = [
    "BASELINES",
    "AbstractBaseline",
    "AbstractFittedBaseline",
    "Drift",
    "Linear",
    "Mean",
    "NLinear",
    "Naive",
    "SeasonalNaive",
    "Statistical",
    "WindowMean",
    "baseline",
    "default_baselines",
    "forecast_origins",
]

BASELINES = (
    "naive",
    "seasonal_naive",
    "drift",
    "mean",
    "window_mean",
    "linear",
    "nlinear",
    "ets",
    "arima",
    "theta",
)
"""Names that :func:`baseline` knows; the last three need the extra ``nurt[statistical]``."""


def baseline(name: str, look_back: int, horizon: int, season: int = 1) -> AbstractBaseline:
    """Return the baseline of that name.

    Args:
        name: one of :data:`BASELINES`.
        look_back: L, in observations, for those that look at a window.
        horizon: F, for those that are fitted to it.
        season: m, in observations, for those that know seasons.

    Raises:
        NurtValueError: there is no baseline of that name.
    """
    match name:
        case "naive":
            return Naive()
        case "seasonal_naive":
            return SeasonalNaive(season)
        case "drift":
            return Drift(look_back)
        case "mean":
            return Mean()
        case "window_mean":
            return WindowMean(look_back)
        case "linear":
            return Linear(look_back, horizon)
        case "nlinear":
            return NLinear(look_back, horizon)
        case "ets" | "arima" | "theta":
            return Statistical(name, season)
    raise NurtValueError("There is no baseline of this name.", expected="one of " + ", ".join(BASELINES), got=name)


def default_baselines(look_back: int, horizon: int, season: int = 1) -> tuple[AbstractBaseline, ...]:
    """Return the baselines every back-test runs; the seasonal repeat only where there is a season."""
    names = ("naive", "seasonal_naive", "drift", "mean", "window_mean", "linear", "nlinear")
    chosen = (name for name in names if season > 1 or name != "seasonal_naive")
    return tuple(baseline(name, look_back, horizon, season) for name in chosen)


def forecast_origins(
    fitted: Mapping[str, AbstractFittedBaseline],
    values: Sequence[np.ndarray],
    series: np.ndarray,
    origin: np.ndarray,
    horizon: int,
) -> dict[str, np.ndarray]:
    """Forecast many series at once: the rows that ``Cells`` keeps.

    Args:
        fitted: fitted baselines by name.
        values: all series, each (n,).
        series: index of the series of each origin, shape (N,).
        origin: position of the last observation used, shape (N,).
        horizon: F.

    Returns:
        Forecasts by name, each (N, F).
    """
    forecasts = {name: np.full((len(origin), horizon), np.nan) for name in fitted}
    for index in np.unique(series):
        rows = series == index
        for name, member in fitted.items():
            forecasts[name][rows] = member.forecast(values[index], origin[rows], horizon, int(index))
    return forecasts
