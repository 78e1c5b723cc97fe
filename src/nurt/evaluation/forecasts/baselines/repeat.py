"""Repeat what was seen: the last value, or the value one season ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import AbstractMemorylessBaseline, Request, last_observed

__all__ = ["Naive", "SeasonalNaive"]


@final
@dataclass(frozen=True)
class Naive(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_t: the last value, for every step; where y_t is missing, the last one observed.

    The best forecast of a random walk, hence the bar for exchange rates [meese1983empirical].
    """

    @property
    def name(self) -> str:
        """Short name."""
        return "naive"

    def _forecast(self, request: Request) -> np.ndarray:
        position = last_observed(request.values)[request.origins]
        value = np.where(position >= 0, request.values[position], np.nan)
        return np.repeat(value[:, None], request.horizon, axis=1)


@final
@dataclass(frozen=True)
class SeasonalNaive(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_{t+k-m⌈k/m⌉}: the value at the same place of the last season.

    Where that value is missing, the season before it is asked, and so on. ``season=1`` is :class:`Naive`.

    Args:
        season: m, in observations.
    """

    season: int

    def __post_init__(self) -> None:
        if self.season < 1:
            raise NurtValueError(
                "SeasonalNaive: a season is a number of observations.", expected="season >= 1", got=str(self.season)
            )

    @property
    def name(self) -> str:
        """Short name."""
        return "seasonal_naive"

    def _forecast(self, request: Request) -> np.ndarray:
        steps = np.arange(1, request.horizon + 1)
        wanted = request.origins[:, None] + steps - self.season * -(-steps // self.season)
        position = np.where(wanted >= 0, _last_in_phase(request.values, self.season)[np.maximum(wanted, 0)], -1)
        return np.where(position >= 0, request.values[position], np.nan)


def _last_in_phase(values: np.ndarray, season: int) -> np.ndarray:
    """Return for every position the last observed among it and the positions one, two, … seasons earlier, else -1."""
    padding = -len(values) % season
    observed = np.where(np.isfinite(values), np.arange(len(values)), -1)
    phases = np.pad(observed, (0, padding), constant_values=-1).reshape(-1, season)
    return np.maximum.accumulate(phases, axis=0).reshape(-1)[: len(values)]
