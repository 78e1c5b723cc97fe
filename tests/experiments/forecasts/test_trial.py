"""Training on the beginning, judging on the end, with nothing fitted on the gap between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nurt.data import Series
from nurt.data.synthetic import seasonal
from nurt.evaluation.forecasts.baselines import Linear, Naive
from nurt.experiments.forecasts.trial import train_and_judge
from nurt.tasks.forecasting import ForecastPlan

PLAN = ForecastPlan(recipe="sine", look_back=6, horizon=2, hidden=3, epochs=2)


def test_the_test_part_begins_where_it_is_told_to() -> None:
    values = seasonal(0, 90, season=7)
    shares: list[float] = []
    trial = train_and_judge(Series(values), PLAN, 70, (Naive(), Linear(6, 2)), shares.append)
    assert trial.result.cells.origin[0] == 69
    assert trial.result.origins == 20
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert trial.updates == len(shares) == 2 * 2
    assert trial.squared_error() == pytest.approx(trial.result.metrics.rmse**2)
    assert trial.squared_error("naive") == pytest.approx(trial.result.baselines["naive"].rmse ** 2)


def test_nothing_is_fitted_on_the_gap() -> None:
    values = seasonal(0, 90, season=7)
    spoilt = values.copy()
    spoilt[60:64] = 1e3
    found = [train_and_judge(Series(one), PLAN, 70, (Naive(), Linear(6, 2)), print, gap=10) for one in (values, spoilt)]
    for name in ("LSTM", "linear"):
        clean, dirty = (one.result.cells.forecasts[name] for one in found)
        assert np.array_equal(clean, dirty), name
    assert found[0].result.cells.origin[0] == 69
    without = train_and_judge(Series(spoilt), PLAN, 70, (Naive(), Linear(6, 2)), print)
    assert not np.array_equal(without.result.cells.forecasts["linear"], found[1].result.cells.forecasts["linear"])


def test_an_interrupted_training_is_not_judged() -> None:
    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_and_judge(Series(seasonal(0, 90)), dataclasses.replace(PLAN, epochs=1), 70, (Naive(),), interrupt)
