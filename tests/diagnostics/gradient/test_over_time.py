"""The uses of the weights step by step: they add up to the gradient."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from tests.tolerances import GRADIENTS, assert_agree
from torch.nn.utils.rnn import pack_padded_sequence

import nurt.nn
from nurt.diagnostics import record, step_contributions
from nurt.errors import NurtValueError
from nurt.nn import Recurrent
from nurt.nn.unrolling import kernel_cell

CLOSE = GRADIENTS[torch.float64]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_contributions_add_up_to_the_gradient(any_cell: Any, reverse: bool) -> None:
    layer, x = Recurrent(any_cell, reverse=reverse), torch.randn(3, 7, 3, dtype=torch.float64)
    with record(layer) as seen:
        outputs, final = layer(x, lengths=[4, 7, 0])
        loss = outputs.square().sum() + final.hidden.sum()
        (loss + final.cell.square().sum() if hasattr(final, "cell") else loss).backward()
    (found,) = seen.layers
    known = kernel_cell(any_cell)
    weights = dict(any_cell.named_parameters()) if known is None else known.weights._asdict()
    present = {name: weight for name, weight in weights.items() if weight is not None}
    parts = step_contributions(found, keep=list(present))
    for name, weight in present.items():
        assert_agree(parts.gradients[name], weight.grad, CLOSE, name)
        assert_agree(parts.tensors[name].sum(0), weight.grad, CLOSE, f"sum of the uses of {name}")
        norms = torch.linalg.vector_norm(parts.tensors[name].flatten(1), dim=1)
        assert_agree(parts.norms[name], norms, CLOSE, f"norms of {name}")


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_they_add_up_in_every_layer_and_direction_of_packed_rows(kind: str) -> None:
    layer = getattr(torch.nn, kind)(2, 4, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    packed = pack_padded_sequence(
        torch.randn(3, 6, 2, dtype=torch.float64), [2, 6, 5], batch_first=True, enforce_sorted=False
    )
    with record(layer) as seen:
        layer(packed)[0].data.square().sum().backward()
    for found in seen.layers:
        suffix = f"_l{found.id.layer}{'_reverse' if found.id.direction == 'backward' else ''}"
        for name, gradient in step_contributions(found).gradients.items():
            assert_agree(gradient, layer.get_parameter(name + suffix).grad, CLOSE, name + suffix)


def test_each_step_contributes_its_own_use() -> None:
    layer = nurt.nn.Recurrent(nurt.nn.LinearCell(1, 1)).double()
    with torch.no_grad():
        for name, parameter in layer.cell.named_parameters():
            parameter.fill_({"weight_ih": 1.0, "weight_hh": 0.5}.get(name, 0.0))
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).view(1, 3, 1)
    with record(layer) as seen:
        layer(x)[0][:, -1].sum().backward()
    # h_3 = x_3 + w (x_2 + w x_1): uses of the input weight at 1, 2, 3; of w with h_0 = 0, h_1 = 1, h_2 = 2.5.
    parts = step_contributions(seen.layer(), keep=["weight_ih", "weight_hh"])
    assert parts.tensors["weight_ih"].flatten().tolist() == [0.25, 1.0, 4.0]
    assert parts.tensors["weight_hh"].flatten().tolist() == [0.0, 0.5, 2.5]
    assert parts.share("weight_hh", 1) == pytest.approx(2.5 / 3)
    assert "share of the last 1 of 3 steps" in str(parts)
    assert "weight_hh 83 %" in str(parts)
    assert json.loads(json.dumps(parts.to_dict()))["norms"]["weight_hh"] == [0.0, 0.5, 2.5]
    assert len(parts.plot().data) == 4
    with pytest.raises(NurtValueError, match="no such weight"):
        step_contributions(seen.layer(), keep=["weight_hr"])
