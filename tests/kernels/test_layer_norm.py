"""Layer normalisation against torch's operator and against finite differences."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from nurt.kernels.layer_norm import EPSILON, layer_norm, layer_norm_adjoint


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 7), (4, 63), (0, 5)])
def test_values_and_gradients_are_those_of_torch(shape, bias):
    torch.manual_seed(3)
    x, gain, shift = numbers(*shape), numbers(shape[-1]), numbers(shape[-1]) if bias else None
    expected = F.layer_norm(x, shape[-1:], gain, shift, EPSILON)
    assert_agree(layer_norm(x, gain, shift), expected, OUTPUTS[torch.float64], "values")
    dy = torch.randn_like(expected)
    for mine, wanted in zip(layer_norm_adjoint(x, gain, dy), torch.autograd.grad(expected, [x, gain], dy), strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], "gradient")


def test_a_norm_over_one_element_is_its_bias_and_lets_no_gradient_through():
    x, gain, shift = numbers(3, 1), numbers(1), numbers(1)
    assert torch.equal(layer_norm(x, gain, shift), shift.expand(3, 1))
    dx, d_gain = layer_norm_adjoint(x, gain, numbers(3, 1))
    assert torch.equal(dx, torch.zeros(3, 1, dtype=torch.float64))
    assert d_gain.item() == 0


def test_derivatives_of_the_first_three_orders_agree_with_finite_differences():
    torch.manual_seed(5)
    arguments = numbers(2, 4), numbers(4), numbers(2, 4)
    assert gradcheck(layer_norm_adjoint, arguments)
    assert gradgradcheck(layer_norm_adjoint, arguments)
    assert gradcheck(lambda x, gain: layer_norm(x, gain, None), arguments[:2])
