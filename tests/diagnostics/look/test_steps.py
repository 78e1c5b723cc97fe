"""Steps taken again are the steps that were taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.diagnostics.recorded import walk
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree

from nurt.diagnostics import record
from nurt.nn import Recurrent


@pytest.mark.parametrize("reverse", [False, True])
def test_states_before_and_after_each_step(any_cell: Any, reverse: bool) -> None:
    x, lengths = torch.randn(3, 6, 3, dtype=torch.float64), [6, 4, 0]
    start = any_cell.initial_state(3)
    start = type(start)(*(torch.randn_like(field) for field in start))
    with record(layer := Recurrent(any_cell, reverse=reverse)) as seen:
        outputs, _ = layer(x, start, lengths)
        outputs.sum().backward()
    steps = seen.layers[0].steps
    before = steps.states_before()
    for place in range(6):
        rows = torch.arange(3)[steps.within[:, place]]
        state = type(before)(*(field[rows, place] for field in before))
        made = steps.at(rows, torch.full_like(rows, place), state, steps.weights)
        assert_agree(made.hidden, outputs[rows, place], OUTPUTS[torch.float64], f"step {place}")
    first = [5 if reverse else 0, 3 if reverse else 0]
    for row, place in enumerate(first):
        for field, given in zip(before, start, strict=True):
            assert torch.equal(field[row, place], given[row])
    by_hand = walk(any_cell, x, lengths, reverse=reverse, start=start)
    following = steps.after(by_hand.outputs)
    for row, length in enumerate(lengths):
        for place in range(length):
            other = place - 1 if reverse else place + 1
            expected = by_hand.outputs[row, other] if 0 <= other < length else torch.zeros_like(following[row, place])
            assert torch.equal(following[row, place], expected)
        assert not following[row, length:].any()
    assert steps.last.tolist() == ([0, 0, 0] if reverse else [5, 3, 0])


def test_one_step_back_is_that_of_autograd(any_cell: Any) -> None:
    x = torch.randn(2, 1, 3, dtype=torch.float64)
    start = any_cell.initial_state(2)
    start = type(start)(*(torch.randn_like(field).requires_grad_() for field in start))
    with record(layer := Recurrent(any_cell)) as seen:
        outputs, _ = layer(x, start)
        outputs.square().sum().backward()
    found = seen.layers[0]
    before = found.steps.states_before()
    state = type(before)(*(field[:, 0] for field in before))
    grad = type(state)(*(torch.zeros_like(field) for field in state))._replace(hidden=found.gradients()[0][:, 0])
    back, weights = found.steps.pulled(torch.arange(2), torch.zeros(2, dtype=torch.long), state, grad, {})
    assert weights == {}
    for value, given in zip(back, start, strict=True):
        expected = torch.zeros_like(value) if given.grad is None else given.grad
        assert_agree(value, expected, GRADIENTS[torch.float64], "gradient of the state before")
