"""The paths of the gradient to the cell state add up, and the highway is the product of the forget gates."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from tests.diagnostics.conftest import drawn
from tests.diagnostics.recorded import walk

import nurt.nn
from nurt.diagnostics import cell_paths, highway_reach, record
from nurt.errors import NurtValueError
from nurt.nn import Recurrent


def recorded(name: str, reverse: bool, silent: bool = False) -> tuple[Any, Any, torch.Tensor]:
    cell, x = drawn(name, 3, 5), torch.randn(3, 7, 3, dtype=torch.float64)
    if silent:
        with torch.no_grad():
            cell.weight_hh.zero_()
    layer = Recurrent(cell, reverse=reverse)
    with record(layer) as seen:
        outputs, final = layer(x, lengths=[7, 4, 0])
        (outputs.square().sum() + final.cell.square().sum()).backward()
    return seen.layers[0], cell, x


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["lstm", "cifg_lstm"])
def test_the_parts_add_up(name: str, reverse: bool) -> None:
    found = cell_paths(recorded(name, reverse)[0])
    assert bool(found.total.any())
    assert found.residual <= 1e-14
    assert sum(found.share(part) for part in found.parts) == pytest.approx(1)
    assert all(float(torch.linalg.vector_norm(part)) > 0 for part in found.parts.values())
    assert "cell highway" in str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data


@pytest.mark.parametrize("reverse", [False, True])
def test_gates_that_do_not_read_the_state_leave_the_highway_alone(reverse: bool) -> None:
    record_, cell, x = recorded("lstm", reverse, silent=True)
    found = cell_paths(record_)
    assert float(found.gates.abs().max()) <= 1e-15
    reach = highway_reach(record_)
    assert reach.jacobian == pytest.approx(reach.product, rel=1e-12)
    start = cell.initial_state(3)
    start = start._replace(cell=torch.randn(3, 5, dtype=torch.float64).requires_grad_())
    final = walk(cell, x, [7, 4, 0], reverse=reverse, start=start).final.cell
    kept = record_.gates["forget"][0].prod(0)
    (gradient,) = torch.autograd.grad(final[0].sum(), start.cell)
    assert gradient[0].tolist() == pytest.approx(kept.tolist(), rel=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("row", [0, 1])
def test_the_jacobian_is_that_of_autograd(row: int, reverse: bool) -> None:
    record_, cell, x = recorded("lstm", reverse)
    by_hand = walk(cell, x, [7, 4, 0], reverse=reverse)
    found = highway_reach(record_, row)
    assert len(found.jacobian) == [7, 4][row]
    for place in range(len(found.jacobian)):
        rows = [
            torch.autograd.grad(unit, by_hand.cell[place], retain_graph=True, allow_unused=True)[0][row]
            for unit in by_hand.final.cell[row]
        ]
        assert found.jacobian[place] == pytest.approx(float(torch.linalg.matrix_norm(torch.stack(rows), 2)), rel=1e-12)
    assert found.product[0 if reverse else -1] == 1
    assert "the Jacobian over all paths" in str(found)
    assert len(found.plot().data) == 2


def test_what_has_no_highway_is_refused() -> None:
    for layer, words in (
        (nurt.nn.GRU(2, 3, batch_first=True), "no LSTM"),
        (nurt.nn.LSTM(2, 3, batch_first=True, gradient_clip=1.0), "options act"),
    ):
        with record(layer) as seen:
            layer(torch.randn(2, 5, 2))[0].sum().backward()
        with pytest.raises(NurtValueError, match=words):
            cell_paths(seen.layer())
    with pytest.raises(NurtValueError, match="nothing in this row"):
        highway_reach(recorded("lstm", reverse=False)[0], 2)
