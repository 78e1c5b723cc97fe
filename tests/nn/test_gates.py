"""Finding the weights of each gate in any recurrent module."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree

from nurt.errors import NurtTypeError
from nurt.kernels.reference import RECURRENCES
from nurt.nn import (
    GRU,
    LSTM,
    Bidirectional,
    CIFGLSTMCell,
    GRUCell,
    GRUState,
    LSTMCell,
    Recurrent,
    ResetBeforeGRUCell,
    Stack,
    build,
    flip_update_gate,
    unroll,
)
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


IN, H = 3, 5


def opposite(cell, x, h):
    """Return h_t where the update gate takes the new state, from weights learned that way."""
    b_ih, b_hh = (0, 0) if cell.bias_ih is None else (cell.bias_ih, cell.bias_hh)
    inputs, recurrent = x @ cell.weight_ih.T + b_ih, h @ cell.weight_hh.T + b_hh
    r = torch.sigmoid(inputs[:, :H] + recurrent[:, :H])
    z = torch.sigmoid(inputs[:, H : 2 * H] + recurrent[:, H : 2 * H])
    if isinstance(cell, ResetBeforeGRUCell):
        back = (r * h) @ cell.weight_hh[2 * H :].T + (0 if cell.bias_hh is None else b_hh[2 * H :])
    else:
        back = r * recurrent[:, 2 * H :]
    return (1 - z) * h + z * torch.tanh(inputs[:, 2 * H :] + back)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [GRUCell, ResetBeforeGRUCell])
def test_a_flipped_cell_computes_the_opposite_sense(kind, bias):
    cell = kind(IN, H, bias=bias, dtype=torch.float64)
    x, h = torch.randn(4, IN, dtype=torch.float64), torch.randn(4, H, dtype=torch.float64)
    wanted = opposite(cell, x, h)
    assert_agree(flip_update_gate(cell).step(x, GRUState(h)).hidden, wanted, OUTPUTS[torch.float64], "hidden")
    assert not torch.allclose(cell.step(x, GRUState(h)).hidden, wanted)


@pytest.mark.parametrize("make", [lambda: GRU(IN, H, 2, bidirectional=True), lambda: torch.nn.GRU(IN, H, 2)])
def test_every_layer_and_direction_is_flipped_in_a_copy_and_back(make):
    layer = make()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    flipped = flip_update_gate(layer)
    assert type(flipped) is type(layer)
    for name, value in flipped.state_dict().items():
        assert torch.equal(value[H : 2 * H], -before[name][H : 2 * H])
        assert torch.equal(value[:H], before[name][:H])
        assert torch.equal(value[2 * H :], before[name][2 * H :])
        assert torch.equal(layer.state_dict()[name], before[name])
    again = flip_update_gate(flipped).state_dict()
    assert all(torch.equal(again[name], before[name]) for name in before)


def test_other_recurrences_beside_a_gru_stay_and_none_at_all_is_refused():
    model = torch.nn.ModuleList([build("gru", IN, H), LSTMCell(IN, H)])
    flipped = flip_update_gate(model)
    assert torch.equal(flipped[1].weight_hh, model[1].weight_hh)
    assert not torch.equal(
        unroll(flipped[0].layers[0].cell, torch.ones(1, 2, IN))[0], model[0](torch.ones(1, 2, IN))[0]
    )
    with pytest.raises(NurtTypeError, match="no GRU"):
        flip_update_gate(LSTMCell(IN, H))
    with pytest.raises(NurtTypeError, match="nothing recurrent"):
        flip_update_gate(torch.nn.Linear(2, 2))
