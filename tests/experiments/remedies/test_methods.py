"""The cells and gradients of the remedies against autograd through the layer, differences and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from nurt.experiments.remedies.methods import REMEDIES, NormalisedElmanCell, Remedy, RemedyNetwork
from nurt.nn import AbstractCell, Recurrent, Truncated

BY_ID = {one.id: one for one in REMEDIES}


def network_of(remedy: Remedy, gain: float = 2.0) -> RemedyNetwork:
    torch.manual_seed(0)
    return RemedyNetwork(remedy, 2, 5, gain)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda one: one.id)
def test_the_gradient_by_lag_is_that_of_the_layer(remedy: Remedy) -> None:
    """Its first and last entries by finite differences of the initial state and the last one."""
    network = network_of(remedy).double()
    inputs, targets = torch.randn(3, 6, 2, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    found = network.gradients(inputs, targets)
    assert found.shape == (3, 6)
    state = network.layer.cell.initial_state(3)
    for step in range(6):
        state = network.layer.cell.step(inputs[:, step], state)
    with torch.no_grad():
        error = network.readout(state.hidden).squeeze(-1) - targets
    expected = 2.0 * error.abs() * network.readout.weight.norm()
    torch.testing.assert_close(found[:, 0], expected.detach())
    with torch.no_grad():
        torch.testing.assert_close(network(inputs) - targets, error)


@pytest.mark.parametrize("id", ["plain", "layer-norm", "irnn", "gru", "lstm"])
def test_the_longest_lag_is_the_finite_difference_of_the_first_state(id: str) -> None:
    network = network_of(BY_ID[id], 0.9).double()
    inputs, targets = torch.rand(1, 4, 2, dtype=torch.float64), torch.randn(1, dtype=torch.float64)
    cell = network.layer.cell
    first = cell.step(inputs[:, 0], cell.initial_state(1))

    @torch.no_grad()
    def loss(state: tuple[torch.Tensor, ...]) -> float:
        now = type(first)(*state)
        for step in range(1, 4):
            now = cell.step(inputs[:, step], now)
        return float((network.readout(now.hidden).squeeze(-1) - targets).square().sum())

    squares = 0.0
    for part, whole in enumerate(first):
        for unit in range(whole.shape[1]):
            ends = []
            for sign in (1.0, -1.0):
                moved = [one.detach().clone() for one in first]
                moved[part][0, unit] += sign * 1e-6
                ends.append(loss(tuple(moved)))
            squares += ((ends[0] - ends[1]) / 2e-6) ** 2
    assert float(network.gradients(inputs, targets)[0, -1]) == pytest.approx(math.sqrt(squares), rel=1e-5, abs=1e-9)


def test_truncation_ends_the_gradient_at_its_window() -> None:
    network = network_of(BY_ID["truncation"])
    assert isinstance(network.gradient, Truncated)
    found = network.gradients(torch.randn(3, 15, 2), torch.randn(3))
    window = network.gradient.window
    assert (found[:, :window] > 0).all()
    assert (found[:, window:] == 0).all()
    plain = network_of(BY_ID["plain"])
    given = torch.randn(3, 15, 2)
    torch.testing.assert_close(
        network.gradients(given, torch.ones(3))[:, :window], plain.gradients(given, torch.ones(3))[:, :window]
    )


@pytest.mark.parametrize("id", ["plain", "clip-norm", "clip-value", "l2", "truncation", "layer-norm", "batch-norm"])
def test_every_remedy_starts_from_the_matrix_of_the_case(id: str) -> None:
    weight = network_of(BY_ID[id], 3.0).recurrent_weight
    torch.testing.assert_close(weight.T @ weight, 9.0 * torch.eye(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(weight, network_of(BY_ID["plain"], 3.0).recurrent_weight)


@pytest.mark.parametrize("id", ["gru", "lstm"])
def test_every_gate_starts_from_an_orthogonal_matrix(id: str) -> None:
    for block in network_of(BY_ID[id], 3.0).recurrent_weight.split(5):
        torch.testing.assert_close(block.T @ block, 9.0 * torch.eye(5), rtol=0, atol=1e-5)


def test_the_rectified_network_starts_at_the_identity() -> None:
    torch.testing.assert_close(network_of(BY_ID["irnn"]).recurrent_weight.detach(), torch.eye(5))


def _run(cell: AbstractCell[object], inputs: torch.Tensor) -> torch.Tensor:
    outputs, _ = Recurrent(cell)(inputs)
    return outputs


def test_layer_normalisation_is_that_of_torch_and_forgets_the_scale() -> None:
    cell = NormalisedElmanCell(2, 5, "units").double()
    x, state = (
        torch.randn(3, 2, dtype=torch.float64),
        cell.initial_state(3)._replace(hidden=torch.randn(3, 5, dtype=torch.float64)),
    )
    sums = torch.nn.functional.layer_norm(state.hidden @ cell.weight_hh.T, (5,), eps=1e-5)
    expected = torch.tanh(x @ cell.weight_ih.T + cell.bias_ih + cell.gain * sums)
    torch.testing.assert_close(cell.step(x, state).hidden, expected)
    before = cell.step(x, state).hidden
    with torch.no_grad():
        cell.weight_hh.mul_(1e3)
    torch.testing.assert_close(cell.step(x, state).hidden, before, atol=1e-3, rtol=1e-3)


def test_batch_normalisation_is_that_of_torch() -> None:
    cell = NormalisedElmanCell(2, 5, "rows").double()
    x, hidden = torch.randn(7, 2, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)
    sums = torch.nn.functional.batch_norm(hidden @ cell.weight_hh.T, None, None, training=True, eps=1e-5)
    expected = torch.tanh(x @ cell.weight_ih.T + cell.bias_ih + cell.gain * sums)
    torch.testing.assert_close(cell.step(x, cell.initial_state(7)._replace(hidden=hidden)).hidden, expected)
