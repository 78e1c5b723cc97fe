"""A record says in words, numbers and a picture what it holds; its rows are in the order of the batch."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree
from torch.nn.utils.rnn import pack_padded_sequence

import nurt.nn
from nurt.diagnostics import modules_of, record
from nurt.diagnostics.look.layer_record import observed_call
from nurt.errors import UnavailableError
from nurt.nn import Recurrent


def test_words_numbers_and_picture() -> None:
    layer = nurt.nn.LSTM(2, 3, batch_first=True)
    with record(layer) as seen:
        layer(torch.randn(2, 5, 2), lengths=[5, 3])[0][:, 2].sum().backward()
    found = seen.layer()
    assert str(found) == (
        "the model, layer 0, forward: lstm, 2 x 5 steps, 3 units; direct gradient at 1 of 5 steps, total at 3"
    )
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["norms"]["direct"][2] == pytest.approx(3**0.5)
    assert told["norms"]["hidden"][4] == pytest.approx(float(found.hidden[0, 4].norm()))
    assert [trace.name for trace in found.plot().data if trace.name] == ["total ‖dℓ/dh_t‖", "direct ‖e_t‖"]


@pytest.mark.parametrize("reverse", [False, True])
def test_gates_of_every_recurrence_make_its_states(any_cell: Any, reverse: bool) -> None:
    with record(layer := Recurrent(any_cell, reverse=reverse)) as seen:
        layer(torch.randn(3, 6, 3, dtype=torch.float64), lengths=[6, 4, 0])
    found = seen.layers[0]
    before, gates = found.steps.states_before(), found.gates
    inside = found.within.unsqueeze(-1)
    if found.cell is not None:
        write = gates["input"] if "input" in gates else 1 - gates["forget"]
        cell = torch.where(inside, gates["forget"] * before.cell + write * gates["candidate"], 0.0)
        assert_agree(cell, found.cell, OUTPUTS[torch.float64], "c_t")
    elif "update" in gates:
        made = (1 - gates["update"]) * gates["candidate"] + gates["update"] * before.hidden
        assert_agree(torch.where(inside, made, 0.0), found.hidden, OUTPUTS[torch.float64], "h_t")
    elif gates:
        for name, gate in gates.items():
            activated = (torch.tanh if name == "candidate" else torch.sigmoid)(found.pre_activations[name])
            assert_agree(torch.where(inside, activated, 0.0), gate, OUTPUTS[torch.float64], name)
        flat = type(before)(*(field.flatten(0, 1) for field in before))
        made = any_cell.step(found.inputs.flatten(0, 1), flat).hidden.view_as(found.hidden)
        assert_agree(torch.where(inside, made, 0.0), found.hidden, OUTPUTS[torch.float64], "h_t")
    elif found.recurrence:
        activation = {"linear": lambda a: a, "elman_relu": torch.relu, "elman_sigmoid": torch.sigmoid}
        made = activation.get(found.recurrence, torch.tanh)(found.pre_activations["hidden"])
        assert_agree(torch.where(inside, made, 0.0), found.hidden, OUTPUTS[torch.float64], "h_t")
    else:
        assert found.pre_activations == found.gates == {}


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_packed_rows_are_those_of_padded_ones(kind: str) -> None:
    layer = getattr(nurt.nn, kind)(2, 4, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    x, lengths = torch.randn(4, 6, 2, dtype=torch.float64), [2, 6, 1, 4]
    with record(layer) as seen:
        layer(x, lengths=lengths)[0].square().sum().backward()
        layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[
            0
        ].data.square().sum().backward()
    padded, packed = seen.layers[:4], seen.layers[4:]
    for one, other in zip(padded, packed, strict=True):
        assert one.id == other.id
        assert one.lengths.tolist() == other.lengths.tolist() == lengths
        for name in ("inputs", "hidden", "direct", "total"):
            assert_agree(getattr(other, name), getattr(one, name), OUTPUTS[torch.float64], name)
        for name, value in one.gates.items():
            assert_agree(other.gates[name], value, OUTPUTS[torch.float64], name)


def test_another_number_of_recurrences_is_refused() -> None:
    (found,) = modules_of(nurt.nn.GRU(2, 3))
    with pytest.raises(UnavailableError, match="did not run as expected"):
        observed_call(found, [], 0, None)


def test_a_gradient_of_the_final_cell_alone_counts_as_one_of_the_loss() -> None:
    layer = nurt.nn.LSTM(2, 3, batch_first=True)
    for factor in (1.0, 0.0):
        with record(layer) as seen:
            (factor * layer(torch.randn(2, 5, 2))[1][1]).sum().backward()
        assert seen.layer().reached_by_loss == bool(factor)
