"""Histories: shapes, cutting, and baselines that take them in place of arrays."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.baselines import (
    BASELINES,
    STATISTICAL,
    History,
    baseline,
    default_baselines,
    forecast_origins,
    label_of,
)
from nurt.evaluation.forecasts.baselines.locations import location_and_spread, running_location_and_spread

NAN = np.nan


def test_a_plain_series_is_a_history_without_features():
    history = History.of(np.array([1, 2, 3]))
    assert history.values.dtype == np.float64
    assert [table.shape for table in history.features] == [(3, 0), (3, 0)]
    assert History.of(history) is history


def test_a_cut_knows_nothing_of_later_rows():
    learnt = np.array([True, False, True, True])
    cut = History(np.arange(4.0), np.ones((9, 2)), np.ones((4, 1)), learnt).cut(2)
    assert [len(part) for part in (cut.values, *cut.features, cut.learnt)] == [2, 2, 2, 2]
    assert cut.training_values().tolist() == [0.0]


@pytest.mark.parametrize(
    "parts",
    [
        {"values": np.ones((2, 2))},
        {"values": np.ones(3), "ahead": np.ones((2, 1))},
        {"values": np.ones(3), "ahead": np.ones(3)},
        {"values": np.ones(3), "past": np.ones((4, 1))},
        {"values": np.ones(3), "learnt": np.ones(3)},
        {"values": np.ones(3), "learnt": np.ones(2, dtype=bool)},
    ],
)
def test_parts_of_other_lengths_are_refused(parts):
    with pytest.raises(ShapeError):
        History(**parts)


@pytest.mark.parametrize("name", [name for name in BASELINES if name not in STATISTICAL])
@pytest.mark.parametrize("series", [0, None])
def test_every_baseline_takes_a_history_and_a_series_it_was_not_fitted_to(name, series):
    random = np.random.RandomState(0)
    history = History(random.randn(50), random.randn(55, 2), random.randn(50, 1))
    fitted = baseline(name, 4, 3, 7).fit([history.cut(40)])
    found = fitted.forecast(history, np.array([44, 49]), 3, series)
    assert np.isfinite(found).all()
    scrambled = np.where(np.arange(50) > 44, -1e6, history.values)
    other = History(scrambled, *history.features)
    np.testing.assert_array_equal(fitted.forecast(other, np.array([44]), 3, series)[0], found[0])


def test_many_histories_are_forecast_at_once():
    random = np.random.RandomState(1)
    histories = [History(random.randn(40), random.randn(44, 1)) for _ in range(2)]
    fitted = {one.name: one.fit(histories) for one in default_baselines(3, 4, knows_ahead=True)}
    found = forecast_origins(fitted, histories, np.array([1, 0]), np.array([39, 30]), 4)
    assert list(found)[-2:] == ["linear_ahead", "nlinear_ahead"]
    expected = fitted["linear_ahead"].forecast(histories[1], np.array([39]), 4, 1)
    np.testing.assert_array_equal(found["linear_ahead"][:1], expected)


def test_a_model_of_one_series_has_nothing_to_say_of_another():
    pytest.importorskip("statsforecast", reason="the extra `statistical` is not installed")
    fitted = baseline("theta", 4, 2, 1).fit([np.random.RandomState(2).randn(30)])
    with pytest.raises(NurtValueError, match="not fitted to this series"):
        fitted.forecast(np.arange(9.0), np.array([8]), 2, None)


def test_running_statistics_are_those_of_the_past_alone():
    values = np.array([NAN, 5.0, NAN, 7.0, 4.0, 4.0, NAN, 1e3])
    means, spreads = running_location_and_spread(values)
    assert np.isnan(means[0]) and np.isnan(spreads[0])
    for place in range(1, len(values)):
        past = values[: place + 1]
        assert means[place] == pytest.approx(np.nanmean(past))
        assert spreads[place] == pytest.approx(np.nanstd(past) or 1.0)
        assert (means[place], spreads[place]) == pytest.approx(location_and_spread(past))


def test_a_large_level_costs_no_digits_and_a_constant_has_no_spread():
    noise = np.random.RandomState(3).randn(500)
    for level in (1e9, -1e12):
        means, spreads = running_location_and_spread(np.concatenate([[0.0], level + noise]))
        assert means[-1] == pytest.approx((level + noise).sum() / 501, rel=1e-12)
        _, spreads = running_location_and_spread(level + noise)
        assert spreads[-1] == pytest.approx(statistics.pstdev(level + noise), rel=1e-9)
    assert running_location_and_spread(np.full(9, 0.1))[1].tolist() == [1.0] * 9
    assert location_and_spread(np.array([1e308, 1.5e308, NAN]))[0] == pytest.approx(1.25e308)
    assert np.isnan(location_and_spread(np.array([NAN]))).all()
    assert np.isnan(running_location_and_spread(np.array([NAN, NAN]))).all()


def test_lines_and_the_last_season_run_in_other_scales_too():
    from nurt.data.transforms import Log

    names = [one.name for one in default_baselines(6, 3, 12, knows_ahead=True, transforms=(Log(),))]
    assert names == [
        *("naive", "seasonal_naive", "seasonal_drift", "drift", "mean", "window_mean"),
        *("linear", "nlinear", "linear_ahead", "nlinear_ahead"),
        *("seasonal_drift on log", "linear on log", "nlinear on log", "linear_ahead on log", "nlinear_ahead on log"),
    ]
    for name in names:
        label = label_of(name)
        assert label.name == name
        assert label.short != name or name == "drift"
    looks = {(label_of(name).line.colour, label_of(name).line.dash) for name in names}
    assert len(looks) == len(names)
    assert label_of("mine on log").short == "mine on log"
    assert label_of("linear on log").action.pl.endswith("w skali logarytmicznej")
