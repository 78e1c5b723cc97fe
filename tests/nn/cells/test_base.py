"""A learned initial state: zero at first, used where no state is given, with a gradient."""

from __future__ import annotations

import pytest
import torch
from tests.cells import DENSE
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree

from nurt.errors import UnavailableError
from nurt.kernels import use
from nurt.nn import LSTMCell, ProjectedLSTMCell, Recurrent, to_torch, unroll

B, T, IN, H = 3, 4, 2, 5


@pytest.mark.parametrize("kind", DENSE)
def test_it_starts_at_zero_under_its_own_name_and_changes_nothing_else(kind):
    torch.manual_seed(1)
    plain = DENSE[kind](IN, H)
    torch.manual_seed(1)
    cell = DENSE[kind](IN, H).learn_initial_state()
    fields = cell.initial_state(B)._fields
    assert cell.state_dict().keys() - plain.state_dict().keys() == {f"initial_{field}" for field in fields}
    inputs = torch.randn(B, T, IN)
    assert torch.equal(unroll(cell, inputs)[0], unroll(plain, inputs)[0])
    with torch.no_grad():
        cell.initial_hidden.fill_(0.5)
    cell.learn_initial_state()
    assert torch.equal(cell.initial_state(B).hidden, torch.full((B, H), 0.5))
    cell.reset_parameters()
    assert torch.equal(cell.initial_hidden, torch.zeros(H))


@pytest.mark.parametrize("rung", ["native", "torch", "reference"])
def test_its_gradient_is_that_of_the_state_summed_over_the_rows(rung):
    cell = LSTMCell(IN, H).double().learn_initial_state()
    with torch.no_grad():
        cell.initial_hidden.uniform_(-1, 1)
        cell.initial_cell.uniform_(-1, 1)
    inputs = torch.randn(B, T, IN, dtype=torch.float64)
    starts = [
        start.detach().expand(B, H).clone().requires_grad_() for start in (cell.initial_hidden, cell.initial_cell)
    ]
    given, _ = unroll(cell, inputs, tuple(starts), [4, 0, 2])
    wanted = torch.autograd.grad(given.square().sum(), starts)
    with use(rung):
        outputs, _ = Recurrent(cell)(inputs, lengths=[4, 0, 2])
        found = torch.autograd.grad(outputs.square().sum(), [cell.initial_hidden, cell.initial_cell])
    assert_agree(outputs, given, OUTPUTS[torch.float64], "outputs")
    for one, other in zip(found, wanted, strict=True):
        assert_agree(one, other.sum(0), GRADIENTS[torch.float64], "gradient")


def test_a_projected_cell_learns_a_state_of_its_two_widths():
    cell = ProjectedLSTMCell(IN, H, 2).learn_initial_state()
    assert (cell.initial_hidden.shape, cell.initial_cell.shape) == ((2,), (H,))


def test_torch_has_no_place_for_it():
    for module in (LSTMCell(IN, H).learn_initial_state(), Recurrent(LSTMCell(IN, H).learn_initial_state())):
        with pytest.raises(UnavailableError, match="initial_hidden"):
            to_torch(module)
