"""The two senses of the GRU's update gate."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree

from nurt.errors import NurtTypeError
from nurt.nn import GRU, GRUCell, GRUState, LSTMCell, ResetBeforeGRUCell, build, flip_update_gate, unroll

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
