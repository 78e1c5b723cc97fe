"""Options of a step: what they ask of a rung, and who refuses."""

from __future__ import annotations

import pytest
import torch

from nurt.errors import UnavailableError
from nurt.kernels import PLAIN, Request, StepOptions, explain, run_own_step
from nurt.kernels.reference.linear import LinearState
from nurt.kernels.rung import OPTIONS, STEP_OPTIONS
from nurt.kernels.torch_ops import RUNG as TORCH

EACH = {
    "zoneout": [StepOptions(keep_hidden=0.1), StepOptions(keep_cell=torch.ones(1, 1, 1))],
    "state_dropout": [StepOptions(hidden_mask=torch.ones(1, 1))],
    "gradient_clip": [StepOptions(gradient_clip=1.0)],
}


@pytest.mark.parametrize("name", EACH)
def test_an_option_has_the_name_a_request_knows(name):
    for options in EACH[name]:
        assert options.names == {name}
    assert name in OPTIONS
    assert not PLAIN.names


@pytest.mark.parametrize("name", STEP_OPTIONS)
def test_torchs_operators_refuse_each_option_by_name(name):
    refusal = TORCH.refuse(Request("lstm", "cpu", torch.float32, frozenset([name])))
    assert refusal == f"torch's operator has no {name}"
    assert explain("lstm", options=[name]).rung not in ("torch",)


def test_a_step_of_its_own_takes_zoneout_and_clipping_but_no_mask_before_a_product_it_hides():
    def step(x, state):
        return LinearState(x + state.hidden)

    inputs, start = torch.ones(2, 3, 1), LinearState(torch.zeros(2, 1))
    outputs, final = run_own_step(step, inputs, start, options=StepOptions(keep_hidden=0.5))
    assert outputs[0, :, 0].tolist() == [0.5, 1.0, 1.5]
    assert torch.equal(final.hidden, outputs[:, -1])
    with pytest.raises(UnavailableError, match="acts before W_hh"):
        run_own_step(step, inputs, start, options=StepOptions(hidden_mask=torch.ones(2, 1)))
