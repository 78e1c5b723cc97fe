"""Gates, saturation and dead units, against layers whose gates are known."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from tests.tolerances import OUTPUTS, assert_agree

import nurt.nn
from nurt.diagnostics import gate_statistics, record, unit_memory
from nurt.diagnostics.units.gates import carry_of
from nurt.errors import NurtValueError
from nurt.nn import Recurrent


def constant(kind: str, biases: dict[int, float], units: int = 3) -> Any:
    """Return a layer whose weights are zero and whose gates have the given biases, by block."""
    layer = getattr(nurt.nn, kind)(2, units, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        for block, bias in biases.items():
            layer.bias_ih_l0[block * units : (block + 1) * units] = bias
    return layer


def test_a_gate_of_zero_weights_is_the_sigmoid_of_its_bias() -> None:
    open_, closed = float(torch.logit(torch.tensor(0.95))), -3.0
    with record(layer := constant("LSTM", {1: open_, 3: closed})) as seen:
        layer(torch.randn(4, 6, 2, dtype=torch.float64), lengths=[6, 2, 0, 1])
    found = gate_statistics(seen.layer())
    assert found.gates["forget"].right.tolist() == [1.0] * 3
    assert found.gates["forget"].mean.tolist() == pytest.approx([0.95] * 3)
    assert found.gates["output"].left.tolist() == [1.0] * 3
    assert found.gates["input"].middle.tolist() == [1.0] * 3
    assert gate_statistics(seen.layer(), high=0.96).gates["forget"].right.tolist() == [0.0] * 3
    shares = "forget gate: below 0.1 0 %, above 0.9 100 % of the time, mean 0.950"
    assert shares in str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert len(found.plot().data) == 3


def test_shares_add_up(any_cell: Any) -> None:
    with record(layer := Recurrent(any_cell)) as seen:
        layer(torch.randn(4, 9, 3, dtype=torch.float64), lengths=[9, 3, 0, 5])
    found = gate_statistics(seen.layer())
    for name, one in found.gates.items():
        assert (one.left + one.middle + one.right).tolist() == pytest.approx([1.0] * 5), name
        values = found.values[name]
        assert not values[1, 3:].any()
        expected = torch.cat([values[0], values[1, :3], values[3, :5]])
        assert one.mean.tolist() == pytest.approx(expected.mean(0).tolist())
        assert one.left.tolist() == pytest.approx((expected < 0.1).double().mean(0).tolist())


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_gates_kept_by_the_engine_are_those_of_the_equations(kind: str) -> None:
    layer = getattr(nurt.nn, kind)(2, 3, batch_first=True, bidirectional=True, dtype=torch.float64)
    with record(layer) as seen:
        layer(torch.randn(4, 6, 2, dtype=torch.float64), lengths=[6, 2, 0, 1])
    for found in seen.layers:
        for name, value in found.pre_activations.items():
            expected = torch.tanh(value) if name == "candidate" else torch.sigmoid(value)
            expected = torch.where(found.within.unsqueeze(-1), expected, 0.0)
            assert_agree(found.gates[name], expected, OUTPUTS[torch.float64], name)


def test_dead_and_stuck_units_are_counted() -> None:
    layer = nurt.nn.RNN(2, 3, nonlinearity="relu", batch_first=True)
    with torch.no_grad():
        layer.bias_ih_l0[:] = torch.tensor([-100.0, 100.0, 1.0])
    with record(layer) as seen:
        layer(torch.rand(4, 6, 2), lengths=[6, 2, 1, 1])
    units = gate_statistics(seen.layer()).units
    assert units.dead.tolist() == [True, False, False]
    # A large ReLU is not saturated: its slope is 1.
    assert not units.stuck.any() and not units.saturated.any()
    assert "1 dead" in str(gate_statistics(seen.layer()))
    with pytest.raises(NurtValueError, match="thresholds"):
        gate_statistics(seen.layer(), low=0.9, high=0.1)


def test_saturated_units_stand_at_the_ends_of_their_activation() -> None:
    layer = nurt.nn.RNN(2, 3, batch_first=True)
    with torch.no_grad():
        layer.bias_ih_l0[:] = torch.tensor([-100.0, 100.0, 0.0])
    with record(layer) as seen:
        layer(0.1 * torch.rand(4, 6, 2), lengths=[6, 2, 1, 1])
    assert gate_statistics(seen.layer()).units.stuck.tolist() == [True, True, False]
    cell = nurt.nn.ElmanCell(2, 3, nonlinearity="sigmoid")
    with torch.no_grad():
        cell.bias_ih[:] = torch.tensor([-100.0, 100.0, 0.0])
    with record(layer := Recurrent(cell)) as seen:
        layer(0.1 * torch.rand(4, 6, 2))
    # σ = 0.5 is the middle of its range, and 0 an end of it.
    assert gate_statistics(seen.layer()).units.saturated.tolist() == [1.0, 1.0, 0.0]


def test_a_saturated_candidate_is_counted_apart() -> None:
    with record(layer := constant("LSTM", {2: 5.0})) as seen:
        layer(torch.randn(4, 6, 2, dtype=torch.float64), lengths=[6, 2, 0, 1])
    found = gate_statistics(seen.layer())
    assert found.candidate is not None and found.candidate.tolist() == [1.0] * 3
    assert "candidate: size above 0.9 100 % of the time" in str(found)
    with record(layer := constant("LSTM", {2: 1.0})) as seen:
        layer(torch.randn(4, 6, 2, dtype=torch.float64))
    assert gate_statistics(seen.layer()).candidate.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("cell", "gate", "keeps_when", "coupled"),
    [
        ("LSTMCell", "forget", "open", False),
        ("PeepholeLSTMCell", "forget", "open", False),
        ("LayerNormLSTMCell", "forget", "open", False),
        ("CIFGLSTMCell", "forget", "open", True),
        ("GRUCell", "update", "open", True),
        ("ResetBeforeGRUCell", "update", "open", True),
        ("MinGRUCell", "update", "closed", True),
        ("MinLSTMCell", "forget", "open", True),
    ],
)
def test_the_gate_that_carries_the_state_is_that_of_the_equations(
    cell: str, gate: str, keeps_when: str, coupled: bool
) -> None:
    with record(layer := Recurrent(getattr(nurt.nn, cell)(2, 3))) as seen:
        layer(torch.randn(4, 6, 2), lengths=[6, 2, 0, 1])
    carry = carry_of(seen.layer())
    assert carry is not None
    assert (carry.gate, carry.keeps_when, carry.coupled) == (gate, keeps_when, coupled)
    assert gate_statistics(seen.layer()).carry == carry


@pytest.mark.parametrize("cell", ["MinGRUCell", "MinLSTMCell"])
def test_a_diagonal_cell_keeps_the_share_that_its_state_shows(cell: str) -> None:
    layer = Recurrent(getattr(nurt.nn, cell)(2, 3).double())
    inputs = torch.randn(2, 5, 2, dtype=torch.float64)
    start = layer.cell.initial_state(2)._replace(hidden=torch.randn(2, 3, dtype=torch.float64).requires_grad_())
    with record(layer) as seen:
        outputs, _ = layer(inputs, start)
    (slope,) = torch.autograd.grad(outputs[:, -1].sum(), start.hidden)
    memory, found = unit_memory(seen.layer()), gate_statistics(seen.layer())
    assert memory.retained(5)[:, -1].flatten().tolist() == pytest.approx(slope.flatten().tolist(), rel=1e-12)
    values = found.values[memory.gate]
    kept = 1 - values if cell == "MinGRUCell" else values
    assert kept.prod(dim=1).flatten().tolist() == pytest.approx(slope.flatten().tolist(), rel=1e-9)


LOGIT = float(torch.logit(torch.tensor(0.99, dtype=torch.float64)))


@pytest.mark.parametrize(("kind", "block", "gate"), [("LSTM", 1, "forget"), ("GRU", 1, "update")])
def test_a_gate_at_99_percent(kind: str, block: int, gate: str) -> None:
    with record(layer := constant(kind, {block: LOGIT})) as seen:
        layer(torch.randn(2, 5, 2, dtype=torch.float64))
    found = unit_memory(seen.layer())
    assert found.gate == gate
    assert found.half_life.tolist() == pytest.approx([68.9676] * 3, abs=5e-5)
    assert found.time_constant.tolist() == pytest.approx([99.4992] * 3, abs=5e-5)
    assert found.retained(3)[0, 2:].flatten().tolist() == pytest.approx([0.99**3] * 9, rel=1e-12)
    assert "half-life by the" in str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data


def test_the_mean_is_that_of_the_logarithm() -> None:
    layer = constant("LSTM", {})
    with torch.no_grad():
        layer.weight_ih_l0[3:6, 0] = 1.0
    with record(layer) as seen:
        layer(torch.tensor([[[2.0, 0.0], [-2.0, 0.0]]], dtype=torch.float64))
    expected = torch.sigmoid(torch.tensor([2.0, -2.0], dtype=torch.float64)).log().mean()
    assert unit_memory(seen.layer()).rate.tolist() == pytest.approx([float(expected)] * 3, rel=1e-12)


def test_one_odd_row_does_not_decide_how_long_units_remember() -> None:
    layer = constant("LSTM", {})
    with torch.no_grad():
        layer.weight_ih_l0[3:6, 0] = 1.0
    inputs = torch.full((5, 4, 2), LOGIT, dtype=torch.float64)
    inputs[0] = -200.0
    with record(layer) as seen:
        layer(inputs, lengths=[4, 4, 3, 0, 1])
    assert unit_memory(seen.layer()).half_life.tolist() == pytest.approx([68.9676] * 3, abs=5e-5)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_what_is_retained_is_the_derivative_where_gates_do_not_read_the_state(direction: str) -> None:
    layer = nurt.nn.LSTM(2, 3, batch_first=True, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.weight_hh_l0_reverse.zero_()
    start = torch.zeros(2, 2, 3, dtype=torch.float64)
    cells = torch.randn(2, 2, 3, dtype=torch.float64).requires_grad_()
    lengths = [5, 3]
    with record(layer) as seen:
        _, (_, final) = layer(torch.randn(2, 5, 2, dtype=torch.float64), (start, cells), lengths=lengths)
    side = 1 if direction == "backward" else 0
    (gradient,) = torch.autograd.grad(final[side].sum(), cells)
    memory = unit_memory(seen.layer(direction=direction))
    for row, length in enumerate(lengths):
        share = memory.retained(length)[row]
        place = 0 if side else length - 1
        assert share[place].tolist() == pytest.approx(gradient[side, row].tolist(), rel=1e-12)
        # Nowhere else does the row reach so far back.
        assert bool(share.isnan()[[at for at in range(5) if at != place]].all())


def test_what_keeps_nothing_is_refused() -> None:
    with record(layer := nurt.nn.RNN(2, 3)) as seen:
        layer(torch.randn(5, 2, 2))
    with pytest.raises(NurtValueError, match="no gate"):
        unit_memory(seen.layer())
    with record(gru := nurt.nn.GRU(2, 3)) as seen:
        gru(torch.randn(5, 2, 2))
    with pytest.raises(NurtValueError, match="impossible lag"):
        unit_memory(seen.layer()).retained(6)
