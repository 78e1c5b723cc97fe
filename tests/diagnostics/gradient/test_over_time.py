"""The gradient by lag, against totals and one loss at a time; the uses of the weights add up to the gradient."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.conftest import drawn
from tests.tolerances import GRADIENTS, assert_agree
from torch.nn.utils.rnn import pack_padded_sequence

import nurt.nn
from nurt.diagnostics import gradient_by_lag, record, step_contributions
from nurt.errors import NurtValueError
from nurt.nn import Recurrent
from nurt.nn.unrolling import kernel_cell

CLOSE = GRADIENTS[torch.float64]


@pytest.mark.parametrize("reverse", [False, True])
def test_of_a_loss_at_the_last_step_it_is_the_total_gradient(any_cell: Any, reverse: bool) -> None:
    layer = Recurrent(any_cell, reverse=reverse)
    with record(layer) as seen:
        outputs, _ = layer(torch.randn(2, 6, 3, dtype=torch.float64))
        outputs[:, 0 if reverse else -1].square().sum().backward()
    (found,) = seen.layers
    norms = torch.linalg.vector_norm(found.gradients()[1], dim=-1).mean(0).numpy()
    expected = norms if reverse else norms[::-1]
    assert gradient_by_lag(found).norms.mean == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_of_losses_at_all_steps_it_is_the_mean_over_one_loss_at_a_time() -> None:
    layer, x = Recurrent(drawn("lstm", 3, 5)), torch.randn(2, 6, 3, dtype=torch.float64)

    def recorded(keep: slice) -> Any:
        with record(layer) as seen:
            layer(x, lengths=[6, 4])[0][:, keep].square().sum().backward()
        return seen.layer()

    norms: dict[int, list[list[float]]] = {0: [[] for _ in range(6)], 1: [[] for _ in range(6)]}
    for target in range(6):
        total = torch.linalg.vector_norm(recorded(slice(target, target + 1)).gradients()[1], dim=-1)
        for row, length in ((0, 6), (1, 4)):
            for lag in range(target + 1 if target < length else 0):
                norms[row][lag].append(float(total[row, target - lag]))
    expected = [np.nanmean([np.mean(norms[row][lag]) for row in (0, 1) if norms[row][lag]]) for lag in range(6)]
    found = gradient_by_lag(recorded(slice(None)))
    assert found.norms.mean == pytest.approx(np.array(expected), rel=1e-12)
    assert found.norms.rows.tolist() == [2, 2, 2, 2, 1, 1]


def test_the_horizon_of_a_linear_recurrence() -> None:
    layer = Recurrent(nurt.nn.LinearCell(1, 1)).double()
    with torch.no_grad():
        layer.cell.weight_hh.fill_(0.5)
    with record(layer) as seen:
        layer(torch.randn(3, 12, 1, dtype=torch.float64))[0][:, -1].sum().backward()
    found = gradient_by_lag(seen.layer())
    assert found.norms.mean == pytest.approx(0.5 ** np.arange(12), rel=1e-13)
    # 0.5^6 = 1.6 %, 0.5^7 = 0.8 %.
    assert found.horizon == 6
    assert "below 1 % of its maximum after lag 6" in str(found)
    assert gradient_by_lag(seen.layer(), threshold=1e-9).horizon is None
    assert "longest there is" in str(gradient_by_lag(seen.layer(), most_lags=3))
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["horizon"] == 6
    assert found.plot().data


def test_what_has_no_gradient_to_follow_is_refused() -> None:
    layer = nurt.nn.LSTM(2, 3, batch_first=True)
    with record(layer) as seen:
        (layer(torch.randn(2, 5, 2))[0] * 0).sum().backward()
    with pytest.raises(NurtValueError, match="no gradient arrives"):
        gradient_by_lag(seen.layer())
    with pytest.raises(NurtValueError, match="out of range"):
        gradient_by_lag(seen.layer(), threshold=1.0)


def test_a_loss_on_the_final_cell_is_followed_too() -> None:
    layer = nurt.nn.LSTM(2, 3, batch_first=True, dtype=torch.float64)
    with record(layer) as seen:
        layer(torch.randn(2, 5, 2, dtype=torch.float64))[1][1].square().sum().backward()
    norms = torch.linalg.vector_norm(seen.layer().gradients()[1], dim=-1).mean(0).flip(0).numpy()
    assert norms[0] == 0
    assert gradient_by_lag(seen.layer()).norms.mean == pytest.approx(norms, rel=1e-12)


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
