"""Which rung runs the parts of a model."""

from __future__ import annotations

import json

import pytest
import torch

from nurt.errors import NurtTypeError, UnavailableError
from nurt.kernels import use
from nurt.nn import GRU, AbstractCell, LinearState, Recurrent, Stack, build, explain


@pytest.fixture(autouse=True)
def _no_forced_rung(monkeypatch):
    monkeypatch.delenv("NURT_RUNG", raising=False)


class Still(AbstractCell[LinearState]):
    def initial_state(self, batch):
        return LinearState(torch.zeros(batch, self.hidden_size))

    def step(self, x, state):
        return LinearState(state.hidden + 0 * x)


def test_every_recurrence_of_a_model_is_accounted_for_by_its_place():
    model = torch.nn.ModuleDict(
        {
            "encoder": Stack([Recurrent(Still(3, 3)), *build("linear", 3, 4).layers]),
            "decoder": GRU(4, 2, bidirectional=True, dtype=torch.float64),
            "head": torch.nn.Linear(4, 1),
        }
    )
    parts = explain(model, options=["ragged"]).parts
    assert {place: part.rung for place, part in parts.items()} == {
        "encoder.layers.0.cell": "reference",
        "encoder.layers.1.cell": "native",
        "decoder": "native",
    }
    assert parts["encoder.layers.0.cell"].recurrence is None
    assert (parts["decoder"].dtype, parts["decoder"].options) == ("float64", ("ragged", "reverse"))


def test_the_account_of_a_single_layer_is_named_after_it_and_is_json():
    account = explain(GRU(3, 5))
    assert str(account).startswith("GRU: gru on cpu, float32: runs on 'native'")
    assert json.loads(json.dumps(account.to_dict()))["parts"]["GRU"]["rung"] == "native"


def test_a_forced_rung_that_cannot_run_a_part_is_said_beforehand():
    with use("torch"), pytest.raises(UnavailableError, match="linear"):
        explain(build("linear", 3, 5))


def test_a_model_without_anything_recurrent_is_refused():
    with pytest.raises(NurtTypeError, match="got LSTM"):
        explain(torch.nn.LSTM(3, 5))
