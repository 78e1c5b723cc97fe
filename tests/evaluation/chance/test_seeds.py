"""Seed noise: t intervals, and what counts as beyond them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nurt.errors import NurtValueError
from nurt.evaluation.chance.seeds import seed_noise

ERRORS = (0.0912, 0.0899, 0.0930, 0.0905, 0.0921)


def test_one_reference_value_is_a_one_sample_t_test():
    found = seed_noise(ERRORS, 0.0906)
    expected = stats.ttest_1samp(ERRORS, 0.0906)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low + 0.0906, found.high + 0.0906) == pytest.approx((interval.low + 0, interval.high + 0))
    assert (found.mean, found.sd) == pytest.approx((np.mean(ERRORS), np.std(ERRORS, ddof=1)))
    assert (found.least, found.most, found.seeds) == (0.0899, 0.0930, 5)
    assert found.within


def test_two_stochastic_models_are_compared_by_welch():
    others = (0.1012, 0.0980, 0.1005)
    found = seed_noise(ERRORS, others)
    expected = stats.ttest_ind(ERRORS, others, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert not found.within


@pytest.mark.parametrize(("reference", "p_value", "within"), [(1.0, 1.0, True), (2.0, 0.0, False)])
def test_seeds_that_agree_exactly_leave_no_noise(reference, p_value, within):
    found = seed_noise((1.0, 1.0, 1.0), reference)
    assert (found.p_value, found.within) == (p_value, within)
    assert seed_noise((1.0, 1.0), (1.0, 1.0)).within


@pytest.mark.parametrize(("errors", "reference"), [((1.0,), 2.0), ((1.0, 2.0), (3.0,)), ((), 1.0)])
def test_one_seed_shows_no_noise(errors, reference):
    with pytest.raises(NurtValueError, match="at least 2"):
        seed_noise(errors, reference)
