"""Series out of files, training on the beginning and judging on the end, and total gradients against autograd."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from nurt.data import Series
from nurt.data.synthetic import noisy_sine, seasonal
from nurt.errors import DataError
from nurt.evaluation.forecasts.baselines import Linear, Naive
from nurt.experiments.forecasts.trial import one_series, state_gradients, train_and_judge
from nurt.tasks.forecasting import ForecastPlan
from nurt.tasks.forecasting.judging import series_until

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


def _table(folder: Path, header: str) -> list[str]:
    path = folder / "table.csv"
    columns = header.count(",")
    lines = [f"2021-01-{day:02}" + "".join(f",{day + 10 * c}" for c in range(columns)) for day in range(1, 6)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return [str(path)]


def test_the_only_column_needs_no_name(tmp_path: Path) -> None:
    assert one_series(_table(tmp_path, "day,anything"), "1USD").values.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("header", ["day,1EUR,1USD", "day,1EUR,rate of 1USD in PLN"])
def test_a_column_is_found_by_its_name_or_a_part_of_it(tmp_path: Path, header: str) -> None:
    assert one_series(_table(tmp_path, header), "1USD").values[0] == 11


@pytest.mark.parametrize("header", ["day,1EUR,1GBP", "day,a PM10,b PM10"])
def test_none_or_several_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match="table"):
        one_series(_table(tmp_path, header), "PM10")


def test_state_gradients_are_those_of_autograd() -> None:
    series = Series(noisy_sine(0, 60))
    plan = ForecastPlan(recipe="sine", look_back=5, horizon=1, cell="elman", hidden=3, epochs=1)
    forecaster = plan.forecaster().fit([series_until(series, 50)])
    found = state_gradients(forecaster, series, 50)

    weights = {name: value.detach() for name, value in forecaster.examined_network().encoder.named_parameters()}
    by_end = {name.rsplit(".", 1)[-1].removesuffix("_l0"): value for name, value in weights.items()}
    head = forecaster.examined_network().head.median
    windows = np.stack([series.values[i - 5 : i] for i in range(50, 60)])
    targets = torch.tensor(series.values[50:60], dtype=head.weight.dtype)
    state = torch.zeros(10, 3, dtype=head.weight.dtype)
    states = []
    for step in range(5):
        inputs = torch.tensor(windows[:, step : step + 1], dtype=head.weight.dtype)
        added = inputs @ by_end["weight_ih"].T + state @ by_end["weight_hh"].T
        added = added + by_end["bias_ih"] + by_end.get("bias_hh", 0.0)
        state = torch.tanh(added).requires_grad_()
        state.retain_grad()
        states.append(state)
    (head(state)[:, 0] - targets).square().sum().backward()
    expected = [one.grad.norm(dim=-1).mean() for one in states if one.grad is not None]
    np.testing.assert_allclose(found, [[float(one) for one in expected]], rtol=1e-4)


def test_the_state_of_an_lstm_is_h_and_c_together() -> None:
    series = Series(noisy_sine(0, 60))
    plan = ForecastPlan(recipe="sine", look_back=6, horizon=1, cell="lstm", hidden=3, epochs=1)
    forecaster = plan.forecaster().fit([series_until(series, 50)])
    found = state_gradients(forecaster, series, 50)

    network = forecaster.examined_network()
    by_end = {name.rsplit(".", 1)[-1].removesuffix("_l0"): one.detach() for name, one in network.named_parameters()}
    windows = np.stack([series.values[i - 6 : i] for i in range(50, 60)])
    head = network.head.median
    targets = torch.tensor(series.values[50:60], dtype=head.weight.dtype)
    hidden = torch.zeros(10, 3, dtype=head.weight.dtype)
    cell, states = hidden, []
    for step in range(6):
        inputs = torch.tensor(windows[:, step : step + 1], dtype=head.weight.dtype)
        sums = inputs @ by_end["weight_ih"].T + hidden @ by_end["weight_hh"].T
        i, f, g, o = (sums + by_end["bias_ih"] + by_end.get("bias_hh", 0.0)).chunk(4, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        cell.requires_grad_().retain_grad()
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        hidden.requires_grad_().retain_grad()
        states.append((hidden, cell))
    (head(hidden)[:, 0] - targets).square().sum().backward()
    whole = [torch.cat([h.grad, c.grad], dim=1).norm(dim=1).mean() for h, c in states]
    np.testing.assert_allclose(found, [[float(one) for one in whole]], rtol=1e-4)
