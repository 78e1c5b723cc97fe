"""Baselines that repeat the last season, as it was or moved on by its drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from nurt import plotting
from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import (
    AbstractMemorylessBaseline,
    BaselineLabel,
    ForecastRequest,
    past_windows,
)
from nurt.plotting import LineStyle
from nurt.wording import Text

__all__ = ["SeasonalDrift", "SeasonalNaive"]


@final
@dataclass(frozen=True)
class SeasonalNaive(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_{t+k-m⌈k/m⌉}: the value at the same place of the last season.

    Where that value is missing, the season before it is asked, and so on. ``season=1`` is :class:`Naive`.

    Args:
        season: m, in observations.
    """

    label = BaselineLabel(
        "seasonal_naive",
        "repeat last season",
        Text("repeating the last season", "powtórzenie ostatniego sezonu"),
        LineStyle(plotting.PALETTE[6], "dash"),
    )

    season: int

    def __post_init__(self) -> None:
        _check_season(self.season)

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        return _last_season(request, self.season)


@final
@dataclass(frozen=True)
class SeasonalDrift(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_{t+k-m⌈k/m⌉} + ⌈k/m⌉·d: the last season, moved on by the change over the season before.

    d is the difference between the last season and the one before it, averaged over the places where both are
    observed; 0 where there is none, which is :class:`SeasonalNaive`. On logarithms, see
    :class:`~nurt.evaluation.forecasts.baselines.Transformed`, the last season grows by a constant factor.

    Args:
        season: m, in observations.
    """

    label = BaselineLabel(
        "seasonal_drift",
        "last season with drift",
        Text("repeating the last season with its drift", "powtórzenie ostatniego sezonu z dryfem"),
        LineStyle(plotting.PALETTE[6], "dashdot"),
    )

    season: int

    def __post_init__(self) -> None:
        _check_season(self.season)

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        windows = past_windows(request.values, request.origins, 2 * self.season)
        change = windows[:, self.season :] - windows[:, : self.season]
        observed = np.isfinite(change)
        count = observed.sum(axis=1)
        total = np.where(observed, change, 0.0).sum(axis=1)
        drift = np.divide(total, count, out=np.zeros(len(total)), where=count > 0)
        ahead = -(-np.arange(1, request.horizon + 1) // self.season)
        moved: np.ndarray = _last_season(request, self.season) + ahead * drift[:, None]
        return moved


def _check_season(season: int) -> None:
    if season < 1:
        raise NurtValueError("A season is a number of observations.", expected="season >= 1", got=str(season))


def _last_season(request: ForecastRequest, season: int) -> np.ndarray:
    """Return the newest observed value up to each origin at the same place of a season as each step, (N, F)."""
    steps = np.arange(1, request.horizon + 1)
    wanted = request.origins[:, None] + steps - season * -(-steps // season)
    position = np.where(wanted >= 0, _last_in_phase(request.values, season)[np.maximum(wanted, 0)], -1)
    return np.where(position >= 0, request.values[position], np.nan)


def _last_in_phase(values: np.ndarray, season: int) -> np.ndarray:
    """Return for every position the last observed among it and the positions one, two, … seasons earlier, else -1."""
    padding = -len(values) % season
    observed = np.where(np.isfinite(values), np.arange(len(values)), -1)
    phases = np.pad(observed, (0, padding), constant_values=-1).reshape(-1, season)
    return np.maximum.accumulate(phases, axis=0).reshape(-1)[: len(values)]
