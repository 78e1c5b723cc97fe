"""Train a forecaster on the beginning of a series and judge it on the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nurt.data import Series
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import AbstractBaseline
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.tasks.forecasting import Forecaster, ForecastPlan
from nurt.tasks.forecasting.judging import cells_at, origins_after
from nurt.tasks.forecasting.problem import series_until
from nurt.tasks.running import TrainingSession
from nurt.training import Event, StepEnded

__all__ = ["Trial", "train_and_judge"]


@dataclass(frozen=True)
class Trial:
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
) -> Trial:
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

    forecaster = plan.forecaster().fit([series_until(series, fitted)], session=TrainingSession(listen))
    if forecaster.training_record_.stopped_by == "interrupt":
        raise KeyboardInterrupt
    origins = origins_after([series], [known], plan.step_size)
    cells = cells_at(forecaster, [series], origins, [fitted], baselines)
    result = score(cells, [series.values[:fitted]], season=plan.season, step_size=plan.step_size, seed=plan.seed)
    return Trial(forecaster, result, updates)
