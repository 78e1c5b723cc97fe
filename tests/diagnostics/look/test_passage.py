"""A passage takes a cell through its inputs, and nothing past the end of a row is used."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree

from nurt.diagnostics import passage
from nurt.errors import NurtValueError, ShapeError
from nurt.nn import GRUCell, LSTMCell

INPUTS = torch.randn(3, 6, 2, dtype=torch.float64)
LENGTHS = torch.tensor([6, 2, 4])


@pytest.mark.parametrize("reverse", [False, True])
def test_states_before_each_step_are_those_of_the_run(any_cell: Any, reverse: bool) -> None:
    inputs = torch.randn(3, 6, 3, dtype=torch.float64)
    run = passage(any_cell, inputs, lengths=[6, 0, 4], reverse=reverse)
    before = run.states_before()
    for row, length in enumerate([6, 0, 4]):
        state = any_cell.initial_state(1)
        for place in reversed(range(length)) if reverse else range(length):
            for field, expected in zip(before, state, strict=True):
                assert_agree(field[row, place], expected[0], OUTPUTS[torch.float64], "state")
            state = any_cell.step(inputs[row : row + 1, place], state)
        assert all((field[row, length:] == 0).all() for field in before)


def test_a_passage_refuses_what_does_not_fit() -> None:
    cell = LSTMCell(3, 5)
    with pytest.raises(ShapeError, match="I=3"):
        passage(cell, torch.randn(2, 7, 4))
    with pytest.raises(NurtValueError, match="row 1"):
        passage(cell, torch.randn(2, 7, 3), lengths=[3, 9])


def test_what_lies_past_the_end_of_a_row_is_never_used() -> None:
    inputs = INPUTS.clone()
    inputs[1, 2:] = torch.nan
    before = passage(GRUCell(2, 4).double(), inputs, lengths=LENGTHS).states_before()
    assert all(torch.isfinite(field).all() for field in before)
