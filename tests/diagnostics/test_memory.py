"""Half-lives of gates that are known, and what is retained against the derivative it stands for."""

from __future__ import annotations

import json

import pytest
import torch
from tests.diagnostics.test_gates import constant

import nurt.nn
from nurt.diagnostics import record, unit_memory
from nurt.errors import NurtValueError

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
