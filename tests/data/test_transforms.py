"""Scales of the target: exact ways back, order, bounds, and when a scale is worth a try."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.data.transforms import Asinh, Identity, Log, candidates, transform_from_dict
from nurt.errors import NurtValueError

TRANSFORMS = [Identity(), Log(), Log(5.0, 0.5, -1e6, 1e9), Log(0.0, 1e-3), Asinh(), Asinh(250.0, -1e7, 1e7)]
IDS = [f"{one.name}-{place}" for place, one in enumerate(TRANSFORMS)]


def named(found):
    return [one.name for one in found]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_the_way_back_is_exact_to_rounding(transform):
    values = np.concatenate([np.geomspace(1e-3, 1e6, 400), [1.0, 100.0]])
    back = transform.backward(transform.forward(values))
    # An absolute rounding of the logarithm is a relative one of the value, with its shift.
    np.testing.assert_allclose(back, values, rtol=2e-14, atol=1e-14 * (1 + getattr(transform, "shift", 0.0)))


@pytest.mark.parametrize("transform", [Identity(), Log(5.0, 0.5, -1e6, 1e9), Asinh(250.0, -1e7, 1e7)])
def test_values_of_both_signs_come_back(transform):
    values = np.concatenate([-np.geomspace(1e-3, 1e5, 200), [0.0], np.geomspace(1e-3, 1e5, 200)])
    np.testing.assert_allclose(transform.backward(transform.forward(values)), values, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
@settings(deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=20))
def test_order_is_kept_and_nothing_finite_becomes_missing(transform, values):
    ordered = np.sort(np.array(values))
    for found in (transform.forward(ordered), transform.backward(ordered)):
        assert np.isfinite(found).all()
        assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_missing_values_stay_missing_and_shapes_stay(transform):
    values = np.array([[np.nan, 2.0, 3.0]])
    for found in (transform.forward(values), transform.backward(values)):
        assert found.shape == (1, 3)
        assert np.isnan(found).tolist() == [[True, False, False]]


def test_a_logarithm_is_one_and_goes_on_as_its_tangent():
    log = Log(0.0, 0.5)
    np.testing.assert_allclose(log.forward(np.array([0.5, 1.0, math.e])), [math.log(0.5), 0.0, 1.0])
    np.testing.assert_allclose(log.forward(np.array([0.0, -0.5])), math.log(0.5) - np.array([1.0, 2.0]))
    np.testing.assert_allclose(Asinh(2.0).forward(np.array([2.0])), [math.asinh(1.0)])


def test_what_runs_off_is_held_ten_training_ranges_outside():
    (_, log) = candidates([np.array([1.0, 5.0, 101.0, 20.0, 50.0])])
    np.testing.assert_allclose(log.backward(np.array([1e9, -1e9])), [101 + 1000, 1 - 1000])
    heavy = np.concatenate([np.random.RandomState(0).standard_cauchy(500)])
    (_, asinh) = candidates([heavy])
    width = heavy.max() - heavy.min()
    np.testing.assert_allclose(
        asinh.backward(np.array([-1e9, 1e9])), [heavy.min() - 10 * width, heavy.max() + 10 * width]
    )


def test_a_logarithm_is_tried_where_positive_values_spread():
    random = np.random.RandomState(1)
    wide = np.exp(random.randn(300))
    assert named(candidates([wide])) == ["none", "log"]
    assert candidates([wide])[1].shift == 0.0
    assert named(candidates([wide + 50])) == ["none"]
    assert named(candidates([wide, np.full(9, np.nan)])) == ["none", "log"]
    # Levels that differ between series say nothing of any one of them.
    assert named(candidates([wide + 50, 1000 * (wide + 50)])) == ["none"]


def test_zeros_are_shifted_by_a_tenth_of_the_median_and_negative_values_have_no_logarithm():
    counts = np.random.RandomState(2).poisson(2.0, 400).astype(float)
    found = candidates([counts])[1]
    assert (found.name, found.shift) == ("log", 0.1 * np.median(counts[counts > 0]))
    assert found.floor == pytest.approx(0.1 * found.shift)
    assert named(candidates([counts - 1])) == ["none"]


def test_an_inverse_sine_is_tried_for_heavy_tails_of_both_signs():
    random = np.random.RandomState(3)
    assert named(candidates([random.randn(1000)])) == ["none"]
    assert named(candidates([random.standard_t(1.5, 1000)])) == ["none", "asinh"]
    assert named(candidates([-np.exp(2 * random.randn(1000))])) == ["none"]


@pytest.mark.parametrize(
    "rows",
    [[], [np.array([])], [np.full(5, np.nan)], [np.full(9, 3.0)], [np.zeros(4)], [np.array([1e307, -1e307, 1.0])]],
    ids=["none", "empty", "missing", "constant", "zeros", "huge"],
)
def test_rows_that_say_nothing_leave_the_identity(rows):
    assert candidates(rows) == (Identity(),)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=IDS)
def test_a_transform_is_built_again_from_its_description(transform):
    assert transform_from_dict(json.loads(json.dumps(transform.to_dict()))) == transform


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"name": "sqrt"},
        {"name": ["log"]},
        {"name": "none", "shift": 1.0},
        {"name": "log", "shift": 1.0},
        Log().to_dict() | {"shift": -1.0},
        Log().to_dict() | {"floor": 0.0},
        Log().to_dict() | {"highest": math.inf},
        Log().to_dict() | {"shift": "1"},
        Log().to_dict() | {"lowest": 5.0, "highest": 1.0},
        Asinh().to_dict() | {"scale": math.nan},
        Asinh().to_dict() | {"scale": True},
    ],
)
def test_damage_is_refused(saved):
    with pytest.raises(NurtValueError):
        transform_from_dict(saved)
