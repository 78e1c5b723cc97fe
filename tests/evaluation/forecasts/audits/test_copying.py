"""Copies are told from forecasts, on real series and on invented ones whose answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.audits import copying
from nurt.evaluation.forecasts.audits.copying import Following, Truth, audit_copying
from nurt.evaluation.forecasts.cells import Cells


def anchored_linear(look_back, horizon):
    """Least squares on windows before the first origin, after subtracting each window's last value."""

    def forecast(values, origins, _):
        windows = np.lib.stride_tricks.sliding_window_view(values[: origins[0] + 1], look_back + horizon)
        windows = windows[np.isfinite(windows).all(axis=1)]
        moved = windows - windows[:, look_back - 1 : look_back]
        inputs = np.c_[moved[:, : look_back - 1], np.ones(len(moved))]
        weights = np.linalg.lstsq(inputs, moved[:, look_back:], rcond=None)[0]
        given = values[origins[:, None] + np.arange(1 - look_back, 1)]
        last = given[:, -1:]
        return np.c_[(given - last)[:, :-1], np.ones(len(given))] @ weights + last

    return forecast


def weighted_average(weights):
    def forecast(values, origins, horizon):
        return np.repeat((values[origins[:, None] - np.arange(len(weights))] @ weights)[:, None], horizon, axis=1)

    return forecast


def seasonal_repeat(season):
    def forecast(values, origins, horizon):
        steps = np.arange(1, horizon + 1)
        return values[origins[:, None] + steps - season * -(-steps // season)]

    return forecast


def truth_with_noise(size):
    def forecast(values, origins, horizon):
        noise = np.random.default_rng(0).standard_normal((len(origins), horizon))
        return values[origins[:, None] + np.arange(1, horizon + 1)] + size * noise

    return forecast


@pytest.fixture
def walk():
    return np.random.default_rng(7).standard_normal(401).cumsum()


@pytest.mark.parametrize("name", ["usd_pln", "oil_temperature", "pm10", "airline"])
def test_repeating_the_last_value_is_a_copy_of_every_real_series(name, real_series, backtest):
    report = audit_copying(backtest(real_series(name), 7, 12))
    assert [step.copy_share for step in report.steps] == pytest.approx([1.0] * 7, abs=1e-12)
    assert [step.lag for step in report.steps] == list(range(1, 8))
    assert report.copied == tuple(range(1, 8))
    assert report.text == "model repeats the last value at every step."


def test_a_weighted_average_of_three_rates_is_a_copy_five_days_ahead(real_series, backtest):
    step = audit_copying(backtest(real_series("usd_pln"), 5, 60, weighted_average([0.5, 0.3, 0.2]))).steps[4]
    assert step.copy_share == pytest.approx(0.944, abs=0.004)
    assert step.lag == 5
    assert step.flag == "copy"


def test_an_anchored_linear_fit_on_pm10_is_a_copy_unless_a_test_finds_skill(real_series, backtest):
    cells = backtest(real_series("pm10"), 1, 96, anchored_linear(96, 1))
    step = audit_copying(cells).steps[0]
    assert step.copy_share == pytest.approx(0.941, abs=0.005)
    assert (step.lag, step.flag) == (1, "copy")
    errors = {name: np.nanmean(np.abs(one - cells.actual)[cells.scored]) for name, one in cells.forecasts.items()}
    assert 0.965 < errors["model"] / errors["naive"] < 0.985
    skilled = audit_copying(cells, beats_naive=[True])
    assert skilled.steps[0].flag == "shrunk copy with skill"
    assert skilled.copied == ()
    assert skilled.verdict == "info"


def test_a_seasonal_fit_on_airline_passengers_is_no_copy(real_series, backtest):
    step = audit_copying(backtest(real_series("airline"), 1, 24, anchored_linear(24, 1))).steps[0]
    assert step.copy_share < 0.1
    assert (step.lag, step.flag) == (0, "none")


def test_truth_with_noise_is_no_copy(real_series, backtest):
    report = audit_copying(backtest(real_series("oil_temperature"), 3, 24, truth_with_noise(0.1)))
    assert all(step.lag == 0 and step.copy_share < 0.1 and step.flag == "none" for step in report.steps)
    assert report.verdict == "pass"
    assert "does not copy" in report.text


def test_a_seasonal_repeat_is_a_seasonal_copy_and_no_alarm(real_series, backtest):
    report = audit_copying(backtest(real_series("oil_temperature"), 30, 48, seasonal_repeat(24)), season=24)
    flags = {step.h: step.flag for step in report.steps}
    assert flags[1] == flags[12] == flags[24] == flags[30] == "seasonal copy"
    assert all(step.seasonal_share == pytest.approx(1.0) for step in report.steps)
    assert report.copied == ()
    assert report.verdict == "info"
    assert "24 observations back at every step" in report.text


def test_a_copy_of_the_last_value_alarms_in_a_seasonal_series_too_but_not_at_the_season(walk, backtest):
    def repeat(values, origins, horizon):
        return np.repeat(values[origins][:, None], horizon, axis=1)

    report = audit_copying(backtest(walk, 8, 14, repeat), season=7)
    assert report.copied == (1, 2, 3, 4, 5, 6, 8)
    assert report.steps[6].flag == "seasonal copy"
    assert report.verdict == "warning"
    assert audit_copying(backtest(walk, 8, 14, repeat)).copied == tuple(range(1, 9))


def test_skill_against_the_seasonal_repeat_excuses_a_seasonal_copy(walk, backtest):
    cells = backtest(walk, 3, 14, seasonal_repeat(7))
    assert {step.flag for step in audit_copying(cells, season=7).steps} == {"seasonal copy"}
    excused = audit_copying(cells, season=7, beats_seasonal=[True, None, False])
    assert [step.flag for step in excused.steps] == ["shrunk copy with skill", "seasonal copy", "seasonal copy"]


def test_a_forecast_that_leads_by_one_step_is_no_copy(walk, backtest):
    """It repeats y_{t+1}: close to the last value, yet it knows something."""

    def leading(values, origins, horizon):
        return np.repeat(values[origins + 1][:, None], horizon, axis=1)

    step = audit_copying(backtest(walk, 30, 2, leading)).steps[29]
    assert step.copy_share > 0.9
    assert (step.lag, step.flag) == (29, "none")


def test_a_forecast_far_from_the_last_value_is_no_copy_though_it_trails(walk, backtest):
    def late(values, origins, horizon):
        return np.repeat(values[origins - 4][:, None], horizon, axis=1)

    step = audit_copying(backtest(walk, 2, 6, late)).steps[0]
    assert step.lag == 5
    assert (step.copy_share < 0.9, step.flag) == (True, "none")


def test_origins_further_apart_are_compared_with_the_origin_before(walk):
    for apart in (2, 3, 5):
        origins = np.arange(3, 390, apart)
        naive = np.repeat(walk[origins][:, None], 6, axis=1)
        actual = walk[origins[:, None] + np.arange(1, 7)]
        cells = Cells(np.zeros(len(origins), dtype=int), origins, actual, {"m": naive, "naive": naive})
        assert [step.lag for step in audit_copying(cells).steps] == [1, 2, 3, 4, 5, 6]


def test_missing_truth_and_missing_forecasts_are_left_out(walk, backtest):
    holes = walk.copy()
    holes[np.random.default_rng(1).random(len(walk)) < 0.2] = np.nan
    cells = backtest(holes, 3, 5)
    cells.forecasts["model"][::7] = np.nan
    report = audit_copying(cells)
    assert report.copied == (1, 2, 3)
    assert [step.copy_share for step in report.steps] == pytest.approx([1.0] * 3)


def test_series_count_equally_whatever_their_units(walk, backtest):
    """A copy in a series a million times larger must not drown honest forecasts of the other two."""
    parts = [
        backtest(walk * 1e6, 2, 5),
        backtest(walk, 2, 5, truth_with_noise(0.01)),
        backtest(-walk, 2, 5, truth_with_noise(0.01)),
    ]
    cells = Cells(
        np.repeat([0, 1, 2], [len(part.origin) for part in parts]),
        np.concatenate([part.origin for part in parts]),
        np.concatenate([part.actual for part in parts]),
        {name: np.concatenate([part.forecasts[name] for part in parts]) for name in ("model", "naive")},
        series_names=("a", "b", "c"),
    )
    report = audit_copying(cells)
    assert report.copied == ()
    assert report.steps[0].copy_share == pytest.approx(1.0 / 3.0, abs=0.05)


def test_changes_are_never_taken_across_series(walk):
    """4 and 5 origins make 3 + 4 changes, too few; one across the border would be the eighth."""
    origins = np.r_[2:6, 2:7]
    series = np.repeat([0, 1], [4, 5])
    places = origins + 100 * series
    naive = walk[places][:, None]
    cells = Cells(series, origins, walk[places + 1][:, None], {"m": naive, "naive": naive}, series_names=("a", "b"))
    assert audit_copying(cells).steps[0].lag is None
    one_series = Cells(np.zeros(9, dtype=int), places, cells.actual, cells.forecasts)
    assert audit_copying(one_series).steps[0].lag == 1


@pytest.mark.parametrize("seed", range(8))
def test_on_a_periodic_series_a_repeat_is_given_the_smallest_of_the_equal_lags(seed, backtest):
    """With a period of 4, seven steps back is three steps back, and eleven would be too."""
    rng = np.random.default_rng(seed)
    values = np.tile(rng.standard_normal(4), 60)
    cells = backtest(values, 9, 8)
    cells.forecasts["model"][:] *= 0.7
    # Gaps differ from lag to lag, and with them the last digit of each correlation.
    cells.actual[np.isin(cells.origin[:, None] + np.arange(1, 10), rng.choice(240, 40))] = np.nan
    report = audit_copying(cells)
    assert [step.lag for step in report.steps] == [1, 2, 3, 0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize(
    ("values", "why"),
    [(np.full(60, 3.0), "constant truth"), (np.arange(12.0), "too few origins"), (np.full(60, np.nan), "no truth")],
)
def test_what_cannot_be_judged_is_undefined_and_no_copy(values, why, backtest):
    report = audit_copying(backtest(values, 2, 2))
    assert {step.flag for step in report.steps} == {"undefined"}, why
    assert report.copied == ()
    assert report.verdict == "info"
    assert "cannot be judged" in report.text
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_forecast_that_never_moves_is_no_copy(walk, backtest):
    report = audit_copying(
        backtest(walk, 2, 2, lambda _, origins, horizon: np.full((len(origins), horizon), walk.mean()))
    )
    assert all(step.flag == "undefined" and step.lag is None for step in report.steps)


def test_neighbouring_steps_are_named_as_a_range(walk, backtest):
    def mixed(values, origins, horizon):
        forecast = np.repeat(values[origins][:, None], horizon, axis=1)
        forecast[:, [3, 6]] = truth_with_noise(0.01)(values, origins, horizon)[:, [3, 6]]
        return forecast

    assert audit_copying(backtest(walk, 8, 2, mixed)).text == "model repeats the last value at steps 1-3, 5-6, 8."


def test_the_report_is_plain_json_and_draws_its_copies(walk, backtest):
    report = audit_copying(backtest(walk, 3, 5))
    shown = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (shown["verdict"], shown["copied"]) == ("warning", [1, 2, 3])
    assert str(report) == report.text
    marks = next(trace for trace in report.plot().data if trace.name == "copy")
    assert list(marks.x) == [1, 2, 3]


def test_wrong_questions_are_refused(walk, backtest):
    cells = backtest(walk, 3, 5)
    with pytest.raises(ShapeError, match="beats_naive"):
        audit_copying(cells, beats_naive=[True])
    with pytest.raises(NurtValueError, match="at least 1"):
        audit_copying(cells, season=0)
    with pytest.raises(NurtValueError, match="'naive'"):
        audit_copying(Cells(cells.series, cells.origin, cells.actual, {"model": cells.actual}))


@pytest.fixture
def known():
    """31 origins of a walk with gaps, and forecasts with gaps of their own."""
    rng = np.random.default_rng(2)
    values = rng.standard_normal(60).cumsum()
    values[rng.choice(60, 7)] = np.nan
    origins = np.arange(20, 51)
    actual = values[origins[:, None] + np.arange(1, 5)]
    naive = np.repeat(np.nan_to_num(values[origins])[:, None], 4, axis=1)
    forecasts = rng.standard_normal((31, 4)).cumsum(axis=0)
    forecasts[rng.random((31, 4)) < 0.1] = np.nan
    truth = Truth.of(Cells(np.zeros(31, dtype=int), origins, actual, {"m": forecasts, "naive": naive}))
    return forecasts, truth


@pytest.mark.parametrize("shifts", [128, 3, 1])
def test_they_equal_pearsons_on_known_pairs_however_many_go_in_one_product(shifts, known, monkeypatch):
    monkeypatch.setattr(copying, "SHIFTS", shifts)
    forecasts, truth = known
    found = Following.of(forecasts, truth, first=-6)
    assert found.correlations.shape == (4, 11)
    for k in range(4):
        for column, shift in enumerate(range(-6, 5)):
            one, other = truth.change(forecasts[:, k]), truth.change(truth.shifted(shift))
            both = np.isfinite(one) & np.isfinite(other)
            expected = np.corrcoef(one[both], other[both])[0, 1]
            assert found.correlations[k, column] == pytest.approx(expected, abs=1e-12)


def test_the_lag_counts_backwards_from_the_step():
    row = np.array([[0.1, 0.9, 0.2, 0.3, 0.8], [np.nan, 0.1, 0.7, np.nan, 0.6]])
    following = Following(row, first=-2)
    assert following.lag(1, 3) == 2
    assert following.lag(1, 1) == 0
    assert following.lag(2, 4) == 2


def test_equal_correlations_up_to_rounding_go_to_the_smaller_lag():
    following = Following(np.array([[1.0, 0.5, 1.0 - 1e-15]]), first=-1)
    assert following.lag(1, 2) == 0


def test_nothing_to_follow_gives_no_lag():
    assert Following(np.full((1, 3), np.nan), first=-1).lag(1, 2) is None


def test_a_forecast_that_only_trembles_by_rounding_follows_nothing(known):
    forecasts, truth = known
    trembling = 0.3 + 1e-13 * np.nan_to_num(forecasts)
    assert Following.of(trembling, truth, first=-6).lag(2, 7) is None


def test_values_between_origins_come_from_targets_and_unknown_ones_stay_missing():
    values = np.array([5.0, 7.0, 4.0, 9.0, 1.0, 3.0, 8.0])
    origins = np.array([1, 3])
    actual = np.array([[4.0, 9.0], [1.0, 3.0]])
    naive = np.repeat(values[origins][:, None], 2, axis=1)
    truth = Truth.of(Cells(np.zeros(2, dtype=int), origins, actual, {"m": naive, "naive": naive}))
    assert (truth.shifted(0) * truth.unit).tolist() == [7.0, 9.0]
    np.testing.assert_allclose(truth.shifted(-1) * truth.unit, [np.nan, 4.0])
    np.testing.assert_allclose(truth.shifted(3) * truth.unit, [1.0, np.nan])
    assert np.isnan(truth.shifted(-100)).all()
    np.testing.assert_allclose(truth.change(truth.last) * truth.unit, [np.nan, 2.0])


def test_a_missing_origin_is_not_filled_by_the_older_value_that_naive_repeats():
    actual = np.array([[np.nan, 4.0], [4.0, 6.0]])
    naive = np.array([[2.0, 2.0], [2.0, 2.0]])
    truth = Truth.of(Cells(np.zeros(2, dtype=int), np.array([0, 1]), actual, {"m": naive, "naive": naive}))
    assert (truth.last * truth.unit).tolist() == [2.0, 2.0]
    np.testing.assert_allclose(truth.shifted(0) * truth.unit, [2.0, np.nan])


def test_no_origins_give_no_truth():
    none = np.empty((0, 2))
    truth = Truth.of(Cells(np.empty(0, dtype=int), np.empty(0, dtype=int), none, {"m": none, "naive": none}))
    assert truth.shifted(1).shape == (0,)
