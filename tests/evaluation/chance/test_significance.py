"""Tests of loss and direction against worked examples, published ones, and real exchange rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.chance.significance import diebold_mariano, hln_statistic, holm, overlap, pesaran_timmermann
from nurt.evaluation.forecasts.baselines import Drift, Naive, WindowMean

HAND = np.array([1.0, -1.0, 2.0, 0.0, 3.0, 1.0, 2.0, -2.0])
NEGATIVE_VARIANCE = np.array([1.1, -0.9] * 5)

# One-step errors on R's WWWusage[81:100].
# fmt: off
ETS = np.array(
    [0.0022, -0.0007, -1.2000, -4.0002, 3.7994, 3.4010, -1.1997, -0.8005, -1.2000, 3.3998,
     7.0007, 2.2010, -4.8002, -1.2010, 3.4002, 3.0007, 0.4003, -6.8002, -2.4013, 1.2001]
)
ARIMA = np.array(
    [0.1210, 8.0622, -0.9189, -1.7952, 5.3431, 2.0460, -0.6073, 0.5517, -0.7633, 4.1229,
     5.8785, 1.2828, -3.4854, 1.1971, 3.1709, 2.3408, 0.4962, -5.9841, 0.1537, 0.4208]
)
# fmt: on


def p_two_sided(statistic: float, count: int) -> float:
    from scipy import stats

    return 2 * stats.t.sf(abs(statistic), count - 1)


@pytest.mark.parametrize(
    ("h", "weights", "statistic", "p_value"),
    [(1, "rectangular", 1.270978, 0.244341), (2, "rectangular", 2.469165, 0.042886), (2, "bartlett", 1.421756, None)],
)
def test_hand_example(h, weights, statistic, p_value):
    found, used = hln_statistic(HAND, h, weights)
    assert used == weights
    assert found == pytest.approx(statistic, abs=1e-6)
    if p_value is not None:
        assert p_two_sided(found, 8) == pytest.approx(p_value, abs=1e-6)


def test_a_variance_that_is_not_positive_turns_to_bartlett_weights_and_says_so():
    statistic, used = hln_statistic(NEGATIVE_VARIANCE, 2)
    assert (round(statistic, 6), used) == (0.848528, "bartlett")
    test = diebold_mariano(NEGATIVE_VARIANCE, np.zeros(10), steps_ahead=2)
    assert test.statistic == pytest.approx(0.848528, abs=1e-6)
    assert test.weights == "bartlett"
    assert test.reason == "Bartlett weights, because the rectangular variance is not positive"


@pytest.mark.parametrize(
    ("power", "h", "statistic", "p_value", "published"),
    [
        (2, 1, -0.143871, 0.887117, 0.8871),
        (2, 2, -0.143418, 0.887470, None),
        (2, 10, -0.081098, 0.936212, 0.9362),
        (1, 1, 0.281017, 0.781735, 0.7818),
    ],
)
def test_published_example_of_internet_use(power, h, statistic, p_value, published):
    test = diebold_mariano(np.abs(ETS) ** power, np.abs(ARIMA) ** power, steps_ahead=h)
    assert (test.origins, test.overlap) == (20, h)
    assert test.statistic == pytest.approx(statistic, abs=5e-7)
    assert test.p_value == pytest.approx(p_value, abs=5e-7)
    if published is not None:
        assert test.p_value == pytest.approx(published, abs=0.001)


def test_one_sided_p_values_of_the_published_example():
    from scipy import stats

    test = diebold_mariano(ETS**2, ARIMA**2)
    assert stats.t.sf(test.statistic, 19) == pytest.approx(0.5565, abs=0.001)
    assert stats.t.cdf(test.statistic, 19) == pytest.approx(0.4435, abs=0.001)
    assert test.first_is_better is False


@pytest.fixture(scope="module")
def dollar(usd_pln):
    """Absolute errors of naive, drift(60) and the 60-mean, and rates, origins 2023-01-02 .. 2024-11-15."""
    days, rates = usd_pln
    chosen = (days >= np.datetime64("2023-01-02")) & (days <= np.datetime64("2024-11-15"))
    origins = np.flatnonzero(chosen)
    actual = rates[origins[:, None] + np.arange(1, 31)]
    members = {"naive": Naive(), "drift": Drift(60), "mean": WindowMean(60)}
    forecasts = {name: member.forecast(rates, origins, 30) for name, member in members.items()}
    assert len(origins) == 473
    return actual, forecasts, rates[origins]


@pytest.mark.parametrize(
    ("k", "naive", "drift", "mean", "rectangular", "bartlett"),
    [
        (1, 0.019195, 0.019447, -0.00025237, (-1.66395, 0.09679), (-1.66395, 0.09679)),
        (5, 0.040602, 0.044179, -0.00357738, (-2.71155, 0.00694), (-3.17129, 0.00162)),
        (30, 0.111682, 0.156464, -0.04478224, (-2.48697, 0.01323), (-2.73456, 0.00648)),
    ],
)
def test_dollar_naive_against_drift_by_step(dollar, k, naive, drift, mean, rectangular, bartlett):
    actual, forecasts, _ = dollar
    losses = [np.abs(actual - forecasts[name])[:, k - 1] for name in ("naive", "drift")]
    assert [loss.mean() for loss in losses] == pytest.approx([naive, drift], abs=1e-6)
    for weights, (statistic, p_value) in (("rectangular", rectangular), ("bartlett", bartlett)):
        test = diebold_mariano(*losses, steps_ahead=k, weights=weights)
        assert test.mean_difference == pytest.approx(mean, abs=1e-8)
        assert test.statistic == pytest.approx(statistic, abs=0.0005)
        assert test.p_value == pytest.approx(p_value, abs=0.0001)


@pytest.mark.parametrize(
    ("spacing", "count", "h", "mean", "rectangular", "bartlett"),
    [
        (1, 473, 30, -0.01957460, (-2.62493, 0.00895), (-2.79340, 0.00543)),
        (5, 95, 6, -0.01941979, (-2.39207, 0.01874), (-2.64352, 0.00961)),
    ],
)
def test_dollar_naive_against_drift_over_the_path(dollar, spacing, count, h, mean, rectangular, bartlett):
    actual, forecasts, _ = dollar
    losses = [np.abs(actual - forecasts[name]).mean(axis=1)[::spacing] for name in ("naive", "drift")]
    for weights, (statistic, p_value) in (("rectangular", rectangular), ("bartlett", bartlett)):
        test = diebold_mariano(*losses, steps_ahead=30, spacing=spacing, weights=weights)
        assert (test.origins, test.overlap) == (count, h)
        assert test.mean_difference == pytest.approx(mean, abs=1e-8)
        assert test.statistic == pytest.approx(statistic, abs=0.0005)
        assert test.p_value == pytest.approx(p_value, abs=0.0001)


def test_dollar_naive_against_the_mean_of_the_window(dollar):
    actual, forecasts, _ = dollar
    losses = [np.abs(actual - forecasts[name])[:, 29] for name in ("naive", "mean")]
    test = diebold_mariano(*losses, steps_ahead=30)
    assert test.statistic == pytest.approx(-1.00149, abs=0.0005)
    assert test.p_value == pytest.approx(0.31710, abs=0.0005)


@pytest.mark.parametrize(
    ("k", "every", "n", "excluded", "hits", "expected", "statistic"),
    [(1, 1, 473, 0, 0.477801, 0.519432, -1.97943), (5, 5, 94, 1, 0.446809, None, -1.60112)],
)
def test_direction_of_the_dollar_drift(dollar, k, every, n, excluded, hits, expected, statistic):
    actual, forecasts, last = dollar
    found = pesaran_timmermann((actual[:, k - 1] - last)[::every], (forecasts["drift"][:, k - 1] - last)[::every])
    assert (found.cells, found.excluded) == (n, excluded)
    assert found.hit_share == pytest.approx(hits, abs=1e-6)
    assert found.statistic == pytest.approx(statistic, abs=0.0005)
    if expected is not None:
        assert found.expected_share == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("steps", "spacing", "h"), [(1, 1, 1), (30, 1, 30), (30, 5, 6), (31, 5, 7), (5, 7, 1), (8, 7, 2)]
)
def test_overlap_counts_origins(steps, spacing, h):
    assert overlap(steps, spacing) == h


def test_steps_below_one_are_refused():
    with pytest.raises(NurtValueError, match="overlap"):
        overlap(0)
    with pytest.raises(NurtValueError, match="spacing=0"):
        overlap(3, 0)


def test_identical_forecasts_have_no_statistic():
    test = diebold_mariano(np.arange(20.0), np.arange(20.0))
    assert math.isnan(test.statistic)
    assert math.isnan(test.p_value)
    assert test.reason == "identical forecasts"
    assert test.first_is_better is None
    assert test.to_dict()["p_value"] is None


@pytest.mark.parametrize(("count", "steps", "needed"), [(9, 1, 10), (10, 6, 12), (0, 1, 10)])
def test_too_few_origins_have_no_p_value(count, steps, needed):
    losses = np.random.RandomState(0).rand(2, count)
    test = diebold_mariano(losses[0], losses[1], steps_ahead=steps)
    assert math.isnan(test.p_value)
    assert test.reason == f"too few origins: {count}, at least {needed} are needed"


def test_a_difference_that_never_varies_is_not_infinitely_significant():
    test = diebold_mariano(np.full(30, 0.3), np.full(30, 0.2))
    assert math.isnan(test.statistic)
    assert "no variance" in test.reason


def test_losses_that_do_not_pair_up_are_refused():
    with pytest.raises(ShapeError, match="pair up"):
        diebold_mariano(np.ones(12), np.ones(11))
    with pytest.raises(ShapeError, match="pair up"):
        diebold_mariano(np.ones((12, 2)), np.ones((12, 2)))


def test_a_missing_origin_keeps_its_place():
    random = np.random.RandomState(1)
    first, second = random.rand(2, 40)
    holed = first.copy()
    holed[7] = np.nan
    d = (holed - second)[np.isfinite(holed)]
    z = np.where(np.isfinite(holed), holed - second - d.mean(), 0.0)
    gamma = [z @ z / 39, z[1:] @ z[:-1] / 39]
    variance = (gamma[0] + 2 * gamma[1]) / 39
    expected = d.mean() / math.sqrt(variance) * math.sqrt((39 + 1 - 4 + 2 / 39) / 39)
    test = diebold_mariano(holed, second, steps_ahead=2)
    assert test.origins == 39
    assert test.statistic == pytest.approx(expected)
    closed = diebold_mariano(np.delete(first, 7), np.delete(second, 7), steps_ahead=2)
    assert abs(closed.statistic - expected) > 1e-6


losses = arrays.arrays(np.float64, (25,), elements=st.integers(0, 1000).map(float))


@given(losses, losses, st.integers(1, 8), st.floats(0.01, 100))
def test_swapping_the_forecasters_turns_the_sign_and_the_unit_does_not_matter(first, second, steps, factor):
    there = diebold_mariano(first, second, steps_ahead=steps)
    back = diebold_mariano(factor * second, factor * first, steps_ahead=steps)
    assert (there.reason is None) == (back.reason is None) or there.weights != back.weights
    if there.weights == back.weights and not math.isnan(there.statistic):
        assert back.statistic == pytest.approx(-there.statistic, rel=1e-6, abs=1e-9)
        assert 0.0 <= there.p_value <= 1.0


def test_the_test_keeps_its_level_on_overlapping_forecasts():
    random = np.random.RandomState(2)
    rejected = 0
    for _ in range(400):
        shocks = random.randn(2, 200 + 2)
        first, second = (np.convolve(row, np.ones(3), mode="valid") ** 2 for row in shocks)
        rejected += diebold_mariano(first, second, steps_ahead=3).p_value < 0.05
    assert 0.02 <= rejected / 400 <= 0.09


def test_holm_on_the_worked_example():
    assert holm((0.01, 0.04, 0.03)) == pytest.approx((0.03, 0.06, 0.06))


def test_holm_leaves_missing_values_out_and_does_not_count_them():
    assert holm((0.01, None, 0.04, math.nan, 0.03)) == (
        pytest.approx(0.03),
        None,
        pytest.approx(0.06),
        None,
        pytest.approx(0.06),
    )
    assert holm(()) == ()
    assert holm((None,)) == (None,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    assert all(
        a <= b
        for p, a in zip(p_values, adjusted, strict=True)
        for q, b in zip(p_values, adjusted, strict=True)
        if p < q
    )


def test_worked_example_of_directions():
    actual = np.repeat([1.0, -1.0, 1.0, -1.0], [15, 5, 8, 12])
    predicted = np.repeat([1.0, 1.0, -1.0, -1.0], [15, 5, 8, 12])
    found = pesaran_timmermann(actual, predicted)
    assert (found.hit_share, found.expected_share) == pytest.approx((0.675, 0.5))
    assert found.statistic == pytest.approx(2.267448, abs=1e-6)
    assert found.p_value == pytest.approx(0.011681, abs=1e-6)


@pytest.mark.parametrize(
    ("actual", "predicted", "words"),
    [
        ([1.0, -1.0, 1.0], [1.0, 1.0, 1.0], "same sign"),
        ([1.0, -1.0], [-1.0, -1.0], "same sign"),
        ([1.0, 1.0, 1.0], [1.0, -1.0, 1.0], "not positive"),
        ([0.0, np.nan], [1.0, 1.0], "no change"),
        ([], [], "no change"),
    ],
)
def test_directions_that_cannot_be_judged_have_a_reason(actual, predicted, words):
    found = pesaran_timmermann(np.array(actual), np.array(predicted))
    assert math.isnan(found.statistic)
    assert math.isnan(found.p_value)
    assert words in found.reason
