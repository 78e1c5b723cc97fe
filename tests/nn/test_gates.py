"""Finding the weights of each gate in any recurrent module."""

from __future__ import annotations

import pytest
import torch

from nurt.errors import NurtTypeError
from nurt.kernels.reference import RECURRENCES
from nurt.nn import LSTM, Bidirectional, CIFGLSTMCell, GRUCell, Recurrent, Stack
from nurt.nn.gates import gate_order, gate_weights


def test_every_recurrence_has_its_rows_named_one_letter_per_gate():
    for recurrence in RECURRENCES.values():
        order = gate_order(recurrence)
        assert len(set(order)) == len(order) == recurrence.gates
        assert set(order) <= set("ifgorznh")


def test_every_layer_and_direction_is_found_once_in_order():
    stack = Stack([Recurrent(CIFGLSTMCell(3, 4)), Bidirectional(GRUCell(4, 2), GRUCell(4, 2))])
    parts = gate_weights("test", torch.nn.ModuleList([stack, LSTM(3, 5, 2, bidirectional=True)]))
    assert [(part.order, part.hidden_size) for part in parts] == [
        ("fgo", 4),
        ("rzn", 2),
        ("rzn", 2),
        *[("ifgo", 5)] * 4,
    ]
    assert len({id(part.weight_hh) for part in parts}) == 7


def test_the_rows_of_a_gate_are_those_the_equation_uses():
    layer = LSTM(3, 5)
    (part,) = gate_weights("test", layer)
    assert part.rows("f") == slice(5, 10)
    assert [len(block) for block in part.recurrent_blocks()] == [5] * 4


def test_modules_without_weights_of_their_own_are_refused():
    cell = GRUCell(3, 5)
    torch.nn.utils.parametrize.register_parametrization(cell, "weight_hh", torch.nn.Identity())
    with pytest.raises(NurtTypeError, match="parametris"):
        gate_weights("test", cell)
    with pytest.raises(NurtTypeError, match="nothing recurrent"):
        gate_weights("test", torch.nn.Linear(3, 5))
    with pytest.raises(NurtTypeError, match="not a module"):
        gate_weights("test", 3)
