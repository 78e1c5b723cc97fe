"""The gradient by lag, against totals, against a linear recurrence and against one loss at a time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.conftest import drawn

import nurt.nn
from nurt.diagnostics import gradient_by_lag, record
from nurt.errors import NurtValueError
from nurt.nn import Recurrent


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
    assert "below 1\N{NO-BREAK SPACE}% of its maximum after lag 6" in str(found)
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
