"""The two conventions of the GRU: where they agree and where not."""

from __future__ import annotations

import numpy as np
import torch

from nurt.experiments import run
from nurt.experiments.gru_conventions import GRUConventionsResult, slide_form
from nurt.nn import GRUCell, flip_update_gate, unroll


def test_the_place_of_the_reset_matters_from_two_units_on() -> None:
    result = run("gru-conventions")
    assert isinstance(result, GRUConventionsResult)
    assert result.before.max() < 1e-12
    assert result.settings.hidden[0] == 1
    assert result.after[0] < 1e-12
    assert result.after[1:].min() > 0.05
    assert result.diagonal < 1e-12
    assert result.verdict.standing == "reached"
    np.testing.assert_allclose(result.states[0], result.states[1], rtol=1e-10)


def test_one_unit_of_the_lectures_is_torchs_with_the_update_gate_flipped() -> None:
    cell = torch.nn.GRUCell(2, 1, bias=False, dtype=torch.float64)
    parts = [part.detach().numpy() for weight in (cell.weight_ih, cell.weight_hh) for part in weight.chunk(3)]
    weights = dict(zip(("W_r", "W_z", "W", "U_r", "U_z", "U"), parts, strict=True))
    inputs = torch.randn(11, 2, dtype=torch.float64)
    states, keep = slide_form(weights, inputs.numpy())
    own = GRUCell(2, 1, bias=False, dtype=torch.float64)
    own.load_state_dict(cell.state_dict())
    outputs, _ = unroll(flip_update_gate(own), inputs[None])
    np.testing.assert_allclose(outputs[0].detach().numpy(), states, rtol=1e-12)
    state = torch.zeros(1, 1, dtype=torch.float64)
    for x in inputs:
        state = torch.nn.GRUCell.forward(flip_update_gate(cell), x[None], state)
    np.testing.assert_allclose(state.detach().numpy()[0], states[-1], rtol=1e-12)
    assert ((keep > 0.0) & (keep < 1.0)).all()
