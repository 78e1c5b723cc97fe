"""Conformal intervals: ranks, exact causality, coverage, nesting."""

from __future__ import annotations

import bisect
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.intervals import (
    IntervalForecasts,
    RollingConformal,
    SplitConformal,
    _running_ranks,
    calibrate,
    change_scale,
)

METHODS = [SplitConformal(), RollingConformal(), RollingConformal(window=25)]
LEVELS = (80, 95)


def points(actual, forecast=None, *, origin=None, series=None, scale=None, levels=LEVELS) -> IntervalForecasts:
    actual = np.asarray(actual, dtype=np.float64)
    count = len(actual)
    return IntervalForecasts.from_points(
        levels,
        np.zeros(count, dtype=int) if series is None else np.asarray(series),
        np.arange(count) if origin is None else np.asarray(origin),
        actual,
        np.zeros_like(actual) if forecast is None else np.asarray(forecast, dtype=np.float64),
        scale,
    )


@pytest.mark.parametrize("method", METHODS[:2])
def test_the_margin_is_the_right_rank_of_the_known_scores(method):
    validation = points(np.arange(1.0, 21.0)[:, None])
    test = points([[np.nan]], [[100.0]], origin=[25])
    found = calibrate(method, validation, test)
    assert math.ceil(21 * 0.8) == 17
    assert found.lower[0, 0].tolist() == [83.0, 80.0]
    assert found.upper[0, 0].tolist() == [117.0, 120.0]
    assert found.reason is None
    assert found.levels == LEVELS


@pytest.mark.parametrize(
    ("known", "missing"), [(3, [True, True]), (4, [False, True]), (18, [False, True]), (19, [False, False])]
)
def test_a_rank_beyond_the_known_scores_gives_no_interval_and_a_reason(known, missing):
    validation = points(np.ones((known, 1)))
    found = calibrate(SplitConformal(), validation, points([[0.0]], origin=[50]))
    assert np.isnan(found.lower[0, 0]).tolist() == missing
    assert (found.reason is None) == (not any(missing))
    if missing == [False, True]:
        assert found.reason == "at 1 of 1 cells fewer than 19 errors were known, too few for 95 % intervals"


def test_missing_truth_gives_no_score():
    actual = np.ones((30, 1))
    actual[3:14] = np.nan
    found = calibrate(RollingConformal(), points(actual), points([[0.0]], origin=[50]))
    assert np.isfinite(found.upper).all()
    actual[14] = np.nan
    assert np.isnan(calibrate(RollingConformal(), points(actual), points([[0.0]], origin=[50])).upper[0, 0, 1])


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40)
@given(data=st.data())
def test_no_interval_depends_on_what_was_not_known_at_its_origin(method, data):
    horizon, start = data.draw(st.integers(1, 4)), 40
    length = 70
    values = np.random.RandomState(data.draw(st.integers(0, 99))).randn(length)

    def intervals(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        origin = np.arange(5, length - horizon)
        actual = series[origin[:, None] + np.arange(1, horizon + 1)]
        forecast = np.repeat(series[origin][:, None], horizon, axis=1)
        whole = points(actual, forecast, origin=origin, scale=change_scale(series, origin, 5))
        first = origin <= start - horizon
        later = origin >= start
        parts = [
            points(actual[rows], forecast[rows], origin=origin[rows], scale=whole.scale[rows])
            for rows in (first, later)
        ]
        found = calibrate(method, *parts)
        return found.lower, found.upper

    now = data.draw(st.integers(start, length - horizon - 1))
    changed = values.copy()
    changed[now + 1 :] = 1e6
    rows = slice(0, now - start + 1)
    for before, after in zip(intervals(values), intervals(changed), strict=True):
        np.testing.assert_array_equal(before[rows], after[rows])
        assert np.isfinite(before[rows, :, 0]).all()


def test_rolling_learns_an_error_at_the_moment_it_is_known_and_no_sooner():
    calm, shock = np.ones((30, 2)), np.array([[1.0, 1.0], [9.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    validation = points(calm, levels=(95,))
    method = RollingConformal(window=19)
    found = calibrate(method, validation, points(shock, origin=np.arange(40, 45), levels=(95,)))
    # Origin 41 misses step 1, whose target is position 42; a window of 19 puts the largest score in charge.
    assert found.upper[:, 0, 0].tolist() == [1.0, 1.0, 9.0, 9.0, 9.0]
    assert found.upper[:, 1, 0].tolist() == [1.0] * 5
    fixed = calibrate(SplitConformal(), validation, points(shock, origin=np.arange(40, 45), levels=(95,)))
    assert np.all(fixed.upper == 1.0)


def test_a_window_forgets():
    actual = np.concatenate([np.full((30, 1), 5.0), np.full((20, 1), 1.0)])
    test = points([[np.nan]], origin=[60])
    assert calibrate(RollingConformal(), points(actual), test).upper[0, 0, 0] == 5.0
    assert calibrate(RollingConformal(window=20), points(actual), test).upper[0, 0, 0] == 1.0


@settings(max_examples=25)
@given(st.integers(0, 1000), st.one_of(st.none(), st.integers(4, 30)), st.integers(1, 3))
def test_rolling_equals_its_definition(seed, window, stride):
    random = np.random.RandomState(seed)
    origin = np.arange(0, 60 * stride, stride)
    actual = random.randn(60, 3)
    actual[random.rand(60, 3) < 0.1] = np.nan
    scale = random.rand(60) + 0.5
    order = random.permutation(30)
    validation = points(actual[:30][order], origin=origin[:30][order], scale=scale[:30][order])
    test = points(actual[30:][::-1], origin=origin[30:][::-1], scale=scale[30:][::-1])
    found = calibrate(RollingConformal(window), validation, test)
    scores = np.abs(actual) / scale[:, None]
    for row, t in enumerate(test.origin):
        for k in range(3):
            known = scores[(origin + k + 1 <= t), k]
            known = known[np.isfinite(known)][-window if window else 0 :]
            for i, level in enumerate(LEVELS):
                rank = math.ceil((len(known) + 1) * level / 100 - 1e-9)
                expected = np.sort(known)[rank - 1] * test.scale[row] if rank <= len(known) else np.nan
                assert found.upper[row, k, i] == pytest.approx(expected, nan_ok=True)
                assert found.lower[row, k, i] == pytest.approx(-expected, nan_ok=True)


@pytest.mark.parametrize("method", METHODS)
def test_exchangeable_errors_are_covered_as_promised(method):
    random = np.random.RandomState(4)
    hits = []
    for _ in range(60):
        actual = random.standard_t(3, (260, 2))
        parts = points(actual[:60]), points(actual[60:], origin=np.arange(60, 260))
        found = calibrate(method, *parts)
        hits.append((found.lower <= actual[60:, :, None]) & (actual[60:, :, None] <= found.upper))
    assert np.mean(hits, axis=(0, 1)) == pytest.approx(np.tile([0.8, 0.95], (2, 1)), abs=0.025)


def test_difficulty_makes_restless_times_wide_and_calm_ones_narrow():
    random = np.random.RandomState(5)
    scale = np.where(np.arange(600) % 100 < 50, 1.0, 10.0)
    actual = scale[:, None] * random.randn(600, 1)
    validation, test = slice(0, 300), slice(300, 600)

    def hits_in_restless_times(weights: np.ndarray) -> float:
        parts = [points(actual[rows], origin=np.arange(600)[rows], scale=weights[rows]) for rows in (validation, test)]
        found = calibrate(RollingConformal(), *parts)
        inside = np.abs(actual[test, 0]) <= found.upper[:, 0, 0]
        return float(inside[scale[test] > 1].mean())

    assert hits_in_restless_times(scale) == pytest.approx(0.8, abs=0.06)
    assert hits_in_restless_times(np.ones(600)) < 0.72


def test_quantile_bounds_that_are_too_wide_are_drawn_in():
    random = np.random.RandomState(6)
    actual = random.randn(400, 1)

    def forecasts(rows: slice) -> IntervalForecasts:
        count = len(actual[rows])
        reach = np.broadcast_to([5.0, 9.0], (count, 1, 2))
        return IntervalForecasts(
            LEVELS, np.zeros(count, dtype=int), np.arange(400)[rows], actual[rows], np.zeros((count, 1)),
            -reach, reach, np.ones(count),
        )  # fmt: skip

    found = calibrate(SplitConformal(), forecasts(slice(0, 200)), forecasts(slice(200, 400)))
    assert found.upper[0, 0] == pytest.approx([1.28, 1.96], abs=0.35)


@given(st.integers(0, 500))
def test_bounds_are_nested_and_hold_the_point_forecast(seed):
    random = np.random.RandomState(seed)

    def forecasts(first: int, count: int) -> IntervalForecasts:
        centre = random.randn(count, 2)
        lower = centre[..., None] + random.randn(count, 2, 2) - 1
        upper = centre[..., None] + random.randn(count, 2, 2) + 1
        return IntervalForecasts(
            LEVELS, np.zeros(count, dtype=int), np.arange(first, first + count), centre + 0.05 * random.randn(count, 2),
            centre, lower, upper, np.ones(count),
        )  # fmt: skip

    test = forecasts(30, 20)
    found = calibrate(RollingConformal(), forecasts(0, 25), test)
    chain = [found.lower[..., 1], found.lower[..., 0], test.centre, found.upper[..., 0], found.upper[..., 1]]
    for below, above in itertools.pairwise(chain):
        assert np.all(below <= above)


def test_a_narrow_interval_survives_where_the_wide_one_is_missing():
    found = calibrate(SplitConformal(), points(np.ones((6, 1))), points([[0.0]], origin=[20]))
    assert found.upper[0, 0, 0] == 1.0
    assert np.isnan(found.upper[0, 0, 1])


def test_each_series_learns_from_its_own_errors():
    actual = np.concatenate([np.full((20, 1), 1.0), np.full((20, 1), 100.0)])
    series = np.repeat([0, 1], 20)
    validation = points(actual, origin=np.tile(np.arange(20), 2), series=series)
    test = points([[0.0], [0.0], [0.0]], origin=[30, 30, 30], series=[1, 0, 2])
    found = calibrate(RollingConformal(), validation, test)
    assert found.upper[:, 0, 0] == pytest.approx([100.0, 1.0, np.nan], nan_ok=True)


def test_a_forecast_that_is_missing_has_no_interval():
    found = calibrate(SplitConformal(), points(np.ones((20, 1))), points([[1.0]], [[np.nan]], origin=[30]))
    assert np.isnan(found.lower).all()
    assert found.reason is None


def test_no_test_origin_gives_empty_bounds():
    empty = points(np.empty((0, 3)))
    for method in METHODS:
        assert calibrate(method, points(np.ones((20, 3))), empty).lower.shape == (0, 3, 2)


def test_refused_arguments():
    with pytest.raises(NurtValueError, match="same levels and horizon"):
        calibrate(SplitConformal(), points(np.ones((3, 1)), levels=(90,)), points(np.ones((3, 1))))
    with pytest.raises(NurtValueError, match="same levels and horizon"):
        calibrate(SplitConformal(), points(np.ones((3, 2))), points(np.ones((3, 1))))
    with pytest.raises(NurtValueError, match="ascending"):
        points(np.ones((3, 1)), levels=(95, 80))
    with pytest.raises(NurtValueError, match="ascending"):
        points(np.ones((3, 1)), levels=(100,))
    with pytest.raises(NurtValueError, match="scale > 0"):
        points(np.ones((3, 1)), scale=np.array([1.0, 0.0, 1.0]))
    with pytest.raises(ShapeError, match="`series`"):
        points(np.ones((3, 1)), series=[0, 0])
    with pytest.raises(NurtValueError, match="window"):
        RollingConformal(window=0)


def test_change_scale_is_the_mean_absolute_change_in_the_window():
    values = np.array([0.0, 1.0, 4.0, 2.0, 2.0, 8.0])
    assert change_scale(values, np.array([2, 3, 5]), 3) == pytest.approx([2.0, 2.5, 3.0])
    assert change_scale(values, np.array([5]), 99) == pytest.approx([12 / 5])


def test_change_scale_skips_missing_values_and_is_never_zero():
    values = np.array([5.0, 5.0, 7.0, np.nan, 7.0, 7.0, 7.0, 7.0])
    assert change_scale(values, np.array([0, 1]), 3).tolist() == [1.0, 1.0]
    assert change_scale(values, np.array([4]), 3) == pytest.approx([0.1])
    assert change_scale(values, np.array([7]), 3) == pytest.approx([0.1 * 2 / 5])
    assert change_scale(values, np.array([2]), 1) == pytest.approx([0.1])
    assert change_scale(np.array([np.nan]), np.array([0]), 4).tolist() == [1.0]


@given(
    st.lists(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)), min_size=1, max_size=30), st.integers(1, 9), st.data()
)
def test_change_scale_is_positive_and_reads_only_the_past(values, look_back, data):
    values = np.array(values)
    origin = data.draw(st.integers(0, len(values) - 1))
    found = change_scale(values, np.array([origin]), look_back)
    assert np.all(found > 0)
    np.testing.assert_array_equal(found, change_scale(values[: origin + 1], np.array([origin]), look_back))


def one_by_one(scores, learned, levels, window):
    """The ranks as a sorted list gives them that grows by one score after the other."""
    found, ordered, position = [], [], 0
    for until in learned:
        for place in range(position, until):
            bisect.insort(ordered, scores[place])
            if window is not None and place >= window:
                del ordered[bisect.bisect_left(ordered, scores[place - window])]
        position = max(position, until)
        for level in levels:
            rank = -(-(len(ordered) + 1) * level // 100)
            found.append(ordered[rank - 1] if rank <= len(ordered) else np.nan)
    return np.array(found).reshape(len(learned), len(levels))


@pytest.mark.parametrize("window", [None, 1, 7, 60])
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 300])
def test_running_ranks_are_those_of_a_sorted_list(count, window):
    rng = np.random.default_rng(count)
    # Rounded, so that many are equal.
    scores = rng.standard_normal(count).round(1).tolist()
    learned = np.sort(rng.integers(0, count + 1, 50)).tolist()
    found = _running_ranks(scores, learned, [1, 50, 80, 99], window)
    np.testing.assert_array_equal(found, one_by_one(scores, learned, [1, 50, 80, 99], window))


def test_many_series_are_calibrated_as_each_alone():
    rng = np.random.default_rng(4)
    series = rng.permutation(np.repeat(np.arange(5), 20))
    origin = np.empty(100, dtype=int)
    for one in range(5):
        origin[series == one] = rng.permutation(20)
    actual = rng.standard_normal((100, 2))
    whole = IntervalForecasts.from_points((50,), series, origin, actual, np.zeros((100, 2)))
    found = calibrate(RollingConformal(), whole, whole)
    for one in range(5):
        rows = series == one
        alone = IntervalForecasts.from_points((50,), series[rows], origin[rows], actual[rows], np.zeros((20, 2)))
        np.testing.assert_array_equal(calibrate(RollingConformal(), alone, alone).lower, found.lower[rows])
