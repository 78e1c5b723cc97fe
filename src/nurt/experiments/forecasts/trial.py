"""Forecasters trained on the beginning of a series and judged on its end: one, or a design from several seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from nurt.data import Series, select
from nurt.data.readers import read
from nurt.data.windows import Origins
from nurt.errors import DataError
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import AbstractBaseline, Linear, Naive, SeasonalNaive
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.experiments.base import part_of
from nurt.kernels import recording
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.judging import cells_at, origins_after
from nurt.tasks.forecasting.options import ForecastPlan
from nurt.tasks.forecasting.parts import series_until
from nurt.tasks.running import TrainingSession
from nurt.training.events import Event, StepEnded
from nurt.wording import Text

__all__ = [
    "BaselineScore",
    "Design",
    "DesignScore",
    "DesignTrial",
    "baseline_scores",
    "one_series",
    "score_design",
    "state_gradients",
    "train_and_judge",
    "train_design",
]


# Windows over which a total gradient is averaged.
WINDOWS = 64
CELLS = {"elman": "RNN", "gru": "GRU", "lstm": "LSTM"}
REPEATS = (
    (1, Text("the last hour", "ostatnia godzina")),
    (24, Text("same hour yesterday", "ta sama godzina wczoraj")),
    (168, Text("same hour last week", "ta sama godzina tydzień temu")),
)


def one_series(files: Sequence[str], target: str) -> Series:
    """Return the series of a column; with one column of numbers its name does not matter.

    Args:
        files: paths of one format.
        target: the name of the column, or a part that only one name holds.

    Raises:
        DataError: the files cannot be read, or the column is not there or not alone.
    """
    table = read(list(files))
    if len(table.columns) == 1:
        return select(table).series[0]
    found = [target] if target in table.columns else [name for name in table.columns if target in name]
    if len(found) != 1:
        raise DataError(
            f"{len(found)} columns of {', '.join(table.sources)} hold {target!r} in their name.",
            expected="one",
            got=", ".join(found or table.columns[:10]),
            cure="Give a file with the one column.",
        )
    return select(table, found[0]).series[0]


@dataclass(frozen=True)
class DesignTrial:
    """A fitted forecaster and how it did on the test part.

    Args:
        forecaster: fitted.
        result: its scores and those of the baselines.
        updates: of its weights.
    """

    forecaster: Forecaster
    result: BacktestResult
    updates: int

    def squared_error(self, name: str | None = None) -> float:
        """Return the mean squared error over all steps, of the forecaster or of a baseline."""
        scores = self.result.metrics if name is None else self.result.baselines[name]
        return scores.rmse**2


def train_and_judge(
    series: Series,
    plan: ForecastPlan,
    known: int,
    baselines: Sequence[AbstractBaseline],
    tell: Callable[[float], None],
    *,
    gap: int = 0,
) -> DesignTrial:
    """Fit the plan's forecaster on the first rows and compare it with the baselines on those after ``known``.

    Args:
        series: the series.
        plan: what to build; its share of test is not used.
        known: rows before the test part.
        baselines: fitted on the rows that the forecaster is fitted on.
        tell: called with the share of the training that is done.
        gap: rows before the test part that are left out of the fit.

    Raises:
        KeyboardInterrupt: the training was interrupted.
    """
    plan = plan.resolved()
    fitted, updates = known - gap, 0
    epochs = plan.settings()["epochs"]

    def listen(event: Event) -> None:
        nonlocal updates
        if isinstance(event, StepEnded):
            updates += 1
            tell((event.epoch - 1 + event.step / event.steps_per_epoch) / epochs)

    forecaster = plan.forecaster().fit([series_until(series, fitted)], session=TrainingSession(listen))
    if forecaster.training_record_.stopped_by == "interrupt":
        raise KeyboardInterrupt
    origins = origins_after([series], [known], plan.step_size)
    cells = cells_at(forecaster, [series], origins, [fitted], baselines)
    result = score(cells, [series.values[:fitted]], season=plan.season, step_size=plan.step_size, seed=plan.seed)
    return DesignTrial(forecaster, result, updates)


def state_gradients(forecaster: Forecaster, series: Series, known: int) -> np.ndarray:
    """Return ‖dℓ/d(h, c)_t‖ over all paths, mean over windows of the test part, (L, T); without c, ‖dℓ/dh_t‖.

    The hidden state of an LSTM alone would tell less: what its cell carries past the gates is missing from dℓ/dh_t.
    ℓ is the squared error of the forecast one step ahead; dropout is off.

    Args:
        forecaster: fitted.
        series: the series.
        known: rows before the test part.
    """
    network = forecaster.examined_network()
    last = min(len(series) - 1, known - 1 + WINDOWS)
    origins = Origins.of_series([np.arange(known - 1, last)])
    with recording() as records:
        inputs, loss = forecaster.one_step(series, origins)
        total = loss(network(*inputs))
    torch.autograd.backward(total)
    network.zero_grad()
    states = [[part for part in (one.grad_hidden, one.grad_cell) if part is not None] for one in records]
    whole = [torch.cat(parts, dim=-1) for parts in states if parts]
    return np.stack([torch.linalg.vector_norm(one, dim=-1).mean(dim=0).numpy() for one in whole])


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
    """Scores of one combination.

    Args:
        design: the combination.
        errors: mean absolute error per seed and horizon, (seeds, horizons).
        better: per horizon, whether every seed is below the best baseline.
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
        tell: called with the share that is done.

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
    """Return the scores of a design.

    Args:
        design: the combination.
        trials: its trainings.
        horizons: hours ahead that are judged.
        bars: per horizon, the mean absolute error of the best baseline.
    """
    errors = np.array([[one.result.by_horizon[h - 1].mae for h in horizons] for one in trials])
    low = trials[0].result.comparisons[0].skill_low
    better = tuple(bool(worst < bar) for worst, bar in zip(errors.max(axis=0), bars, strict=True))
    return DesignScore(design, errors, better, float("nan") if low is None else low)


@dataclass(frozen=True)
class BaselineScore:
    """Scores of a baseline on the test part.

    Args:
        name: of the method.
        mae, rmse: mean absolute error and root mean squared error one hour ahead.
        errors: mean absolute error per horizon.
    """

    name: Text
    mae: float
    rmse: float
    errors: tuple[float, ...]


def baseline_scores(series: Series, known: int, horizons: tuple[int, ...], look_back: int) -> tuple[BaselineScore, ...]:
    """Return the errors of three repeats and a least-squares line on the hours from ``known`` on.

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
        scores.append(BaselineScore(name, errors[1], root, tuple(errors[one] for one in horizons)))
    return tuple(scores)
