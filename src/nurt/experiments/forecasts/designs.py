"""Designs of a forecaster: each trained from several seeds on the same split, and held against what costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nurt.data import Series
from nurt.evaluation.forecasts.baselines import Naive
from nurt.experiments.forecasts.trial import Trial, train_and_judge
from nurt.experiments.progress import part_of
from nurt.tasks.forecasting import ForecastPlan

__all__ = ["Design", "DesignScore", "score_design", "train_design"]

CELLS = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}


@dataclass(frozen=True)
class Design:
    """One combination: cell, layers L, hidden H, look-back T."""

    cell: str
    layers: int
    hidden: int
    look_back: int

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"{CELLS[self.cell]} {self.layers}×{self.hidden}, {self.look_back} h"


@dataclass(frozen=True)
class DesignScore:
    """What one combination reached.

    Args:
        design: the combination.
        errors: mean absolute error per seed and horizon, (seeds, horizons).
        better: per horizon, whether every seed is below the best of what costs nothing.
        skill_low: lower end of the 95 % interval of the skill over the whole path against the last hour, first seed;
            NaN without an interval.
    """

    design: Design
    errors: np.ndarray
    better: tuple[bool, ...]
    skill_low: float


def train_design(
    series: Series, known: int, plan: ForecastPlan, repeats: int, tell: Callable[[float], None]
) -> list[Trial]:
    """Train one design from ``repeats`` seeds, that of the plan and those after it.

    One look-back is left out between training and test, so that their windows share no hour.

    Args:
        series: the series.
        known: hours before the test part.
        plan: what to build, with the seed of the first training.
        repeats: trainings.
        tell: told the share that is done.

    Raises:
        KeyboardInterrupt: a training was interrupted.
    """
    return [
        train_and_judge(
            series,
            replace(plan, seed=plan.seed + repeat),
            known,
            (Naive(),),
            part_of(tell, repeat, repeats),
            gap=plan.look_back,
        )
        for repeat in range(repeats)
    ]


def score_design(
    design: Design, trials: Sequence[Trial], horizons: Sequence[int], bars: Sequence[float]
) -> DesignScore:
    """Return what a design reached.

    Args:
        design: the combination.
        trials: its trainings.
        horizons: hours ahead that are judged.
        bars: per horizon, the mean absolute error of the best of what costs nothing.
    """
    errors = np.array([[one.result.by_horizon[h - 1].mae for h in horizons] for one in trials])
    low = trials[0].result.comparisons[0].skill_low
    better = tuple(bool(worst < bar) for worst, bar in zip(errors.max(axis=0), bars, strict=True))
    return DesignScore(design, errors, better, float("nan") if low is None else low)
