"""What gates at an end of their range do, by gate, side and convention of the cell; half-lives; idle units."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.examination.networks import Last, biased, diagonal, told
from torch import nn

import nurt.nn
from nurt.diagnostics import (
    GateStatistics,
    LayerFindings,
    LayerId,
    Saturation,
    Scope,
    UnitMemory,
    UnitStatistics,
    examine,
)
from nurt.diagnostics.examination.on_gates import idle, memory, saturation
from nurt.standing import Standing

GATES = Scope(("gates", "memory"))
HERE = LayerId("layer", 0, "forward")
PLAIN = LayerFindings(HERE, "lstm", 60)
OPEN, CLOSED = 5.0, -5.0


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def said(layer: nn.Module, width: int = 6) -> list[tuple[str, str]]:
    return told(examine(Last(layer, width), torch.randn(4, 30, 1), scope=GATES), "saturation")


def recurrent(kind: str, gates: dict[int, float]) -> nurt.nn.Recurrent:
    """Return a layer of a cell with no weights but the biases of its gates, by block of the order of the cell."""
    cell = getattr(nurt.nn, kind)(1, 6)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            if "weight_hh" in name or name.startswith(("bias", "weight_c")):
                parameter.zero_()
        for block, bias in gates.items():
            cell.weight_ih[block * 6 : (block + 1) * 6] = 0.0
            cell.bias_ih[block * 6 : (block + 1) * 6] = bias
    return nurt.nn.Recurrent(cell)


KEEPS, FORGETS = "the state is kept from step to step", "the state is forgotten at every step"
CASES: list[tuple[Any, str, str, str]] = [
    (lambda: biased("LSTM", {1: OPEN}), "note", "forget gate is open 100 %", KEEPS),
    (lambda: biased("LSTM", {1: CLOSED}), "warning", "forget gate is closed 100 %", FORGETS),
    (lambda: biased("LSTM", {0: CLOSED}), "warning", "input gate is closed", "hardly anything new is taken"),
    (lambda: biased("LSTM", {0: OPEN}), "note", "input gate is open", "every candidate is taken in whole"),
    (lambda: biased("LSTM", {2: OPEN}), "warning", "candidate is saturated", "the slope of tanh is near 0"),
    (lambda: biased("LSTM", {3: CLOSED}), "warning", "output gate is closed", "hidden from the outside"),
    (lambda: biased("LSTM", {3: OPEN}), "note", "output gate is open", "the state is shown as it is"),
    # z_t multiplies h_{t-1} in torch's GRU: open keeps.
    (lambda: biased("GRU", {1: OPEN}), "note", "update gate is open", KEEPS),
    (lambda: biased("GRU", {1: CLOSED}), "warning", "update gate is closed", "larger bias"),
    (lambda: biased("GRU", {0: CLOSED}), "note", "reset gate is closed", "does not see the previous state"),
    (lambda: biased("GRU", {0: OPEN}), "note", "reset gate is open", "sees the whole previous state"),
    (lambda: recurrent("ResetBeforeGRUCell", {1: OPEN}), "note", "update gate is open", KEEPS),
    (lambda: recurrent("ResetBeforeGRUCell", {1: CLOSED}), "warning", "update gate is closed", FORGETS),
    # z_t multiplies the candidate in a minGRU: closed keeps.
    (lambda: diagonal("MinGRUCell", CLOSED), "note", "update gate is closed", KEEPS),
    (lambda: diagonal("MinGRUCell", OPEN), "warning", "update gate is open", "smaller bias"),
    (lambda: recurrent("PeepholeLSTMCell", {1: OPEN}), "note", "forget gate is open", KEEPS),
    (lambda: recurrent("PeepholeLSTMCell", {1: CLOSED}), "warning", "forget gate is closed", FORGETS),
    # The input gate of a CIFG is one minus its forget gate.
    (lambda: recurrent("CIFGLSTMCell", {0: OPEN}), "note", "forget gate is open", "little of each new input enters"),
    (lambda: recurrent("CIFGLSTMCell", {0: CLOSED}), "warning", "forget gate is closed", FORGETS),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_each_gate_at_each_side_is_told_for_what_it_does(case: int) -> None:
    layer, level, state, effect = CASES[case]
    found = said(layer())
    assert len(found) == 1, found
    assert found[0][0] == level
    assert state in found[0][1] and effect in found[0][1]
    if effect is KEEPS:
        assert "passes" in found[0][1] and "learn slowly" in found[0][1]


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_gates_in_the_middle_are_not_mentioned(kind: str) -> None:
    assert said(biased(kind, {0: 0.0, 1: 1.0, 2: 0.0})) == []
    assert said(diagonal("MinGRUCell", 0.5)) == []


def test_harm_and_no_harm_are_told_apart() -> None:
    found = said(biased("LSTM", {0: CLOSED, 1: OPEN, 3: OPEN}))
    assert [level for level, _ in found] == ["warning", "note"]
    assert "input gate" in found[0][1] and "forget" not in found[0][1]
    assert "forget gate" in found[1][1] and "output gate" in found[1][1]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_units_at_the_ends_of_tanh_are_warned_of_and_those_of_relu_are_not(nonlinearity: str) -> None:
    layer = nn.RNN(1, 6, batch_first=True, nonlinearity=nonlinearity)
    assert not said(layer)
    with torch.no_grad():
        layer.bias_ih_l0.fill_(5.0)
    found = examine(Last(layer, 6), torch.randn(4, 30, 1), scope=GATES)
    bounded = nonlinearity == "tanh"
    assert bool(told(found, "saturation")) == bool(told(found, "idle")) == bounded
    if bounded:
        assert "the slope of their activation is near 0" in told(found, "saturation")[0][1]


def gates(left: float, right: float, dead: bool = False) -> GateStatistics:
    one = Saturation(np.full(2, left), np.full(2, right), np.full(2, 0.5))
    units = UnitStatistics(np.zeros(2), np.zeros(2, bool), np.array([dead, False]))
    return GateStatistics(HERE, 0.1, 0.9, 0.9, {"forget": one}, units, {})


def test_saturation_begins_at_its_threshold() -> None:
    assert saturation(PLAIN) == saturation(dataclasses.replace(PLAIN, gates=gates(0.9, 0.0))) == []
    assert saturation(dataclasses.replace(PLAIN, gates=gates(0.5, 0.4))) == []
    (closed,) = saturation(dataclasses.replace(PLAIN, gates=gates(0.95, 0.0)))
    assert "closed 95 %" in closed.text.en and closed.level is Standing.WARNING
    (opened,) = saturation(dataclasses.replace(PLAIN, gates=gates(0.0, 0.92)))
    assert "open 92 %" in opened.text.en and opened.level is Standing.NOTE
    assert "otwarta" in opened.text.pl and "92 %" in opened.text.pl


def remembering(half_life: float) -> UnitMemory:
    empty = torch.zeros(1, 60, 2)
    return UnitMemory(HERE, "forget", np.full(2, np.log(0.5) / half_life), empty, empty[..., 0])


def test_memory() -> None:
    short, long = (memory([dataclasses.replace(PLAIN, memory=remembering(one))]) for one in (2.0, 60.0))
    assert short is not None and long is not None
    assert short.level == "warning"
    assert "after 2 steps" in short.text.en
    assert "less than 0.01 %" in short.text.en and "mniej niż 0,01 %" in short.text.pl
    assert long.level == "note"
    assert memory([PLAIN]) is None


def test_idle() -> None:
    assert idle(PLAIN) is idle(dataclasses.replace(PLAIN, gates=gates(0.0, 0.0))) is None
    found = idle(dataclasses.replace(PLAIN, gates=gates(0.0, 0.0, dead=True)))
    assert found is not None and "1 of 2 units are zero" in found.text.en
