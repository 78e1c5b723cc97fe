"""Metrics on cases worked by hand, and what they do where they are undefined."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.metrics import (
    by_series,
    by_step,
    coverage,
    crps_normal,
    crps_quantiles,
    crps_samples,
    cutoff_scales,
    directional_accuracy,
    interval_loss,
    interval_score,
    mae,
    mase,
    msis,
    pinball,
    pinball_loss,
    rmse,
    rmsse,
    skill,
    smape,
    training_scale,
    wql,
)

TRAINING = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
ACTUAL, FORECAST = np.array([16.0, 22.0]), np.array([15.0, 25.0])

numbers = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: round(x, 3))
tables = arrays.arrays(np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=numbers)


def test_golden_point_errors():
    scale = training_scale(TRAINING)
    assert (scale.absolute, scale.squared, scale.pairs, scale.reason) == (2.5, 7.5, 4, None)
    assert mae(ACTUAL, FORECAST) == 2.0
    assert rmse(ACTUAL, FORECAST) == pytest.approx(2.236068, abs=1e-6)
    assert mase(ACTUAL, FORECAST, scale.absolute) == pytest.approx(0.8, abs=1e-12)
    assert rmsse(ACTUAL, FORECAST, scale.squared) == pytest.approx(0.816497, abs=1e-6)
    assert smape(ACTUAL, FORECAST) == pytest.approx(9.608785, abs=1e-6)


def test_golden_quantile_errors():
    quantile = np.array([18.0, 20.0])
    assert pinball_loss(ACTUAL, quantile, 0.9) == pytest.approx([0.2, 1.8])
    assert pinball(ACTUAL, quantile, level=0.9) == pytest.approx(1.0)
    assert wql(ACTUAL, quantile[:, None], levels=[0.9]) == pytest.approx(0.105263, abs=1e-6)


def test_wql_averages_its_terms_over_the_levels():
    quantiles = np.array([[15.0, 18.0], [21.0, 20.0]])
    median_term = 2 * (0.5 * 1 + 0.5 * 1) / 38
    assert wql(ACTUAL, quantiles, levels=[0.5, 0.9]) == pytest.approx((median_term + 4 / 38) / 2)


def test_golden_intervals():
    lower, upper = np.array([12.0, 20.0]), np.array([18.0, 21.0])
    assert coverage(ACTUAL, lower, upper) == 0.5
    assert interval_loss(ACTUAL, lower, upper, 80) == pytest.approx([6.0, 11.0])
    assert interval_score(ACTUAL, lower, upper, level=80) == pytest.approx(8.5)
    assert msis(ACTUAL, lower, upper, 2.5, level=80) == pytest.approx(3.4)


def test_an_interval_above_the_truth_is_punished_as_much_as_one_below():
    assert interval_loss(np.array([19.0]), np.array([20.0]), np.array([21.0]), 80) == pytest.approx([11.0])


def test_bounds_belong_to_the_interval():
    assert coverage(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([3.0, 2.0])) == 1.0


def test_golden_crps():
    zero = np.array([0.0])
    assert crps_normal(zero, zero, np.array([1.0])) == pytest.approx(0.233695, abs=1e-6)
    assert crps_normal(np.array([4.0]), np.array([1.0]), np.array([2.0])) == pytest.approx(1.988848, abs=1e-6)
    samples = np.array([[2.0, 0.0, 1.0]])
    assert crps_samples(np.array([1.0]), samples) == pytest.approx(0.222222, abs=1e-6)
    assert crps_samples(np.array([1.0]), samples, fair=True) == pytest.approx(0.0, abs=1e-12)


def test_crps_of_many_quantiles_approaches_that_of_the_distribution():
    from scipy import stats

    levels = (np.arange(500) + 0.5) / 500
    quantiles = stats.norm.ppf(levels, 1.0, 2.0)[None]
    exact = crps_normal(np.array([4.0]), np.array([1.0]), np.array([2.0]))
    assert crps_quantiles(np.array([4.0]), quantiles) == pytest.approx(exact, abs=2e-3)


def test_crps_of_a_certain_forecast_is_its_absolute_error():
    assert crps_normal(np.array([3.0]), np.array([1.0]), np.array([0.0])) == 2.0
    assert crps_samples(np.array([3.0]), np.array([[1.0]])) == 2.0
    assert crps_quantiles(np.array([3.0]), np.full((1, 8), 1.0)) == pytest.approx(2.0)


@given(arrays.arrays(np.float64, (3, 5), elements=numbers), arrays.arrays(np.float64, (3,), elements=numbers))
def test_crps_of_samples_equals_its_double_sum(samples, actual):
    spread = np.abs(samples[:, :, None] - samples[:, None, :]).sum(axis=(1, 2))
    expected = (np.abs(samples - actual[:, None]).mean(axis=1) - spread / (2 * 25)).mean()
    assert crps_samples(actual, samples) == pytest.approx(expected, abs=1e-9)


def test_refused_arguments():
    with pytest.raises(NurtValueError, match="one sample"):
        crps_samples(ACTUAL, ACTUAL[:, None], fair=True)
    with pytest.raises(NurtValueError, match="negative"):
        crps_normal(ACTUAL, ACTUAL, np.array([1.0, -1.0]))
    with pytest.raises(NurtValueError, match="probability"):
        pinball(ACTUAL, ACTUAL, level=90)
    with pytest.raises(NurtValueError, match="per cent"):
        interval_score(ACTUAL, ACTUAL, ACTUAL, level=100)
    with pytest.raises(NurtValueError, match="season"):
        training_scale(TRAINING, 0)
    with pytest.raises(ShapeError, match="one forecast per true value"):
        mae(ACTUAL, FORECAST[:1])
    with pytest.raises(ShapeError, match="wql"):
        wql(ACTUAL, ACTUAL[:, None], levels=[0.1, 0.9])


def test_smape_counts_a_cell_of_two_zeros_as_no_error_and_never_leaves_its_range():
    assert smape(np.array([0.0, 1.0]), np.array([0.0, -1.0])) == 100.0
    assert smape(np.array([5.0]), np.array([0.0])) == 200.0


def test_missing_truth_is_left_out_but_a_missing_forecast_is_not():
    actual = np.array([1.0, np.nan, 3.0])
    assert mae(actual, np.array([2.0, 7.0, 3.0])) == 0.5
    assert np.isnan(mae(actual, np.array([2.0, 7.0, np.nan])))
    assert mae(actual, np.array([2.0, 7.0, np.nan]), mask=np.array([True, True, False])) == 1.0
    assert np.isnan(coverage(actual, np.array([0.0, 0.0, np.nan]), np.array([2.0, 2.0, np.nan])))


def test_nothing_to_score_is_nan_without_a_warning():
    empty = np.empty(0)
    nowhere = np.array([np.nan])
    for metric in (mae, rmse, smape):
        assert np.isnan(metric(empty, empty))
        assert np.isnan(metric(nowhere, np.array([1.0])))
    assert np.isnan(wql(nowhere, np.ones((1, 2)), levels=[0.1, 0.9]))


@pytest.mark.parametrize(
    ("training", "season", "words"),
    [
        (np.full(9, 3.0), 1, "the scale would be 0"),
        (np.tile([1.0, 5.0], 6), 2, "repeat themselves every 2"),
        (np.array([1.0]), 1, "no two training values"),
        (np.empty(0), 3, "no two training values"),
        (np.array([1.0, np.nan, 2.0]), 1, "no two training values"),
    ],
)
def test_a_scale_that_is_zero_or_unknown_is_nan_with_a_reason(training, season, words):
    scale = training_scale(training, season)
    assert np.isnan(scale.absolute)
    assert np.isnan(scale.squared)
    assert words in scale.reason
    assert np.isnan(mase(ACTUAL, FORECAST, scale.absolute))


def test_a_zero_scale_given_by_hand_is_nan_and_never_infinite():
    assert np.isnan(mase(ACTUAL, FORECAST, 0.0))
    assert np.isnan(rmsse(ACTUAL, FORECAST, 0.0))
    assert np.isnan(msis(ACTUAL, FORECAST, FORECAST, 0.0, level=80))
    assert np.isnan(skill(1.0, 0.0))
    assert np.isnan(wql(np.zeros(2), np.zeros((2, 1)), levels=[0.5]))


def test_pairs_with_a_missing_value_are_skipped_in_the_scale():
    assert training_scale(np.array([1.0, 2.0, np.nan, 7.0, 11.0])).absolute == 2.5


def test_the_scale_at_a_cutoff_knows_all_rows_up_to_it():
    absolute, squared = cutoff_scales(TRAINING, np.array([0, 1, 4]))
    assert np.isnan(absolute[0, 0])
    assert absolute[1:, 0] == pytest.approx([1.0, 2.5])
    assert squared[1:, 0] == pytest.approx([1.0, 7.5])
    actual = np.array([[4.0], [16.0]])
    assert mase(actual, actual - 2.0, absolute[1:]) == pytest.approx((2.0 / 1.0 + 2.0 / 2.5) / 2)


def test_direction_leaves_out_standstill_and_counts_it():
    actual, last = np.array([[2.0, 0.0, 1.0, 3.0]]), np.array([[1.0]])
    found = directional_accuracy(actual, np.array([[3.0, 2.0, 5.0, 1.0]]), last)
    assert (found.share, found.cells, found.excluded) == (0.5, 2, 2)


def test_direction_is_undefined_for_a_forecaster_that_repeats_the_last_value():
    actual = np.array([[2.0, 0.0]])
    found = directional_accuracy(actual, np.array([[1.0, 1.0]]), np.array([[1.0]]))
    assert np.isnan(found.share)
    assert (found.cells, found.excluded) == (0, 2)
    assert found.to_dict()["share"] is None


def test_by_step_is_the_metric_of_every_column():
    actual = np.array([[1.0, 5.0], [2.0, np.nan]])
    forecast = np.array([[2.0, 5.0], [5.0, 9.0]])
    assert by_step(mae, actual, forecast) == pytest.approx([2.0, 0.0])
    assert by_step(mae, actual, forecast, mask=actual < 2) == pytest.approx([1.0, np.nan], nan_ok=True)
    assert by_step(partial(pinball, level=0.9), actual, forecast) == pytest.approx([0.2, 0.0])


def test_by_series_keeps_series_apart_and_marks_those_without_rows():
    actual, forecast = np.zeros((3, 1)), np.array([[1.0], [3.0], [10.0]])
    assert by_series(mae, np.array([0, 0, 2]), actual, forecast) == pytest.approx([2.0, np.nan, 10.0], nan_ok=True)
    masked = by_series(mae, np.array([0, 0, 2]), actual, forecast, mask=forecast > 1)
    assert masked == pytest.approx([3.0, np.nan, 10.0], nan_ok=True)


@given(tables, st.floats(0.1, 10.0))
def test_errors_scale_with_the_unit_and_scaled_errors_do_not(actual, factor):
    forecast = np.roll(actual, 1, axis=0)
    assert mae(factor * actual, factor * forecast) == pytest.approx(factor * mae(actual, forecast))
    assert mase(factor * actual, factor * forecast, factor) == pytest.approx(mase(actual, forecast, 1.0))
    assert 0.0 <= smape(actual, forecast) <= 200.0
    assert mae(actual, forecast) <= rmse(actual, forecast) * (1 + 1e-12) + 1e-12


@given(tables)
def test_pooled_mae_is_the_weighted_mean_of_the_steps(actual):
    forecast = actual[::-1]
    assert by_step(mae, actual, forecast).mean() == pytest.approx(mae(actual, forecast))


@given(arrays.arrays(np.float64, (9,), elements=numbers), numbers, st.floats(0.05, 0.95))
def test_no_constant_beats_the_empirical_quantile_in_pinball_loss(actual, other, level):
    best = np.quantile(actual, level, method="inverted_cdf")
    least = pinball(actual, np.full(9, best), level=level)
    assert least <= pinball(actual, np.full(9, other), level=level) + 1e-9
