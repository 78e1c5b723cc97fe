"""Train a forecaster on the beginning of a series and judge it on the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nurt.data import Series, select
from nurt.data.readers import read
from nurt.data.scaling import standardise
from nurt.data.windows import Origins, Windows
from nurt.errors import DataError
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import AbstractBaseline
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.kernels import recording
from nurt.tasks.forecasting import Forecaster, ForecastPlan, Sitting
from nurt.tasks.forecasting.backtesting import cells_at, origins_after, series_until
from nurt.tasks.forecasting.problem import to_tensors
from nurt.training import Event, StepEnded

__all__ = ["DesignTrial", "one_series", "total_gradients", "train_and_judge"]


@dataclass(frozen=True)
class DesignTrial:
    """A fitted forecaster and how it did on the test part.

    Args:
        forecaster: fitted.
        result: its scores beside those of the baselines.
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
    """Fit the plan's forecaster on the first rows and judge it beside the baselines on those after ``known``.

    Args:
        series: the series.
        plan: what to build; its share of test is not used.
        known: rows before the test part.
        baselines: fitted on the rows that the forecaster is fitted on.
        tell: told the share of the training that is done.
        gap: rows before the test part that nothing is fitted on.

    Raises:
        KeyboardInterrupt: the training was interrupted.
    """
    fitted, updates = known - gap, 0
    epochs = plan.settings()["epochs"]

    def listen(event: Event) -> None:
        nonlocal updates
        if isinstance(event, StepEnded):
            updates += 1
            tell((event.epoch - 1 + event.step / event.steps_per_epoch) / epochs)

    forecaster = plan.forecaster().fit([series_until(series, fitted)], sitting=Sitting(listen))
    if forecaster.training_record_.stopped_by == "interrupt":
        raise KeyboardInterrupt
    origins = origins_after([series], [known], plan.step_size)
    cells = cells_at(forecaster, [series], origins, [fitted], baselines)
    result = score(cells, [series.values[:fitted]], season=plan.season, step_size=plan.step_size, seed=plan.seed)
    return DesignTrial(forecaster, result, updates)


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


WINDOWS = 64


def total_gradients(forecaster: Forecaster, series: Series, known: int) -> np.ndarray:
    """Return ‖dℓ/dh_t‖ over all paths, mean over windows of the test part, (L, T).

    ℓ is the squared error of the forecast one step ahead; dropout is off.

    Args:
        forecaster: fitted.
        series: the series.
        known: rows before the test part.
    """
    network = forecaster.fitted_network()
    network.eval()
    windows = Windows([series], forecaster.look_back, 1)
    last = min(len(series) - 1, known - 1 + WINDOWS)
    origins = Origins.of_series([np.arange(known - 1, last)])
    inputs, extra, targets = to_tensors(windows, origins, forecaster.covariate_scaling_, network.head.median.weight)
    units = network.statistics(inputs)
    with recording() as records:
        said = network(inputs, extra, units, steps=1)
    wanted = standardise(targets, units.anchor, units.scale)
    (said[:, :1, network.head.middle] - wanted).square().sum().backward()
    network.zero_grad()
    found = [one.grad_hidden for one in records]
    return np.stack([torch.linalg.vector_norm(g, dim=-1).mean(dim=0).numpy() for g in found if g is not None])
