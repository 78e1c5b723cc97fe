"""Exported programs: with nurt's operator, and in torch's operators alone where nurt is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch import nn
from torch.export import Dim

import nurt.nn
from nurt.errors import NurtTypeError, UnavailableError
from nurt.nn.export import without_nurt

B, T, IN, H = 4, 6, 3, 5


class Model(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, lengths):
        outputs, state = self.layer(x, lengths=lengths)
        return outputs, *(state if isinstance(state, tuple) else (state,))


LAYERS = {
    "LSTM": lambda: nurt.nn.LSTM(IN, H, 2, batch_first=True, bidirectional=True),
    "GRU": lambda: nurt.nn.GRU(IN, H, batch_first=True, bias=False),
    "RNN": lambda: nurt.nn.RNN(IN, H, nonlinearity="relu", batch_first=True),
    "projection": lambda: nurt.nn.LSTM(IN, H, batch_first=True, proj_size=2),
    "peepholes": lambda: nurt.nn.Recurrent(nurt.nn.PeepholeLSTMCell(IN, H)),
    "leaky": lambda: nurt.nn.Recurrent(nurt.nn.LeakyElmanCell(IN, H), reverse=True),
    "zoneout": lambda: nurt.nn.GRU(IN, H, batch_first=True, regularisation=nurt.nn.Regularisation(zoneout_hidden=0.2)),
}


def exported(layer, **axes):
    rows = {0: Dim.DYNAMIC}
    example = torch.randn(B, T, IN), torch.tensor([6, 2, 3, 1])
    return torch.export.export(layer, example, dynamic_shapes=({**rows, **axes.get("x", {})}, rows))


@pytest.mark.parametrize("name", LAYERS)
def test_a_program_in_torchs_operators_alone_computes_the_same_for_other_batches(name):
    model = Model(LAYERS[name]()).eval()
    program = exported(model)
    assert any("nurt" in str(node.target) for node in program.graph.nodes)
    plain = without_nurt(program)
    assert not any("nurt" in str(node.target) for node in plain.graph.nodes)
    x, lengths = torch.randn(5, T, IN), torch.tensor([6, 1, 4, 0, 3])
    for one, other in zip(plain.module()(x, lengths), model(x, lengths), strict=True):
        assert_agree(one, other, OUTPUTS[torch.float32], name)


def test_the_plain_program_runs_where_nurt_is_not_installed_and_the_other_asks_for_it(tmp_path):
    model = Model(LAYERS["LSTM"]()).eval()
    program = exported(model)
    torch.export.save(program, tmp_path / "with.pt2")
    torch.export.save(without_nurt(program), tmp_path / "without.pt2")
    x, lengths = torch.randn(2, T, IN), torch.tensor([2, 6])
    torch.save((x, lengths), tmp_path / "inputs.pt")
    script = """
import sys, torch
assert sys.argv[1] == "with nurt" or not any(name.startswith("nurt") for name in sys.modules)
if sys.argv[1] == "with nurt":
    import nurt.nn
else:
    sys.modules["nurt"] = None
program = torch.export.load(sys.argv[2])
torch.save(program.module()(*torch.load("inputs.pt")), "outputs.pt")
"""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, *arguments], cwd=tmp_path, capture_output=True, text=True
        )

    for arguments in (("without nurt", "without.pt2"), ("with nurt", "with.pt2")):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        for one, other in zip(torch.load(tmp_path / "outputs.pt"), model(x, lengths), strict=True):
            assert_agree(one, other, OUTPUTS[torch.float32], arguments[0])
    assert "nurt" in run("without nurt", "with.pt2").stderr


def test_a_free_number_of_steps_packed_rows_and_what_is_no_program_are_refused():
    model = Model(LAYERS["GRU"]()).eval()
    with pytest.raises(UnavailableError, match="number of steps is free"):
        without_nurt(exported(model, x={1: Dim.DYNAMIC}))
    with pytest.raises(NurtTypeError, match=r"torch\.export\.export"):
        without_nurt(model)


def test_a_program_without_a_recurrent_layer_stays_the_same_object():
    program = torch.export.export(nn.Linear(3, 2), (torch.randn(4, 3),))
    assert without_nurt(program) is program
