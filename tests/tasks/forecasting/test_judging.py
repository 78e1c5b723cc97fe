"""Every forecaster that nurt can build sees all of its window at every step, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import nurt
from nurt.data import Series
from nurt.data.scaling import SCALINGS
from nurt.data.windows import Origins
from nurt.errors import DataError, NurtValueError
from nurt.evaluation.forecasts.backtest import BacktestPlan
from nurt.tasks.forecasting.calibration import Calibration
from nurt.tasks.forecasting.judging import audit_reach
from nurt.tasks.forecasting.network import ForecastNetwork, NetworkDesign

LOOK_BACK, HORIZON = 60, 30


def _network(cell: str, strategy: str, scaling: str, **told: object) -> ForecastNetwork:
    design = {"layers": 1, "hidden": 8, "dropout": 0.2, "horizon": HORIZON, "quantiles": (0.1, 0.5, 0.9)}
    torch.manual_seed(0)
    fitted = SCALINGS[scaling].fit([torch.randn(200).cumsum(0).double().numpy()])
    return ForecastNetwork(NetworkDesign(cell=cell, strategy=strategy, **design | told), fitted)


@pytest.mark.parametrize("strategy", ["direct", "recursive", "parallel"])
@pytest.mark.parametrize("cell", ["linear", "elman", "lstm", "gru"])
def test_all_inputs_reach_all_steps_of_every_cell(cell: str, strategy: str) -> None:
    report = audit_reach(_network(cell, strategy, "window"), LOOK_BACK)
    assert report.verdict == "pass"
    assert report.latest_input.tolist() == [LOOK_BACK] * HORIZON
    assert report.earliest_input.tolist() == [1] * HORIZON


@pytest.mark.parametrize("scaling", sorted(SCALINGS))
@pytest.mark.parametrize("layers", [1, 3])
def test_scaling_and_depth_hide_nothing(scaling: str, layers: int) -> None:
    report = audit_reach(_network("lstm", "direct", scaling, layers=layers), LOOK_BACK)
    assert (report.verdict, set(report.latest_input.tolist())) == ("pass", {LOOK_BACK})


def test_covariates_are_audited_as_a_group_of_their_own() -> None:
    report = audit_reach(_network("gru", "direct", "window", covariates=2, mask=True), LOOK_BACK)
    assert [one.group for one in report.reach] == ["target", "past covariates"]
    assert all(set(one.latest.tolist()) == {LOOK_BACK} for one in report.reach)


class _Blind(ForecastNetwork):
    """Reads step k where a head over per-step outputs would: 30 - k observations before the newest."""

    def forward(
        self, inputs: Tensor, covariates: Tensor, statistics: object = None, steps: int | None = None, **told: object
    ) -> Tensor:
        assert set(told.values()) <= {None}
        assert covariates.shape[-1] == 0
        assert steps is None
        statistics = statistics or self.statistics(inputs)
        units = ((inputs - statistics.anchor) / statistics.scale).unsqueeze(-1)
        outputs, _ = self.encoder(units)
        return torch.cat([self.head(outputs[:, t], statistics.change)[:, :1] for t in range(-HORIZON, 0)], dim=1)


class _Late(ForecastNetwork):
    """Drops the newest observation, as a window cut off by one does."""

    def forward(
        self, inputs: Tensor, covariates: Tensor, statistics: object = None, steps: int | None = None, **told: object
    ) -> Tensor:
        assert set(told.values()) <= {None}
        return super().forward(inputs[:, :-1], covariates[:, :-1], statistics, steps)


@pytest.mark.parametrize(("kind", "newest"), [(_Blind, [31, 32, 40, 50, 60]), (_Late, [59] * 5)])
def test_a_network_that_misses_the_newest_values_is_caught(kind: type[ForecastNetwork], newest: list[int]) -> None:
    whole = _network("lstm", "direct", "window")
    blind = kind(whole.design, whole.scaling)
    report = audit_reach(blind, LOOK_BACK)
    assert report.verdict == "warning"
    assert [int(report.latest_input[k - 1]) for k in (1, 2, 10, 20, 30)] == newest


def test_bands_are_never_judged_on_the_rows_that_calibrated_them(tmp_path: Path) -> None:
    """What was learnt from the judged origins afterwards changes no band of the same back-test, nor does the file."""
    random = np.random.RandomState(0)
    values = 40 + 6 * np.sin(2 * np.pi * np.arange(300) / 7) + 7 * random.standard_normal(300)
    values[250:] += 8 * random.standard_normal(50)
    quick = nurt.TrainingSettings(epochs=1)
    model = nurt.Forecaster(look_back=14, horizon=3, season=7, hidden=4, training=quick).fit(values[:240])
    honest = model.backtest(values)
    model.learn_errors([Series(values)], Origins.of_series([honest.cells.origin]))
    model.save(tmp_path / "m.safetensors")
    loaded = nurt.Forecaster.load(tmp_path / "m.safetensors")
    for one in (model, loaded):
        again = one.backtest(values)
        np.testing.assert_array_equal(again.cells.intervals.lower, honest.cells.intervals.lower)
        assert [entry.share for entry in again.coverage] == [entry.share for entry in honest.coverage]
    # Once they are known, the later errors count: the bands after the end are others than the validation rows give.
    fresh = nurt.Forecaster(look_back=14, horizon=3, season=7, hidden=4, training=quick).fit(values[:240])
    assert loaded.predict(values, level=(80,))["hi-80"][0] != fresh.predict(values, level=(80,))["hi-80"][0]


def test_a_score_counts_once_its_truth_is_known() -> None:
    scores = Calibration((50,), ("a",) * 9, np.arange(9), np.arange(9.0).reshape(9, 1, 1))
    series = [Series(np.arange(20.0), name="a")]
    known = scores.known_errors(series, [True], Origins(np.array([0]), np.array([4])))
    assert known.origin.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert len(scores.known_errors(series, [False], Origins(np.array([0]), np.array([4])))) == 0
    assert len(scores.known_errors(series, [False])) == 9
    assert (scores.known_errors(series, [False]).origin < -1).all()
    other = [Series(np.arange(20.0), name="b")]
    assert len(scores.known_errors(other, [False], Origins(np.array([0]), np.array([4])))) == 9


def test_a_fitted_model_is_judged_as_it_is_and_refitted_only_by_name() -> None:
    values = np.random.RandomState(1).standard_normal(160).cumsum()
    quick = nurt.TrainingSettings(epochs=1)
    model = nurt.Forecaster(look_back=8, horizon=3, hidden=4, training=quick).fit(values[:120])
    planned = model.backtest(values, BacktestPlan(n_windows=10)).cells
    assert planned.origin.min() >= 119
    whole = model.backtest(values).cells
    rows = np.isin(whole.origin, planned.origin)
    np.testing.assert_array_equal(planned.forecasts[model.name], whole.forecasts[model.name][rows])
    assert model.backtest(values, BacktestPlan()).origins == 160 - 3 - 120 + 1
    with pytest.raises(NurtValueError, match=r"(?s)fitted on.*n_windows <= 38.*refit=True"):
        model.backtest(values, BacktestPlan(n_windows=39))
    with pytest.raises(DataError, match="refit=True"):
        model.backtest(values[::-1], BacktestPlan(n_windows=5))
    again = model.backtest(values, BacktestPlan(n_windows=4, step_size=30, refit=2))
    assert again.cells.origin.min() < 119


def test_no_forecast_goes_below_0_where_no_known_value_did() -> None:
    random = np.random.RandomState(2)
    values = np.where(random.random_sample(160) < 0.7, 0.0, random.randint(3, 9, 160).astype(float))
    quick = nurt.TrainingSettings(epochs=1)
    model = nurt.Forecaster(look_back=8, horizon=3, hidden=4, training=quick)
    fan = model.fit(values[:120]).fan([Series(values)])
    assert fan.floored
    assert min(fan.lower.min(), fan.middle.min()) == 0.0
    cells = model.backtest(values).cells
    assert cells.intervals is not None
    assert np.nanmin(cells.intervals.lower) == 0.0
    assert all(np.nanmin(one) >= 0.0 for one in cells.forecasts.values())
    moved = model.fit(values[:120] - 1.0).fan([Series(values - 1.0)])
    assert not moved.floored
    assert moved.lower.min() < -1.0
