"""The readable loop records what the engine records."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.tolerances import GRADIENTS, OUTPUTS, assert_agree
from torch import Tensor

import nurt.nn
from nurt.kernels import Recording, recording, use

LENGTHS = [3, 5, 0]


def recorded(layer: Any, rung: str, x: Tensor, lengths: list[int] | None) -> tuple[list[Recording], Any]:
    with recording() as records, use(rung):
        outputs, final = layer(x, lengths=lengths)
    return records, (outputs, *(final if isinstance(final, tuple) else (final,)))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_loop_and_engine_record_the_same(kind: str, lengths: list[int] | None) -> None:
    layer = getattr(nurt.nn, kind)(2, 4, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    x = torch.randn(3, 5, 2, dtype=torch.float64)
    found = []
    for rung in ("native", "reference"):
        records, results = recorded(layer, rung, x, lengths)
        sum(one.square().sum() for one in results).backward()
        found.append(records)
    assert [one.direction for one in found[0]] == [one.direction for one in found[1]]
    for engine, loop in zip(*found, strict=True):
        assert engine.recurrence == loop.recurrence
        read = torch.arange(5) < (torch.tensor([5] * 3 if lengths is None else lengths)).unsqueeze(1)
        assert_agree(engine.inputs[read], loop.inputs[read], OUTPUTS[torch.float64], "inputs")
        for name in ("hidden", "cell", "grad_outputs", "grad_hidden", "grad_cell"):
            one, other = getattr(engine, name), getattr(loop, name)
            assert (one is None) == (other is None), name
            if one is not None:
                assert_agree(one, other, (GRADIENTS if "grad" in name else OUTPUTS)[torch.float64], name)
        assert engine.grad_final.keys() == loop.grad_final.keys()
        for name, value in engine.grad_final.items():
            assert_agree(value, loop.grad_final[name], GRADIENTS[torch.float64], f"final {name}")
        for name, value in engine.initial.items():
            assert_agree(value, loop.initial[name], OUTPUTS[torch.float64], f"initial {name}")
        assert engine.weights is not None
        assert loop.weights is not None
        assert all(
            one is other or torch.equal(one, other) for one, other in zip(engine.weights, loop.weights, strict=True)
        )


@pytest.mark.parametrize("rung", ["native", "reference"])
def test_a_second_backward_writes_anew_and_leaves_no_trace_of_the_first(rung: str) -> None:
    layer, x = nurt.nn.LSTM(2, 4, 2, batch_first=True), torch.randn(3, 5, 2)
    (lower, upper), (outputs, _, _) = recorded(layer, rung, x, None)
    outputs.sum().backward(retain_graph=True)
    assert all(bool(one.grad_hidden.any(-1).all()) for one in (lower, upper))
    outputs[:, 1].sum().backward()
    for one in (lower, upper):
        assert bool(one.grad_hidden[:, :2].any(-1).all())
        assert not one.grad_hidden[:, 2:].any()
        assert not one.grad_outputs[:, 2:].any()


def test_between_layers_the_direct_gradient_has_passed_the_dropout() -> None:
    layer, x = nurt.nn.GRU(2, 6, 2, dropout=0.5, batch_first=True), torch.randn(3, 5, 2)
    (lower, upper), (outputs, _) = recorded(layer, "native", x, None)
    outputs.sum().backward()
    kept = upper.inputs != 0
    assert 0 < int(kept.sum()) < kept.numel()
    assert_agree(upper.inputs, torch.where(kept, lower.hidden * 2, 0.0), OUTPUTS[torch.float32], "dropped")
    assert bool((lower.grad_outputs[~kept] == 0).all())
    assert bool((lower.grad_outputs[kept] != 0).all())
