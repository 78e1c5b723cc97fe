"""Every gate of every layer has its block of recurrent weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

import nurt.nn
from nurt.diagnostics import block_norms, recurrent_blocks
from nurt.errors import NurtTypeError
from nurt.nn import AbstractCell, LinearCell, LinearState, LSTMCell, Recurrent, build

# torch says so once per process; it concerns its speed, not its numbers.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")

DEFECTIVE = np.array([[0.9, 5.0], [0.0, 0.9]])
# Power → ‖W^k‖₂ of the matrix above.
NORMS = {1: 5.157066, 2: 9.072319, 9: 19.378769763, 20: 13.509611278, 50: 1.4316228, 100: 0.0147563805}


@pytest.mark.parametrize("home", [torch.nn, nurt.nn], ids=["torch", "nurt"])
@pytest.mark.parametrize("kind, gates", [("RNN", "h"), ("GRU", "rzn"), ("LSTM", "ifgo")])
def test_every_gate_has_its_block(home: object, kind: str, gates: str) -> None:
    layer = getattr(home, kind)(3, 4, 2, bidirectional=True)
    blocks = recurrent_blocks(nn.Sequential(nn.Linear(2, 3), layer))
    assert "".join(block.gate for block in blocks) == gates * 4
    stacked = torch.cat([block.weight for block in blocks[len(gates) : 2 * len(gates)]])
    assert torch.equal(stacked, layer.weight_hh_l0_reverse.double())
    assert blocks[0].name.endswith("of 1, layer 0, forward")
    assert blocks[0].weight.data_ptr() != layer.weight_hh_l0.data_ptr()


def test_a_projected_state_is_followed_through_its_projection() -> None:
    layer = nn.LSTM(3, 5, proj_size=2, dtype=torch.float64)
    blocks = recurrent_blocks(layer)
    assert torch.allclose(blocks[1].weight, layer.weight_hr_l0 @ layer.weight_hh_l0[5:10])


class Own(AbstractCell):
    """A cell with a step of its own."""

    def initial_state(self, batch):
        return LinearCell(1, 1).initial_state(batch)

    def step(self, x, state):
        return LinearState(x + state.hidden)


def test_cells_with_a_step_of_their_own_have_no_blocks() -> None:
    with pytest.raises(NurtTypeError, match="are not known"):
        recurrent_blocks(Recurrent(Own(1, 1)))


def test_peepholes_and_norms_do_not_disturb_the_blocks() -> None:
    for kind in ("peephole_lstm", "layer_norm_lstm", "cifg_lstm", "reset_before_gru"):
        blocks = recurrent_blocks(build(kind, 2, 3))
        assert all(block.weight.shape == (3, 3) for block in blocks)
    assert len(recurrent_blocks(LSTMCell(2, 3))) == 4


def test_every_block_has_its_norms() -> None:
    layer = torch.nn.LSTM(2, 3, bidirectional=True)
    assert "no gradient" in str(block_norms(layer))
    layer(torch.randn(4, 2, 2))[0].square().sum().backward()
    found = block_norms(torch.nn.Sequential(layer))
    assert [(one.parameter, one.gate) for one in found.blocks[4:8]] == [("weight_hh", gate) for gate in "ifgo"]
    assert len(found.blocks) == 32
    one = found.blocks[5]
    assert one.weight == pytest.approx(float(layer.weight_hh_l0[3:6].detach().norm()))
    assert layer.weight_hh_l0.grad is not None
    assert one.gradient == pytest.approx(float(layer.weight_hh_l0.grad[3:6].norm()))
    assert one.ratio == pytest.approx(one.gradient / one.weight)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data


def test_a_weight_of_zeros_has_no_ratio() -> None:
    layer = nurt.nn.GRU(2, 3)
    with torch.no_grad():
        layer.bias_ih_l0.zero_()
    layer(torch.randn(4, 2, 2))[0].sum().backward()
    ratios = [one.ratio for one in block_norms(layer).blocks if one.parameter == "bias_ih"]
    assert ratios == [None] * 3
