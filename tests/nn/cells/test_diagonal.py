"""minGRU and minLSTM against their equations written out unit by unit, and at the edges of their gates."""

from __future__ import annotations

import math

import pytest
import torch

from nurt.nn import MinGRUCell, MinLSTMCell, unroll


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def min_gru(pre: list[float], hidden: float) -> float:
    z, candidate = sigmoid(pre[0]), pre[1]
    return (1 - z) * hidden + z * candidate


def min_lstm(pre: list[float], hidden: float) -> float:
    forget, admit, candidate = sigmoid(pre[0]), sigmoid(pre[1]), pre[2]
    return forget / (forget + admit) * hidden + admit / (forget + admit) * candidate


@pytest.mark.parametrize(("kind", "equation"), [(MinGRUCell, min_gru), (MinLSTMCell, min_lstm)])
def test_the_numbers_are_those_of_the_equations(kind, equation):
    torch.manual_seed(3)
    cell = kind(2, 3).double()
    inputs = torch.randn(1, 4, 2, dtype=torch.float64)
    outputs, _ = unroll(cell, inputs)
    hidden = [0.0] * 3
    for t, x in enumerate(inputs[0].tolist()):
        for unit in range(3):
            rows = range(unit, len(cell.weight_ih), 3)
            pre = [
                sum(w * v for w, v in zip(cell.weight_ih[r].tolist(), x, strict=True)) + cell.bias_ih[r].item()
                for r in rows
            ]
            hidden[unit] = equation(pre, hidden[unit])
        assert outputs[0, t].tolist() == pytest.approx(hidden, rel=1e-13)


@pytest.mark.parametrize("size", [30.0, 300.0, 1e30])
def test_saturated_gates_keep_or_replace_the_state_and_have_finite_gradients(size):
    for kind, closed, opened in (
        (MinGRUCell, [-size], [size]),
        (MinLSTMCell, [size, -size], [-size, size]),
        (MinLSTMCell, [-1.0, -3 * size], [-3 * size, -1.0]),
    ):
        for gates, expected in ((closed, 2.0), (opened, 5.0)):
            cell = kind(1, 1)
            with torch.no_grad():
                cell.weight_ih.zero_()
                cell.bias_ih.copy_(torch.tensor([*gates, 5.0]))
            state = type(cell.initial_state(1))(torch.tensor([[2.0]]))
            outputs, _ = unroll(cell, torch.ones(1, 3, 1), state)
            torch.testing.assert_close(outputs, torch.full((1, 3, 1), expected))
            slopes = torch.autograd.grad(outputs.sum(), list(cell.parameters()))
            assert all(slope.isfinite().all() for slope in slopes)


def test_two_gates_that_underflow_together_still_share():
    cell = MinLSTMCell(1, 1)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias_ih.copy_(torch.tensor([-200.0, -200.0, 4.0]))
    outputs, _ = unroll(cell, torch.ones(1, 1, 1))
    assert outputs.item() == 2.0


def test_weights_are_drawn_as_a_linear_layer_draws_them():
    torch.manual_seed(1)
    cell = MinGRUCell(16, 500)
    bound = 1 / math.sqrt(16)
    assert cell.weight_ih.abs().max() <= bound
    assert cell.weight_ih.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert "bias=False" in repr(MinGRUCell(2, 3, bias=False))
