"""Rolling-origin plans, and scores of every forecaster on identical cells."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.errors import DataError, NurtValueError
from nurt.evaluation.chance.significance import diebold_mariano
from nurt.evaluation.forecasts.backtest import BacktestPlan, score
from nurt.evaluation.forecasts.baselines import default_baselines
from nurt.evaluation.forecasts.cells import Cells, Intervals
from nurt.evaluation.forecasts.scoring import compare_steps


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.booleans())
def test_origins_end_with_the_series_and_leave_room_for_a_training_window(length, look_back, horizon, step, partial):
    plan = BacktestPlan(step_size=step, partial=partial)
    last_target = 1 if partial else horizon
    try:
        origins = plan.origins(length, look_back, horizon)
    except DataError:
        assert length < look_back + horizon + last_target
        return
    assert origins[-1] + last_target == length - 1
    assert origins[0] + 1 >= look_back + horizon
    assert origins[0] - step + 1 < look_back + horizon
    assert set(np.diff(origins)) <= {step}
    np.testing.assert_array_equal(
        dataclasses.replace(plan, n_windows=1).origins(length, look_back, horizon), origins[-1:]
    )


def test_a_worked_plan():
    assert BacktestPlan(3, step_size=5).origins(100, 60, 10).tolist() == [79, 84, 89]
    assert BacktestPlan(3, step_size=5, partial=True).origins(100, 60, 10).tolist() == [88, 93, 98]


def test_too_many_windows_are_refused_with_the_largest_number_there_can_be():
    with pytest.raises(NurtValueError, match="n_windows <= 5,") as caught:
        BacktestPlan(6, step_size=5).origins(100, 60, 10)
    assert len(BacktestPlan(5, step_size=5).origins(100, 60, 10)) == 5
    assert "fewer windows" in str(caught.value)


def test_a_series_too_short_for_one_window_is_refused_with_the_length_it_needs():
    with pytest.raises(DataError, match="at least 80 observations"):
        BacktestPlan().origins(79, 60, 10)
    assert len(BacktestPlan().origins(80, 60, 10)) == 1
    with pytest.raises(DataError, match="at least 71 observations"):
        BacktestPlan(partial=True).origins(70, 60, 10)


@pytest.mark.parametrize(
    ("refit", "expected"),
    [
        (False, [1, 0, 0, 0, 0]),
        (True, [1, 1, 1, 1, 1]),
        (1, [1, 1, 1, 1, 1]),
        (2, [1, 0, 1, 0, 1]),
        (9, [1, 0, 0, 0, 0]),
    ],
)
def test_refits(refit, expected):
    assert BacktestPlan(refit=refit).refits(5).astype(int).tolist() == expected
    assert BacktestPlan(refit=refit).refits(0).tolist() == []


@pytest.mark.parametrize("settings", [{"n_windows": 0}, {"step_size": 0}, {"refit": 0}, {"refit": -2}])
def test_counts_below_one_are_refused(settings):
    if settings == {"refit": 0}:
        assert BacktestPlan(refit=False).refits(2).tolist() == [True, False]
    with pytest.raises(NurtValueError, match="at least 1"):
        BacktestPlan(**settings)


@pytest.mark.parametrize("name", ["n_windows", "step_size", "refit"])
def test_counts_that_overflow_are_refused(name):
    with pytest.raises(NurtValueError, match=f"`{name}` is a count") as caught:
        BacktestPlan(**{name: 10**20})
    assert caught.value.expected == "at most 1000000000"


def make_cells(actual, *, series=None, origin=None, names=("y",), labels=None, **forecasts) -> Cells:
    actual = np.asarray(actual, dtype=np.float64)
    count = len(actual)
    return Cells(
        np.zeros(count, dtype=int) if series is None else np.asarray(series),
        np.arange(10, 10 + count) if origin is None else np.asarray(origin),
        actual,
        {
            name: np.broadcast_to(np.asarray(forecast, dtype=np.float64), actual.shape)
            for name, forecast in forecasts.items()
        },
        origin_labels=labels,
        series_names=names,
    )


TRAINING = np.array([1.0, 2.0, 4.0, 7.0, 11.0])


def test_golden_scores():
    result = score(make_cells([[16.0, 22.0]], model=[[15.0, 25.0]], naive=[[16.0, 18.0]]), [TRAINING])
    assert (result.metrics.mae, result.metrics.mase) == pytest.approx((2.0, 0.8))
    assert result.metrics.rmse == pytest.approx(2.236068, abs=1e-6)
    assert result.metrics.smape == pytest.approx(9.608785, abs=1e-6)
    assert (result.metrics.wql, result.metrics.coverage_80) == (None, None)
    assert result.baselines["naive"].mae == 2.0
    assert [(one.h, one.n, one.mae, one.mae_of["naive"]) for one in result.by_horizon] == [(1, 1, 1, 0), (2, 1, 3, 4)]
    assert result.comparisons[0].skill == 0.0
    assert result.comparisons[0].p_value is None
    assert result.comparisons[0].reason.startswith("too few origins: 1")


def test_everyone_is_scored_on_identical_cells_and_the_others_are_counted():
    actual = np.ones((4, 3))
    actual[3, 2] = np.nan
    model, linear = np.full((4, 3), 2.0), np.full((4, 3), 5.0)
    model[0, 0], linear[1, 1], linear[3, 2] = np.nan, np.nan, np.nan
    naive = np.arange(12.0).reshape(4, 3)
    result = score(make_cells(actual, lstm=model, naive=naive, linear=linear), [TRAINING])
    kept = np.ones((4, 3), dtype=bool)
    kept[0, 0] = kept[1, 1] = kept[3, 2] = False
    assert result.dropped_cells == 2
    assert sum(one.n for one in result.by_horizon) == 9
    assert result.baselines["naive"].mae == pytest.approx(np.abs(naive - 1)[kept].mean())
    assert result.notes == (
        "1 of 12 cells have no known truth and are not scored.",
        "lstm has no forecast for 1 cells; they are left out for everyone.",
        "linear has no forecast for 1 cells; they are left out for everyone.",
    )


def test_a_baseline_with_few_cells_is_left_out_instead_of_the_cells():
    linear = np.full((5, 2), np.nan)
    linear[0] = 1.0
    result = score(make_cells(np.ones((5, 2)), lstm=2.0, naive=3.0, linear=linear, mean=1.5), [TRAINING])
    assert list(result.baselines) == ["naive", "mean"]
    assert [one.baseline for one in result.comparisons] == ["naive", "mean"]
    assert result.dropped_cells == 0
    assert result.notes[0].startswith("linear could forecast only 20 % of the cells")
    assert list(result.cells.forecasts) == ["lstm", "naive", "mean"]


def test_mase_is_averaged_over_series_and_never_pooled():
    cells = make_cells(
        [[10.0], [10.0], [10.0]], series=[0, 0, 1], origin=[3, 4, 3], names=("a", "b"), lstm=[[11.0], [13.0], [20.0]],
        naive=10.0,
    )  # fmt: skip
    result = score(cells, [TRAINING, 10 * TRAINING])
    assert result.metrics.mase == pytest.approx((2.0 / 2.5 + 10.0 / 25.0) / 2)
    assert result.metrics.mae == pytest.approx(14 / 3)


def test_a_constant_series_leaves_mase_with_a_reason():
    cells = make_cells([[10.0], [10.0]], series=[0, 1], origin=[3, 3], names=("a", "b"), lstm=11.0, naive=10.0)
    both = score(cells, [TRAINING, np.full(5, 3.0)])
    assert both.metrics.mase == pytest.approx(1 / 2.5)
    assert both.metrics.notes[0].startswith(
        "MASE leaves out 1 of 2 series, first series 'b': the training values repeat"
    )
    alone = score(make_cells([[10.0]], lstm=11.0, naive=10.0), [np.full(5, 3.0)])
    assert np.isnan(alone.metrics.mase)
    assert alone.to_dict()["metrics"]["mase"] is None


def test_seasons_enter_the_scale():
    result = score(make_cells([[16.0]], lstm=[[15.0]], naive=16.0), [TRAINING], season=2)
    assert result.metrics.mase == pytest.approx(1 / np.mean([3, 5, 7]))
    assert result.season == 2


def test_wql_uses_the_deciles_or_says_what_it_uses():
    actual = np.array([[16.0], [22.0]])
    cells = make_cells(actual, lstm=actual, naive=1.0)
    few = dataclasses.replace(cells, quantile_levels=(0.9,), quantiles=np.array([[[18.0]], [[20.0]]]))
    result = score(few, [TRAINING])
    assert result.metrics.wql == pytest.approx(0.105263, abs=1e-6)
    assert "WQL averages over the levels 0.9 instead of the deciles." in result.metrics.notes
    levels = (0.025, *np.linspace(0.1, 0.9, 9), 0.975)
    quantiles = np.repeat(actual[..., None], 11, axis=-1)
    quantiles[..., [0, -1]] = 1e6
    exact = score(dataclasses.replace(cells, quantile_levels=levels, quantiles=quantiles), [TRAINING])
    assert exact.metrics.wql == 0.0


def test_coverage_over_all_and_by_step():
    actual = np.tile([[1.0, 5.0]], (40, 1))
    actual[:10, 0] = 9.0
    lower, upper = np.zeros((40, 2, 2)), np.full((40, 2, 2), 6.0)
    upper[..., 1] = 10.0
    lower[0, 0] = np.nan
    cells = make_cells(actual, lstm=4.0, naive=3.0)
    cells = dataclasses.replace(cells, intervals=Intervals((80, 95), lower, upper, "one is missing"))
    result = score(cells, [TRAINING])
    narrow, wide = result.coverage
    assert (narrow.level, narrow.cells, narrow.share) == (80, 79, pytest.approx(70 / 79))
    assert narrow.low < narrow.share < narrow.high
    assert (wide.share, wide.low, wide.high) == (1.0, 1.0, 1.0)
    assert result.metrics.coverage_80 == narrow.share
    assert [one.coverage_80 for one in result.by_horizon] == pytest.approx([30 / 39, 1.0])
    assert [one.coverage_95 for one in result.by_horizon] == [1.0, 1.0]


def test_without_any_interval_the_coverage_says_why():
    bounds = np.full((12, 1, 1), np.nan)
    cells = make_cells(np.ones((12, 1)), lstm=4.0, naive=3.0)
    result = score(dataclasses.replace(cells, intervals=Intervals((95,), bounds, bounds, "too few errors")), [TRAINING])
    assert np.isnan(result.coverage[0].share)
    assert result.coverage[0].reason == "too few errors"
    assert result.metrics.coverage_80 is None


@pytest.fixture(scope="module")
def dollar_backtest(usd_pln):
    days, rates = usd_pln
    origins = np.flatnonzero((days >= np.datetime64("2023-01-02")) & (days <= np.datetime64("2024-11-15")))
    train = rates[: origins[0] + 1]
    members = {member.name: member.fit([train]) for member in default_baselines(60, 30)}
    forecasts = {name: member.forecast(rates, origins, 30) for name, member in members.items()}
    order = ["drift", *(name for name in forecasts if name != "drift")]
    actual = rates[origins[:, None] + np.arange(1, 31)]
    series = np.zeros(len(origins), dtype=int)
    return Cells(series, origins, actual, {name: forecasts[name] for name in order}), train


def test_the_path_test_of_the_dollar_is_the_published_one_turned_round(dollar_backtest):
    cells, train = dollar_backtest
    result = score(cells, [train])
    naive = result.comparisons[0]
    assert (naive.baseline, naive.origins) == ("naive", 473)
    assert naive.statistic == pytest.approx(2.62493, abs=0.0005)
    assert naive.p_value == pytest.approx(0.00895, abs=0.0001)
    assert naive.p_holm == pytest.approx(min(1.0, 0.00895 * 5), abs=0.03)
    assert naive.p_holm >= naive.p_value
    assert naive.skill_low < naive.skill < naive.skill_high
    assert result.metrics.mae == pytest.approx(0.0954, abs=0.0001)
    assert result.baselines["naive"].mae == pytest.approx(0.0758, abs=0.0001)


def test_every_fifth_origin_of_the_dollar(dollar_backtest):
    cells, train = dollar_backtest
    rows = slice(None, None, 5)
    thinned = Cells(
        cells.series[rows],
        cells.origin[rows],
        cells.actual[rows],
        {name: f[rows] for name, f in cells.forecasts.items()},
    )
    naive = score(thinned, [train], step_size=5).comparisons[0]
    assert (naive.origins, naive.statistic) == (95, pytest.approx(2.39207, abs=0.0005))


def test_steps_of_the_dollar_are_tested_one_by_one(dollar_backtest):
    tests = compare_steps(dollar_backtest[0])
    assert [test.overlap for test in tests] == list(range(1, 31))
    assert [tests[k].statistic for k in (0, 4, 29)] == pytest.approx([1.66395, 2.71155, 2.48697], abs=0.0005)
    assert [tests[k].first_is_better for k in (0, 4, 29)] == [False, False, False]


def test_an_incomplete_path_is_a_gap_and_not_a_shorter_path(dollar_backtest):
    cells, train = dollar_backtest
    actual = cells.actual.copy()
    actual[100, 29] = np.nan
    holed = dataclasses.replace(cells, actual=actual)
    naive = score(holed, [train]).comparisons[0]
    drift, repeat = (np.abs(cells.actual - cells.forecasts[name]).mean(axis=1) for name in ("drift", "naive"))
    drift[100] = np.nan
    expected = diebold_mariano(drift, repeat, steps_ahead=30)
    assert (naive.origins, naive.statistic) == (472, pytest.approx(expected.statistic))


def test_several_series_are_averaged_per_date_and_never_stacked():
    random = np.random.RandomState(0)
    actual = random.randn(30, 2)
    model = actual + random.randn(30, 2)
    alone = score(make_cells(actual, lstm=model, naive=0.0), [TRAINING]).comparisons[0]
    twice = make_cells(
        np.tile(actual, (2, 1)), series=np.repeat([0, 1], 30), origin=np.tile(np.arange(30), 2), names=("a", "b"),
        labels=np.tile(np.arange(30), 2), lstm=np.tile(model, (2, 1)), naive=0.0,
    )  # fmt: skip
    together = score(twice, [TRAINING, TRAINING]).comparisons[0]
    assert together.origins == alone.origins == 30
    assert together.p_value == pytest.approx(alone.p_value)
    assert (together.skill_low, together.skill_high) == pytest.approx((alone.skill_low, alone.skill_high))


def test_a_model_that_equals_a_baseline_up_to_rounding_is_identical_to_it():
    actual = 4.0 + np.random.RandomState(1).randn(60, 3) * 0.02
    naive = 4.0 + np.random.RandomState(2).randn(60, 3) * 0.02
    result = score(make_cells(actual, lstm=naive.astype(np.float32), naive=naive), [TRAINING])
    assert result.comparisons[0].reason == "identical forecasts"
    assert result.comparisons[0].p_value is None
    assert result.comparisons[0].p_holm is None


def test_a_perfect_baseline_leaves_the_skill_undefined():
    result = score(make_cells(np.ones((30, 2)), lstm=2.0, naive=1.0), [TRAINING])
    assert np.isnan(result.comparisons[0].skill)
    assert "nothing to divide by" in result.comparisons[0].reason
    json.dumps(result.to_dict(), allow_nan=False)


def test_the_bootstrap_is_seeded(dollar_backtest):
    cells, train = dollar_backtest
    first, again, other = (score(cells, [train], seed=seed).comparisons[0].skill_low for seed in (1, 1, 2))
    assert first == again != other


def test_partial_origins_are_scored_on_the_steps_whose_truth_is_known():
    values = np.arange(40.0)
    origins = BacktestPlan(4, partial=True).origins(40, 5, 3)
    targets = origins[:, None] + np.arange(1, 4)
    actual = np.where(targets < 40, values[np.minimum(targets, 39)], np.nan)
    naive = np.repeat(values[origins][:, None], 3, axis=1)
    result = score(make_cells(actual, origin=origins, lstm=naive + 1, naive=naive), [TRAINING])
    assert [one.n for one in result.by_horizon] == [4, 3, 2]
    assert result.comparisons[0].origins == 2
    assert result.dropped_cells == 0


def test_nothing_to_score_is_nan_and_plain_json():
    cells = make_cells(np.full((3, 2), np.nan), lstm=1.0, naive=2.0)
    result = score(cells, [TRAINING])
    assert np.isnan(result.metrics.mae)
    assert result.by_horizon[0].n == 0
    json.dumps(result.to_dict(), allow_nan=False)


def test_refused_cells():
    with pytest.raises(NurtValueError, match="'naive' after that of the model"):
        score(make_cells(np.ones((3, 2)), lstm=1.0, drift=2.0), [TRAINING])
    with pytest.raises(NurtValueError, match="'naive' after that of the model"):
        score(make_cells(np.ones((3, 2)), naive=1.0), [TRAINING])
    with pytest.raises(NurtValueError, match="no training rows"):
        score(make_cells(np.ones((3, 2)), series=[0, 0, 1], names=("a", "b"), lstm=1.0, naive=2.0), [TRAINING])
    with pytest.raises(NurtValueError, match="step size"):
        score(make_cells(np.ones((3, 2)), lstm=1.0, naive=2.0), [TRAINING], step_size=2)


def test_a_result_prints_as_a_table_best_first_and_draws_itself(dollar_backtest):
    cells, train = dollar_backtest
    result = score(cells, [train])
    lines = str(result).splitlines()
    assert lines[0] == "473 origins, 30 step(s) ahead, 1 observation(s) apart"
    assert [line.split()[0] for line in lines[2:8]] == sorted(
        cells.forecasts, key=lambda name: np.abs(cells.actual - cells.forecasts[name]).mean()
    )
    assert len(result.plot().data) == 6
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert "cells" not in plain
    assert plain["by_horizon"][0]["naive_mae"] == pytest.approx(0.019195, abs=1e-6)
