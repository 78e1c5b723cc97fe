"""Designs of a forecaster: each trained from several seeds on the same split, and held against what costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nurt.data import Series
from nurt.evaluation.forecasts.baselines import AbstractBaseline, Linear, Naive, SeasonalNaive
from nurt.experiments.base import part_of
from nurt.experiments.forecasts.trial import DesignTrial, train_and_judge
from nurt.tasks.forecasting import ForecastPlan
from nurt.wording import Text

__all__ = ["Design", "DesignScore", "FreeScore", "free_scores", "score_design", "train_design"]

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
) -> list[DesignTrial]:
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
    design: Design, trials: Sequence[DesignTrial], horizons: Sequence[int], bars: Sequence[float]
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


REPEATS = (
    (1, Text("the last hour", "ostatnia godzina")),
    (24, Text("same hour yesterday", "ta sama godzina wczoraj")),
    (168, Text("same hour last week", "ta sama godzina tydzień temu")),
)


@dataclass(frozen=True)
class FreeScore:
    """What a method that costs nothing reaches on the test part.

    Args:
        name: of the method.
        mae, rmse: mean absolute error and root mean squared error one hour ahead.
        errors: mean absolute error per horizon.
    """

    name: Text
    mae: float
    rmse: float
    errors: tuple[float, ...]


def free_scores(series: Series, known: int, horizons: tuple[int, ...], look_back: int) -> tuple[FreeScore, ...]:
    """Return what three repeats and a least-squares line cost on the hours from ``known`` on.

    A missing hour is not scored, nor is a forecast from a window that lacks an hour where the line needs all.

    Args:
        series: on a grid of hours.
        known: hours before the test part.
        horizons: hours ahead that are judged.
        look_back: hours that the line reads; as many before the test part are left out of the fit.
    """
    values = series.values
    methods: list[tuple[Text, AbstractBaseline]] = [(name, SeasonalNaive(season)) for season, name in REPEATS]
    line = Text("least squares on {h} h", "najmniejsze kwadraty na {h} h").filled(h=look_back)
    methods.append((line, Linear(look_back, max(horizons))))
    scores = []
    for name, method in methods:
        fitted = method.fit([values[: known - look_back]])
        left = {}
        for horizon in {1, *horizons}:
            origins = np.arange(known - 1, len(values) - horizon)
            left[horizon] = values[origins + horizon] - fitted.forecast(values, origins, horizon)[:, -1]
        errors = {horizon: float(np.nanmean(np.abs(one))) for horizon, one in left.items()}
        root = float(np.sqrt(np.nanmean(left[1] ** 2)))
        scores.append(FreeScore(name, errors[1], root, tuple(errors[one] for one in horizons)))
    return tuple(scores)
