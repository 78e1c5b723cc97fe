"""Step Jacobians are the derivatives they claim to be, and their products neither overflow nor lose their ends."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.diagnostics.conftest import drawn
from tests.tolerances import STEP_DERIVATIVES, assert_agree
from torch import Tensor

from nurt.diagnostics import passage, step_jacobians
from nurt.errors import NonFiniteError, NurtValueError


def by_jacrev(cell: Any, x: Tensor, before: tuple[Tensor, ...]) -> Tensor:
    """Return the Jacobian of one step of one row, (n, n), by torch.func."""
    kind, sizes = type(cell.initial_state(1)), [field.shape[-1] for field in before]

    def step(flat: Tensor) -> Tensor:
        after = cell.step(x.unsqueeze(0), kind(*(part.unsqueeze(0) for part in flat.split(sizes))))
        return torch.cat([field.squeeze(0) for field in after])

    return torch.func.jacrev(step)(torch.cat(before))


@pytest.mark.parametrize("reverse", [False, True])
def test_every_cell_by_another_way_of_differentiating(any_cell: Any, reverse: bool) -> None:
    inputs = torch.randn(3, 6, 3, dtype=torch.float64)
    run = passage(any_cell, inputs, lengths=[6, 1, 4], reverse=reverse)
    found = step_jacobians(run)
    before = run.states_before()
    for row, length in enumerate([6, 1, 4]):
        for place in range(length):
            expected = by_jacrev(any_cell, inputs[row, place], tuple(field[row, place] for field in before))
            assert_agree(found.values[row, place], expected, STEP_DERIVATIVES, "J")
        assert (found.values[row, length:] == 0).all()
        assert found.largest[row, length:].isnan().all()


def gates(cell: Any, x: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
    sums = cell.weight_ih @ x + cell.bias_ih + cell.weight_hh @ hidden + cell.bias_hh
    return sums.chunk(cell.recurrence.gates)


def linear_form(cell: Any, x: Tensor, hidden: Tensor) -> Tensor:
    return cell.weight_hh


def tanh_form(cell: Any, x: Tensor, hidden: Tensor) -> Tensor:
    (a,) = gates(cell, x, hidden)
    return (1 - a.tanh() ** 2).diag() @ cell.weight_hh


def gru_form(cell: Any, x: Tensor, hidden: Tensor) -> Tensor:
    w_r, w_z, w_n = cell.weight_hh.chunk(3)
    into_r, into_z, into_n = (cell.weight_ih @ x + cell.bias_ih).chunk(3)
    b_r, b_z, b_n = cell.bias_hh.chunk(3)
    r, z = torch.sigmoid(into_r + w_r @ hidden + b_r), torch.sigmoid(into_z + w_z @ hidden + b_z)
    u = w_n @ hidden + b_n
    n = torch.tanh(into_n + r * u)
    inner = r.diag() @ w_n + (u * r * (1 - r)).diag() @ w_r
    return z.diag() + ((hidden - n) * z * (1 - z)).diag() @ w_z + ((1 - z) * (1 - n**2)).diag() @ inner


def lstm_form(cell: Any, x: Tensor, hidden: Tensor, memory: Tensor) -> Tensor:
    a_i, a_f, a_g, a_o = gates(cell, x, hidden)
    i, f, g, o = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
    w_i, w_f, w_g, w_o = cell.weight_hh.chunk(4)
    squashed = torch.tanh(f * memory + i * g)
    c_h = (memory * f * (1 - f)).diag() @ w_f + (g * i * (1 - i)).diag() @ w_i + (i * (1 - g**2)).diag() @ w_g
    k = (o * (1 - squashed**2)).diag()
    h_h = (squashed * o * (1 - o)).diag() @ w_o + k @ c_h
    return torch.cat([torch.cat([h_h, k @ f.diag()], dim=1), torch.cat([c_h, f.diag()], dim=1)])


FORMS = {"linear": linear_form, "elman": tanh_form, "gru": gru_form, "lstm": lstm_form}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("batch, steps, hidden", [(2, 4, 5), (1, 1, 1), (3, 2, 1)])
def test_the_closed_forms_of_the_textbook(name: str, batch: int, steps: int, hidden: int) -> None:
    cell = drawn(name, 2, hidden)
    run = passage(cell, torch.randn(batch, steps, 2, dtype=torch.float64))
    found = step_jacobians(run).values
    before = run.states_before()
    with torch.no_grad():
        for row in range(batch):
            for place in range(steps):
                state = (field[row, place] for field in before)
                expected = FORMS[name](cell, run.inputs[row, place], *state)
                assert_agree(found[row, place], expected, STEP_DERIVATIVES, f"J of {name}")


def test_the_blocks_of_an_lstm_go_by_the_names_of_its_state() -> None:
    cell = drawn("lstm", 2, 3)
    found = step_jacobians(passage(cell, torch.randn(2, 4, 2, dtype=torch.float64)))
    assert found.fields == ("hidden", "cell")
    assert torch.equal(found.block("cell", "hidden"), found.values[..., 3:, :3])
    forget = found.block("cell", "cell")
    assert torch.equal(forget, torch.diag_embed(forget.diagonal(dim1=-2, dim2=-1)))
    with pytest.raises(NurtValueError, match="hidden or cell"):
        found.block("memory", "cell")


def test_states_that_are_not_finite_are_told() -> None:
    inputs = torch.randn(1, 3, 2, dtype=torch.float64)
    inputs[0, 1, 0] = torch.nan
    with pytest.raises(NonFiniteError, match="the derivatives of"):
        step_jacobians(passage(drawn("gru", 2, 3), inputs))
    # Past the end of a row it does not matter.
    assert torch.isfinite(step_jacobians(passage(drawn("gru", 2, 3), inputs, lengths=[1])).values).all()
