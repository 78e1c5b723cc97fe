"""Contributions of every use of the weights to every loss add up to the gradient, for any cell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.diagnostics.conftest import by_autograd, drawn, quadratic
from tests.tolerances import GRADIENTS, assert_agree
from torch import Tensor, nn

from nurt.diagnostics import contribution_matrix, observe, passage
from nurt.errors import NurtValueError
from nurt.nn import AbstractCell, LinearCell, LinearState, unroll


@pytest.mark.parametrize("reverse", [False, True])
def test_contributions_add_up_to_the_gradient(any_cell: Any, reverse: bool) -> None:
    run = passage(any_cell, torch.randn(3, 7, 3, dtype=torch.float64), lengths=[7, 1, 4], reverse=reverse)
    matrix = contribution_matrix(run, quadratic, keep=True)
    outputs, _ = unroll(any_cell, run.inputs, None, run.lengths, reverse)
    expected = by_autograd(any_cell, outputs)
    assert matrix.parameters == tuple(expected)
    for name, parts in matrix.tensors.items():
        assert_agree(parts.sum(dim=(0, 1)), expected[name], GRADIENTS[torch.float64], f"gradient of {name}")
    assert (matrix.norms.tril(-1) == 0).all()
    norms = sum(parts.flatten(2).square().sum(-1) for parts in matrix.tensors.values()).sqrt()
    assert torch.allclose(matrix.norms, norms, rtol=1e-13, atol=0)


def test_a_linear_network_has_the_closed_form() -> None:
    cell = LinearCell(1, 1, bias=False).double()
    with torch.no_grad():
        cell.weight_ih.fill_(1.1), cell.weight_hh.fill_(0.8)
    inputs = torch.randn(5, 6, 1, dtype=torch.float64)
    targets = inputs.cumsum(1)
    run = passage(cell, inputs)
    found = contribution_matrix(
        run, lambda outputs: (outputs - targets).square().mean(dim=(0, 2)), parameters=["weight_hh"], keep=True
    )
    states = unroll(cell, inputs)[0].detach().squeeze(-1)
    before = torch.cat([torch.zeros(5, 1).double(), states[:, :-1]], dim=1)
    for use in range(6):
        for target in range(use, 6):
            error = 2 * (states[:, target] - targets[:, target, 0])
            expected = float((error * 0.8 ** (target - use) * before[:, use]).mean())
            assert float(found.tensors["weight_hh"][use, target]) == pytest.approx(expected, rel=1e-12, abs=1e-15)


class Leaky(AbstractCell[LinearState]):
    """A cell of somebody's own, with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.rate = nn.Parameter(torch.tensor([0.3, 0.6], dtype=torch.float64))

    def initial_state(self, batch: int) -> LinearState:
        return LinearState(torch.zeros(batch, 2, dtype=torch.float64))

    def step(self, x: Tensor, state: LinearState) -> LinearState:
        return LinearState(self.rate * x + (1 - self.rate) * state.hidden)


def test_a_cell_of_ones_own_is_taken_apart_too() -> None:
    cell = Leaky()
    run = passage(cell, torch.randn(2, 5, 2, dtype=torch.float64))
    matrix = contribution_matrix(run, quadratic, keep=True)
    expected = by_autograd(cell, unroll(cell, run.inputs)[0])
    assert_agree(matrix.tensors["rate"].sum((0, 1)), expected["rate"], GRADIENTS[torch.float64], "rate")
    assert cell.rate.grad is None


def test_layers_inside_a_model_whose_weights_are_computed() -> None:
    layer = nn.LSTM(2, 3, batch_first=True, dtype=torch.float64)
    nn.utils.parametrizations.orthogonal(layer, "weight_hh_l0")
    (run,) = observe(nn.Sequential(layer), torch.randn(2, 5, 2, dtype=torch.float64))
    matrix = contribution_matrix(run, quadratic)
    assert matrix.parameters == ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    assert (matrix.norms.triu() > 0).sum() == 15


def test_tensors_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurt.diagnostics.gradient.contribution_map.MOST_NUMBERS", 100)
    run = passage(drawn("gru", 2, 3), torch.randn(2, 4, 2, dtype=torch.float64))
    with pytest.raises(NurtValueError, match="do not fit into memory"):
        contribution_matrix(run, quadratic, keep=True)
