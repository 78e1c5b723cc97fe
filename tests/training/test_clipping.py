from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nurt.training.clipping import clip_to_norm, global_norm, global_norm_beyond_range


def parameters_with(*gradients):
    """Parameters that carry these gradients; None is a parameter without one."""
    found = []
    for gradient in gradients:
        parameter = nn.Parameter(torch.zeros(1 if gradient is None else len(gradient)))
        parameter.grad = None if gradient is None else torch.tensor(gradient)
        found.append(parameter)
    return found


def test_the_norm_is_that_of_all_gradients_as_one_vector():
    assert float(global_norm(parameters_with([3.0, 0.0], None, [-4.0]))) == 5.0
    assert float(global_norm(parameters_with(None))) == 0.0


def test_a_norm_below_the_limit_leaves_every_bit():
    parameters = parameters_with([0.3, -0.1], [0.7])
    before = [parameter.grad.clone() for parameter in parameters]
    assert not clip_to_norm(parameters, 10.0, float(global_norm(parameters)))
    assert all(torch.equal(parameter.grad, old) for parameter, old in zip(parameters, before, strict=True))


def test_a_norm_above_the_limit_becomes_the_limit_and_keeps_its_direction():
    parameters = parameters_with([3.0, 0.0], None, [-4.0])
    assert clip_to_norm(parameters, 2.0, 5.0)
    assert parameters[0].grad.tolist() == pytest.approx([1.2, 0.0])
    assert parameters[2].grad.tolist() == pytest.approx([-1.6])


@given(st.lists(st.floats(-(2.0**126), 2.0**126, width=32), min_size=1, max_size=9))
def test_finite_gradients_have_a_finite_norm_however_large(values):
    norm = global_norm_beyond_range(parameters_with(values))
    assert norm == pytest.approx(math.hypot(*values), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bad_gradient_is_not_hidden(bad):
    assert not math.isfinite(global_norm_beyond_range(parameters_with([1.0, bad], [0.0])))


def test_a_norm_beyond_the_range_of_float32_can_be_clipped():
    parameters = parameters_with([3e30, 0.0], [-4e30])
    norm = global_norm_beyond_range(parameters)
    assert math.isinf(float(global_norm(parameters)))
    assert clip_to_norm(parameters, 1.0, norm)
    assert [parameter.grad.tolist() for parameter in parameters] == [pytest.approx([0.6, 0.0]), pytest.approx([-0.8])]
