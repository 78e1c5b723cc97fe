"""The identity whose gradient is clamped."""

from __future__ import annotations

import pytest
import torch

from nurt.kernels.reference.carry import clip_gradient


def test_values_pass_and_gradients_are_clamped_element_by_element():
    values = torch.tensor([1.0, -2.0, 3.0, 4.0], requires_grad=True)
    passed = clip_gradient(values, 0.5)
    assert torch.equal(passed, values)
    (grad,) = torch.autograd.grad(passed, values, torch.tensor([0.2, -7.0, 0.5, torch.nan]))
    assert torch.equal(grad[:3], torch.tensor([0.2, -0.5, 0.5]))
    assert grad[3].isnan()


def test_the_clamp_can_be_differentiated_and_is_flat_where_it_cuts():
    values, weight = torch.ones(3, requires_grad=True), torch.tensor([0.1, -0.2, 5.0], requires_grad=True)
    (grad,) = torch.autograd.grad(clip_gradient(values, 0.3), values, weight, create_graph=True)
    assert torch.autograd.grad(grad.sum(), weight)[0].tolist() == [1.0, 1.0, 0.0]


# torch loads its forward-mode formulas with a call that it deprecates itself.
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("batched", [False, True])
def test_transforms_of_torch_func_see_the_clamp(batched):
    def slope(x):
        return torch.func.grad(lambda y: (3 * clip_gradient(y, 2.0)).sum())(x)

    x = torch.randn(5, 2)
    assert torch.equal((torch.func.vmap(slope) if batched else slope)(x), torch.full((5, 2), 2.0))
    primal, tangent = torch.func.jvp(lambda y: clip_gradient(y, 2.0), (x,), (3 * x,))
    assert torch.equal(primal, x)
    assert torch.equal(tangent, 3 * x)
