"""Correlations of changes, against NumPy's own on the pairs that both sides know."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.evaluation.forecasts.audits import lagging
from nurt.evaluation.forecasts.audits.lagging import Following
from nurt.evaluation.forecasts.audits.truth import Truth
from nurt.evaluation.forecasts.cells import Cells


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
    monkeypatch.setattr(lagging, "SHIFTS", shifts)
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
