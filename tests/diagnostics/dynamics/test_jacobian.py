"""Step Jacobians are the derivatives they claim to be, and their products neither overflow nor lose their ends."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.diagnostics.conftest import drawn
from tests.tolerances import GRADIENTS, STEP_DERIVATIVES, assert_agree
from torch import Tensor

from nurt.diagnostics import jacobian_products, observe, passage, step_jacobians
from nurt.errors import NonFiniteError, NurtValueError
from nurt.nn import ElmanCell, LinearCell, build, unroll


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


def test_a_linear_network_has_powers_of_its_weights() -> None:
    cell = drawn("linear", 2, 4)
    products = jacobian_products(step_jacobians(passage(cell, torch.randn(1, 30, 2, dtype=torch.float64))))
    for place, lag in enumerate(products.lags):
        power = torch.linalg.matrix_power(cell.weight_hh.detach(), lag)
        found = products.direction[0, place] * products.log_norm[0, place].exp()
        assert torch.allclose(found, power, rtol=1e-11, atol=1e-11 * float(power.abs().max()))
        assert float(products.log_largest[0, place]) == pytest.approx(
            math.log(torch.linalg.matrix_norm(power, 2)), abs=1e-11
        )


@pytest.mark.parametrize("w", [2.0, 4.5, 5.0, 6.0])
def test_on_the_ridge_of_the_cliff_products_are_powers_of_the_multiplier(w: float) -> None:
    cell = ElmanCell(1, 1, nonlinearity="sigmoid").double()
    start = torch.sigmoid(torch.tensor(0.5, dtype=torch.float64))
    with torch.no_grad():
        cell.weight_ih.zero_(), cell.bias_hh.zero_(), cell.weight_hh.fill_(w)
        cell.bias_ih.copy_(0.5 - w * start)
    run = passage(cell, torch.zeros(1, 50, 1, dtype=torch.float64), (start.view(1, 1),))
    products = jacobian_products(step_jacobians(run))
    multiplier = math.log(w * float(start * (1 - start)))
    expected = torch.tensor([lag * multiplier for lag in products.lags], dtype=torch.float64)
    assert torch.allclose(products.log_largest[0], expected, rtol=1e-11, atol=1e-11)
    assert torch.allclose(products.log_smallest[0], expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_product_over_all_steps_takes_the_last_gradient_to_the_first_state(any_cell: Any, reverse: bool) -> None:
    lengths = [6, 1, 4]
    inputs = torch.randn(3, 6, 3, dtype=torch.float64)
    products = jacobian_products(step_jacobians(passage(any_cell, inputs, lengths=lengths, reverse=reverse)))
    start = any_cell.initial_state(3)
    start = type(start)(*(field.clone().requires_grad_() for field in start))
    _, final = unroll(any_cell, inputs, start, lengths, reverse)
    weights = [torch.randn_like(field) for field in final]
    loss = sum((field * weight).sum() for field, weight in zip(final, weights, strict=True))
    expected = torch.cat(torch.autograd.grad(loss, tuple(start)), dim=-1)
    e = torch.cat(weights, dim=-1)
    found = torch.stack(
        [
            products.log_norm[row, length - 1].exp() * products.direction[row, length - 1].T @ e[row]
            for row, length in enumerate(lengths)
        ]
    )
    assert_agree(found, expected, GRADIENTS[torch.float64], "the gradient of the initial state")
    for row, length in enumerate(lengths):
        assert products.log_largest[row, length:].isnan().all()
        assert (products.direction[row, length:] == 0).all()


def scaled(weight: Tensor, steps: int) -> Any:
    """Return the products of a linear network with these recurrent weights."""
    cell = LinearCell(1, len(weight)).double()
    with torch.no_grad():
        cell.weight_hh.copy_(weight)
        cell.weight_ih.zero_(), cell.bias_ih.zero_(), cell.bias_hh.zero_()
    run = passage(cell, torch.zeros(1, steps, 1, dtype=torch.float64))
    return jacobian_products(step_jacobians(run), lags=[steps])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=4), st.integers(1, 400))
def test_no_product_overflows_and_both_ends_keep_their_digits(diagonal: list[float], steps: int) -> None:
    turn = torch.linalg.qr(torch.randn(len(diagonal), len(diagonal), dtype=torch.float64))[0]
    weight = turn @ torch.tensor(diagonal, dtype=torch.float64).diag() @ turn.T
    products = scaled(weight, steps)
    values = torch.linalg.svdvals(weight).log()
    # The eigenvalues of the rounded matrix are known to a few units of rounding of its norm.
    slack = steps * 1e-14 * float((values[0] - values[-1]).exp())
    assert float(products.log_largest) == pytest.approx(float(steps * values[0]), rel=1e-11, abs=1e-11 * steps)
    assert float(products.log_smallest) == pytest.approx(
        float(steps * values[-1]), rel=1e-11, abs=slack + 1e-11 * steps
    )


def test_a_factor_that_is_singular_has_no_smallest_value_and_a_product_may_vanish() -> None:
    nilpotent = torch.tensor([[0.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    one, two = scaled(nilpotent, 1), scaled(nilpotent, 2)
    assert float(one.log_largest) == pytest.approx(math.log(2.0), abs=1e-15)
    assert float(one.log_smallest) == float(two.log_largest) == float(two.log_norm) == -math.inf
    assert (two.direction == 0).all()
    assert "10^-inf" in str(two)
    json.dumps(two.to_dict(), allow_nan=False)


def test_distances_that_do_not_fit_are_refused() -> None:
    jacobians = step_jacobians(passage(drawn("gru", 2, 3), torch.randn(2, 4, 2, dtype=torch.float64)))
    assert jacobian_products(jacobians, lags=[4, 1]).lags == (1, 4)
    for wrong in ([], [0], [5]):
        with pytest.raises(NurtValueError, match="T=4"):
            jacobian_products(jacobians, lags=wrong)


def test_results_tell_themselves_in_words_json_and_pictures() -> None:
    model = build("lstm", 2, 3, num_layers=2, bidirectional=True)
    for run in observe(model, torch.randn(4, 9, 2), lengths=[9, 3, 0, 5]):
        jacobians = step_jacobians(run)
        products = jacobian_products(jacobians)
        assert "3 hidden and 3 cell units" in str(jacobians)
        assert str(run.id) in str(products) and "over 9 steps" in str(products)
        for result in (jacobians, products):
            assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["id"]["module"] == ""
            assert len(result.plot().data) >= 3
    assert products.curves["rate"].rows.tolist() == [3, 3, 3, 2, 2, 1, 1, 1, 1]
