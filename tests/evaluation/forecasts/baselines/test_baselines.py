"""Baselines: their formulas, missing values, and that none of them ever reads an observation after the origin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt import plotting
from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.baselines import (
    BASELINES,
    STATISTICAL,
    Drift,
    Linear,
    Mean,
    Naive,
    SeasonalNaive,
    WindowMean,
    baseline,
    default_baselines,
    forecast_origins,
    label_of,
)

NAN = np.nan


def NLinear(look_back, horizon):
    return Linear(look_back, horizon, anchored=True)


FREE = [name for name in BASELINES if name not in STATISTICAL]


def forecast(member, values, origin, horizon):
    values = np.asarray(values, dtype=np.float64)
    return member.fit([values[: origin + 1]]).forecast(values, np.array([origin]), horizon)[0]


@pytest.mark.parametrize("name", FREE)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_changing_the_future_changes_nothing(name, data):
    length = data.draw(st.integers(2, 40))
    cell = st.one_of(st.just(NAN), st.floats(-100, 100))
    values = np.array(data.draw(st.lists(cell, min_size=length, max_size=length)))
    look_back, horizon, season = (data.draw(st.integers(1, 6)) for _ in range(3))
    origins = np.array(sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1))))
    fitted = baseline(name, look_back, horizon, season).fit([values[: length // 2]])
    before = fitted.forecast(values, origins, horizon)
    assert before.shape == (len(origins), horizon)
    for row, origin in enumerate(origins):
        scrambled = values.copy()
        scrambled[origin + 1 :] = data.draw(st.sampled_from([NAN, -1e6, 12.5]))
        np.testing.assert_array_equal(fitted.forecast(scrambled, origins[row : row + 1], horizon)[0], before[row])
        alone = fitted.forecast(values[: origin + 1], np.array([origin]), horizon)[0]
        # One origin and many are products of other shapes: terms as large as the values round where they cancel.
        np.testing.assert_allclose(alone, before[row], rtol=1e-12, atol=1e-15 * np.nanmax(np.abs(values), initial=1))


def test_naive_repeats_the_last_observed_value():
    assert forecast(Naive(), [1, 4, NAN], 2, 2) == pytest.approx([4, 4])
    assert np.isnan(forecast(Naive(), [NAN, 4], 0, 1)).all()


def test_seasonal_naive_repeats_the_last_season_and_then_that_season_again():
    assert forecast(SeasonalNaive(3), [1, 2, 3, 4, 5], 4, 7) == pytest.approx([3, 4, 5, 3, 4, 5, 3])


def test_seasonal_naive_asks_the_season_before_where_a_value_is_missing():
    assert forecast(SeasonalNaive(3), [1, 2, 3, 4, NAN, 6], 5, 3) == pytest.approx([4, 2, 6])


def test_seasonal_naive_says_nothing_about_a_season_it_has_not_seen():
    assert forecast(SeasonalNaive(4), [1, 2], 1, 4) == pytest.approx([NAN, NAN, 1, 2], nan_ok=True)


def test_a_season_of_one_is_naive():
    values = np.array([3.0, NAN, 5.0, NAN])
    origins = np.arange(4)
    np.testing.assert_array_equal(SeasonalNaive(1).forecast(values, origins, 3), Naive().forecast(values, origins, 3))


def test_drift_continues_the_line_of_the_whole_past_or_of_the_window():
    values = [1, 9, 4, 6]
    assert forecast(Drift(), values, 3, 2) == pytest.approx([6 + 5 / 3, 6 + 10 / 3])
    assert forecast(Drift(2), values, 3, 2) == pytest.approx([8, 10])
    assert forecast(Drift(99), values, 3, 2) == pytest.approx(forecast(Drift(), values, 3, 2))


def test_drift_with_missing_ends_continues_from_where_it_was_seen():
    assert forecast(Drift(4), [100, NAN, 2, 4, NAN], 4, 2) == pytest.approx([8, 10])
    assert forecast(Drift(3), [1, 2, NAN, NAN, 7], 4, 2) == pytest.approx([7, 7])
    assert np.isnan(forecast(Drift(2), [1, 2, NAN, NAN], 3, 1)).all()


def test_means_skip_missing_values():
    values = np.array([1.0, 3.0, NAN, 8.0, 100.0])
    fitted = Mean().fit([values[:4]])
    assert fitted.forecast(values, np.array([4]), 2)[0] == pytest.approx([4, 4])
    assert forecast(WindowMean(3), values, 3, 2) == pytest.approx([5.5, 5.5])
    assert np.isnan(forecast(WindowMean(1), values, 2, 1)).all()
    unseen = Mean().fit([np.array([NAN])]).forecast(values, np.array([0, 3]), 1)[:, 0]
    assert unseen.tolist() == [1.0, 4.0], "without a training value it is the mean so far"
    assert np.isnan(Mean().fit([np.array([NAN])]).forecast(values[2:], np.array([0]), 1)).all()


@pytest.mark.parametrize("kind", [Linear, NLinear])
def test_linear_finds_an_exact_linear_law(kind):
    values = np.zeros(200)
    values[:2] = 1.0, 2.0
    shocks = np.random.RandomState(0).randn(200)
    for t in range(2, 200):
        values[t] = 1.6 * values[t - 1] - 0.9 * values[t - 2] + (shocks[t] if t < 60 else 0.0)
    fitted = kind(3, 1).fit([values[60:120]])
    origins = np.arange(130, 150)
    # Three inputs overdetermine the law of two: the covariance is singular and the ridge must not spoil the answer.
    assert fitted.forecast(values, origins, 1)[:, 0] == pytest.approx(values[origins + 1], abs=1e-3)


def test_linear_is_least_squares_with_an_intercept_over_all_windows():
    random = np.random.RandomState(1)
    series = [random.randn(50) * 3 + 7, random.randn(33) - 2]
    look_back, horizon = 4, 3
    rows = []
    for values in series:
        scores = (values - values.mean()) / values.std()
        rows += [scores[i : i + look_back + horizon] for i in range(len(values) - look_back - horizon + 1)]
    table = np.array(rows)
    design = np.column_stack([np.ones(len(table)), table[:, :look_back]])
    expected = np.linalg.lstsq(design, table[:, look_back:], rcond=None)[0]
    fitted = Linear(look_back, horizon).fit(series)
    np.testing.assert_allclose(fitted.intercept, expected[0], atol=1e-10)
    np.testing.assert_allclose(fitted.weights, expected[1:], atol=1e-10)
    assert (fitted.windows, fitted.rank, fitted.notes) == (44 + 27, look_back, ())


def test_chunks_do_not_change_the_fit(monkeypatch):
    values = np.random.RandomState(2).randn(80).cumsum()
    whole = NLinear(5, 2).fit([values])
    monkeypatch.setattr("nurt.evaluation.forecasts.baselines.least_squares.CHUNK", 21)
    np.testing.assert_allclose(NLinear(5, 2).fit([values]).weights, whole.weights, atol=1e-10)


@pytest.mark.parametrize("kind", [Linear, NLinear])
def test_a_missing_value_of_the_window_is_the_last_one_observed(kind):
    values = np.random.RandomState(3).randn(60)
    holed, carried = values.copy(), values.copy()
    holed[30], carried[30] = NAN, values[29]
    fitted = kind(4, 2).fit([holed])
    assert fitted.notes == (
        "1 of 60 training values are missing: windows read the last value before each, and 2 of 55 windows left the "
        "fit of a step",
    )
    found = fitted.forecast(holed, np.arange(28, 36), 2)
    np.testing.assert_array_equal(found, fitted.forecast(carried, np.arange(28, 36), 2))


@pytest.mark.parametrize("kind", [Linear, NLinear])
def test_a_window_that_reaches_before_the_series_gives_no_linear_forecast(kind):
    found = kind(4, 2).fit([np.random.RandomState(4).randn(60)]).forecast(np.arange(9.0), np.array([2, 3]), 2)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize("kind", [Linear, NLinear])
@pytest.mark.parametrize("values", [np.full(40, 7.0), np.full(40, 0.1), np.full(40, -1e9)])
def test_linear_on_a_constant_series_repeats_it(kind, values):
    assert kind(5, 3).fit([values]).forecast(values, np.array([20]), 3)[0] == pytest.approx(values[:3])


@pytest.mark.parametrize("kind", [Linear, NLinear])
@pytest.mark.parametrize("count", [10, 23, 30, 100, 1000])
@pytest.mark.parametrize(("start", "slope"), [(0, 1), (5, 1), (1e6, 1e-3), (-3.7, 0.1), (101.25, 1 / 3)])
@pytest.mark.parametrize("look_back", [1, 2, 5, 7])
def test_a_ramp_has_nothing_but_its_line_to_fit(kind, count, start, slope, look_back):
    """Its differences are equal but for rounding, and their covariance is rounding alone."""
    values = start + slope * np.arange(count)
    forecast = kind(look_back, 2).fit([values]).forecast(values, np.array([count - 1]), 2)[0]
    expected = start + slope * np.arange(count, count + 2)
    np.testing.assert_allclose(forecast, expected, atol=1e-4 * slope * count)


@pytest.mark.parametrize("kind", [Linear, NLinear])
@pytest.mark.parametrize("period", [2, 3, 4, 6])
def test_a_series_that_repeats_exactly_is_repeated(kind, period):
    values = np.tile(np.arange(period) ** 2.0, 20)
    fitted = kind(12, 2).fit([values])
    np.testing.assert_allclose(fitted.forecast(values, np.array([len(values) - 1]), 2)[0], values[:2], atol=1e-5)


@pytest.mark.parametrize("kind", [Linear, NLinear])
def test_without_a_complete_training_window_there_is_a_note_and_no_forecast(kind):
    fitted = kind(5, 3).fit([np.array([1.0, 2.0, 3.0])])
    assert fitted.windows == 0
    assert fitted.notes == ("no training window is complete, so there are no weights and no forecast",)
    assert np.isnan(fitted.forecast(np.arange(9.0), np.array([8]), 3)).all()


def test_fewer_windows_than_inputs_still_give_finite_weights():
    values = np.random.RandomState(5).randn(14)
    fitted = Linear(10, 1).fit([values])
    assert fitted.rank == 4
    assert np.isfinite(fitted.weights).all()


def test_nlinear_of_a_single_input_is_naive_plus_the_mean_change():
    values = np.array([0.0, 1.0, 3.0, 6.0, 10.0])
    assert NLinear(1, 1).fit([values]).forecast(values, np.array([4]), 1)[0, 0] == pytest.approx(12.5)


@settings(deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0.01, 100))
def test_linear_does_not_care_about_the_unit(offset, factor):
    values = np.random.RandomState(6).randn(40).cumsum()
    origins = np.array([30, 39])
    for kind in (Linear, NLinear):
        plain = kind(4, 2).fit([values[:30]]).forecast(values, origins, 2)
        other = values * factor + offset
        moved = kind(4, 2).fit([other[:30]]).forecast(other, origins, 2)
        np.testing.assert_allclose(moved, plain * factor + offset, rtol=1e-5, atol=1e-5 * factor)


def test_a_linear_fit_forecasts_shorter_horizons_but_not_longer_ones():
    values = np.random.RandomState(7).randn(40)
    fitted = Linear(4, 3).fit([values])
    longest = fitted.forecast(values, np.array([39]), 3)
    np.testing.assert_array_equal(fitted.forecast(values, np.array([39]), 2), longest[:, :2])
    with pytest.raises(NurtValueError, match="shorter horizon"):
        fitted.forecast(values, np.array([39]), 4)


@pytest.mark.parametrize("name", ["mean", "linear", "nlinear"])
def test_a_series_that_was_not_fitted_is_refused(name):
    fitted = baseline(name, 2, 1).fit([np.arange(9.0)])
    with pytest.raises(NurtValueError, match="not fitted to this series"):
        fitted.forecast(np.arange(9.0), np.array([8]), 1, series=1)


def test_each_series_is_forecast_from_its_own_statistics():
    series = [np.array([1.0, 3.0, 5.0]), np.array([100.0, 300.0])]
    fitted = {"mean": Mean().fit(series), "naive": Naive()}
    found = forecast_origins(fitted, series, np.array([1, 0, 1]), np.array([0, 2, 1]), 2)
    np.testing.assert_array_equal(found["naive"], [[100, 100], [5, 5], [300, 300]])
    np.testing.assert_array_equal(found["mean"], [[200, 200], [3, 3], [200, 200]])


def test_an_origin_outside_the_series_and_a_horizon_of_zero_are_refused():
    with pytest.raises(NurtValueError, match=r"positions 0 \.\. 2"):
        Naive().forecast(np.arange(3.0), np.array([3]), 1)
    with pytest.raises(NurtValueError, match=r"positions 0 \.\. 2"):
        Naive().forecast(np.arange(3.0), np.array([-1]), 1)
    with pytest.raises(NurtValueError, match="horizon"):
        Naive().forecast(np.arange(3.0), np.array([1]), 0)
    with pytest.raises(ShapeError, match="one series"):
        Naive().forecast(np.ones((3, 2)), np.array([1]), 1)


@pytest.mark.parametrize("name", FREE)
def test_no_origins_give_no_rows(name):
    found = baseline(name, 2, 3).fit([np.arange(9.0)]).forecast(np.arange(9.0), np.empty(0, dtype=int), 3)
    assert found.shape == (0, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SeasonalNaive(0),
        lambda: Drift(0),
        lambda: WindowMean(0),
        lambda: Linear(0, 1),
        lambda: NLinear(1, 0),
        lambda: baseline("arma", 1, 1),
    ],
)
def test_settings_that_cannot_be_are_refused(make):
    with pytest.raises(NurtValueError, match="Expected"):
        make()


def test_the_seasonal_repeat_is_run_only_where_there_is_a_season():
    names = [member.name for member in default_baselines(60, 30)]
    assert names == ["naive", "drift", "mean", "window_mean", "linear", "nlinear"]
    assert [member.name for member in default_baselines(60, 30, 24)][:2] == ["naive", "seasonal_naive"]


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_answers_to_the_name_it_is_asked_by(name):
    assert baseline(name, 4, 2, 3).name == name


def test_the_statistical_ones_run_on_request_only_and_the_option_offers_them_all():
    from nurt.tasks.forecasting import ForecastPlan
    from nurt.tasks.parameters import parameters_of

    assert STATISTICAL == ("ets", "arima", "theta")
    offered = next(one for one in parameters_of(ForecastPlan) if one.option == "baseline")
    assert offered.words() == STATISTICAL
    assert offered.metavar == f"[{'|'.join(STATISTICAL)}]"


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_has_words_and_its_label_carries_its_name(name):
    label = label_of(name)
    assert label == baseline(name, 4, 2, 3).label
    assert label.name == name
    assert label.short != name or name == "drift"
    assert label.action.en not in (name, "")
    assert label.action.pl != ""


def test_baselines_have_names_and_other_names_stay():
    assert label_of("naive").short == "repeat last value"
    assert label_of("my model").short == "my model"
    assert label_of("LSTM").action.en == "LSTM"
    assert label_of("mine").line.to_plotly()["color"] == plotting.REFERENCE


def test_every_baseline_has_a_line_of_its_own_thinner_than_that_of_the_model():
    looks = {(label_of(name).line.colour, label_of(name).line.dash) for name in BASELINES}
    assert len(looks) == len(BASELINES)
    assert (plotting.MODEL, "solid") not in looks
    assert plotting.MODEL_LINE.width > max(label_of(name).line.width for name in BASELINES)
