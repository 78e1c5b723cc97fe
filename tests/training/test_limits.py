from __future__ import annotations

import json
import math

import pytest

from nurt.errors import NurtTypeError, NurtValueError
from nurt.training import ClipByNorm, ClipByValue
from nurt.training.limits import clipping_from_dict, clipping_to_dict


@pytest.mark.parametrize("kind", [ClipByNorm, ClipByValue])
@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_a_limit_that_limits_nothing_is_refused(kind, limit):
    with pytest.raises(NurtValueError, match="`limit`"):
        kind(limit)


@pytest.mark.parametrize("kind", [ClipByNorm, ClipByValue])
@pytest.mark.parametrize("limit", [None, True, "1"])
def test_a_limit_that_is_no_number_is_refused(kind, limit):
    with pytest.raises(NurtTypeError, match="`limit`"):
        kind(limit)


def test_a_negative_epsilon_is_refused():
    with pytest.raises(NurtValueError, match="`epsilon`"):
        ClipByNorm(1.0, epsilon=-1e-6)


def test_the_coefficient_is_limit_over_norm_and_never_above_one():
    assert ClipByNorm(1.0).coefficient(5.0) == 0.2
    assert ClipByNorm(1.0, epsilon=1e-6).coefficient(5.0) == 1.0 / (5.0 + 1e-6)
    assert ClipByNorm(1.0).coefficient(1.0) == ClipByNorm(1.0).coefficient(0.0) == 1.0
    assert ClipByNorm(1.0, epsilon=1e-6).coefficient(1.0) < 1.0


@pytest.mark.parametrize("clipping", [None, ClipByNorm(0.3, 1e-6), ClipByValue(2.0)])
def test_a_limit_survives_json(clipping):
    assert clipping_from_dict(json.loads(json.dumps(clipping_to_dict(clipping)))) == clipping
