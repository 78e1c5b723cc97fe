"""The gradient by lag, against autograd and closed forms: of hidden state, whole state and inputs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.conftest import drawn
from torch import Tensor

import nurt.nn
from nurt.diagnostics import gradient_by_lag, record
from nurt.diagnostics.gradient.by_lag import total_by_lag
from nurt.errors import NurtValueError
from nurt.nn import Recurrent


def linear(weight: float, width: int = 1, dtype: torch.dtype = torch.float64) -> Recurrent:
    """Return h_t = w h_{t-1} + x_t, unit by unit."""
    layer = Recurrent(nurt.nn.LinearCell(1, width)).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.cell.weight_ih.fill_(1.0)
        layer.cell.weight_hh.copy_(weight * torch.eye(width))
    return layer


def of_last_step(layer: Recurrent, inputs: Tensor, **options: Any) -> Any:
    with record(layer) as seen:
        layer(inputs)[0][:, -1].sum().backward()
    return gradient_by_lag(seen.layer(), **options)


def by_autograd(cell: Any, inputs: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean norms of the gradients of what each step reads, by the distance to the last, of its loss."""
    inputs = inputs.detach().requires_grad_()
    state, read = cell.initial_state(len(inputs)), []
    for x in inputs.unbind(1):
        # A node of its own for each field: the gradient of c is then not that by way of h.
        state = type(state)(*(one.clone().requires_grad_() for one in state))
        read.append(state)
        state = cell.step(x, state)
    loss = state.hidden.square().sum()
    fields = [one for before in read for one in before]
    found = torch.autograd.grad(loss, [inputs, *fields], allow_unused=True, materialize_grads=True)
    of_inputs, of_fields = found[0], found[1:]
    count = len(read[0])
    states = [torch.cat(of_fields[at * count : (at + 1) * count], dim=1).norm(dim=1).mean() for at in range(len(read))]
    return torch.stack(states).flip(0).numpy(), of_inputs.norm(dim=2).mean(0).flip(0).numpy()


@pytest.mark.parametrize("reverse", [False, True])
def test_of_a_loss_at_the_last_step_it_is_what_autograd_gives(any_cell: Any, reverse: bool) -> None:
    layer, inputs = Recurrent(any_cell, reverse=reverse), torch.randn(2, 6, 3, dtype=torch.float64)
    with record(layer) as seen:
        layer(inputs)[0][:, 0 if reverse else -1].square().sum().backward()
    (found,) = seen.layers
    norms = torch.linalg.vector_norm(found.gradients()[1], dim=-1).mean(0).numpy()
    state, read = by_autograd(any_cell, inputs.flip(1) if reverse else inputs)
    for one in (gradient_by_lag(found), total_by_lag(found, 0.01)):
        assert one.norms.mean == pytest.approx(norms if reverse else norms[::-1], rel=1e-12, abs=1e-15)
        assert one.state.mean == pytest.approx(state, rel=1e-10, abs=1e-15)
        assert one.inputs.mean == pytest.approx(read, rel=1e-10, abs=1e-15)
        assert one.id == found.id


def test_of_losses_at_all_steps_it_is_the_mean_over_one_loss_at_a_time() -> None:
    layer, x = Recurrent(drawn("lstm", 3, 5)), torch.randn(2, 6, 3, dtype=torch.float64)

    def recorded(keep: slice) -> Any:
        with record(layer) as seen:
            layer(x, lengths=[6, 4])[0][:, keep].square().sum().backward()
        return seen.layer()

    norms: dict[int, list[list[float]]] = {0: [[] for _ in range(6)], 1: [[] for _ in range(6)]}
    states: list[list[float]] = [[] for _ in range(6)]
    for target in range(6):
        single = recorded(slice(target, target + 1))
        total = torch.linalg.vector_norm(single.gradients()[1], dim=-1)
        for row, length in ((0, 6), (1, 4)):
            for lag in range(target + 1 if target < length else 0):
                norms[row][lag].append(float(total[row, target - lag]))
        if target >= 4:
            # Only the first row reaches so far.
            for lag, norm in enumerate(gradient_by_lag(single).state.mean):
                states[lag].append(float(norm))
    expected = [np.nanmean([np.mean(norms[row][lag]) for row in (0, 1) if norms[row][lag]]) for lag in range(6)]
    found = gradient_by_lag(recorded(slice(None)))
    assert found.norms.mean == pytest.approx(np.array(expected), rel=1e-12)
    assert found.norms.rows.tolist() == [2, 2, 2, 2, 1, 1]
    assert found.state.mean[4:] == pytest.approx([np.mean(states[4]), np.mean(states[5])], rel=1e-12)


def test_a_linear_recurrence_vanishes_holds_or_explodes_by_its_factor() -> None:
    vanishing = of_last_step(linear(0.5), torch.randn(3, 12, 1, dtype=torch.float64))
    assert vanishing.norms.median == pytest.approx(0.5 ** np.arange(12), rel=1e-13)
    assert vanishing.state.median == pytest.approx(0.5 ** np.arange(1, 13), rel=1e-13)
    assert vanishing.inputs.median == pytest.approx(0.5 ** np.arange(12), rel=1e-13)
    # 0.5^6 = 1.6 %, 0.5^7 = 0.8 %.
    assert (vanishing.course, vanishing.horizon, vanishing.furthest) == ("vanishes", 6, "state")
    assert vanishing.factor == pytest.approx(0.5, rel=1e-12)
    assert vanishing.last_lag.tolist() == [6.0] * 3
    assert "vanishes: ‖∂ℓ/∂s‖ of the whole state stays below 1 % of its maximum after lag 6" in str(vanishing)
    assert json.loads(json.dumps(vanishing.to_dict(), allow_nan=False))["horizon"] == 6
    assert len(vanishing.plot().data) == 6

    holding = of_last_step(linear(1.0), torch.randn(3, 12, 1, dtype=torch.float64))
    assert (holding.course, holding.horizon, holding.growth, holding.least) == ("holds", None, 1.0, 1.0)
    assert "longest there is" in str(holding)
    # Below a threshold that is never reached, and followed for a few steps only.
    assert of_last_step(linear(0.5), torch.randn(3, 12, 1).double(), threshold=1e-9).course == "holds"
    assert of_last_step(linear(0.5), torch.randn(3, 12, 1).double(), most_lags=3).lags == 3

    exploding = of_last_step(linear(1.25), torch.randn(3, 60, 1, dtype=torch.float64))
    assert exploding.course == "explodes"
    assert exploding.factor == pytest.approx(1.25, rel=1e-12)
    assert (exploding.growth, exploding.growth_steps) == (pytest.approx(1.25**60, rel=1e-12), 60)
    assert "explodes" in str(exploding) and "factor of 1.25 per step" in str(exploding)
    # By less than a factor of a hundred it only grows.
    assert of_last_step(linear(1.05), torch.randn(3, 60, 1).double()).course == "holds"


def test_growth_that_fades_again_is_none_that_explodes() -> None:
    layer = linear(0.9, 2)
    with torch.no_grad():
        layer.cell.weight_hh[0, 1] = 500.0
        layer.cell.weight_ih.copy_(torch.tensor([[1.0], [1.0]]))
    with record(layer) as seen:
        layer(torch.randn(2, 200, 1, dtype=torch.float64))[0][:, -1, 0].sum().backward()
    found = gradient_by_lag(seen.layer())
    # k 0.9^(k-1) is largest at 9 and at 10.
    assert found.growth > 100 and found.growth_steps in (9, 10)
    assert found.course == "vanishes"


def test_beyond_the_range_of_its_numbers_it_explodes() -> None:
    inputs = torch.zeros(3, 600, 1)
    inputs[:, -1] = 1.0
    found = of_last_step(linear(1.5, dtype=torch.float32), inputs, most_lags=600)
    # 1.5^k leaves the range of single precision at k = 219.
    assert (found.course, found.overflow) == ("explodes", 218)
    assert "not finite from lag 218" in str(found)
    assert found.factor == pytest.approx(1.5, rel=1e-5)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data
    # The squares of 1.5^120 = 1e21 are beyond it long before.
    assert found.state.median[119] == pytest.approx(1.5**120, rel=1e-3)


def test_one_odd_row_does_not_decide() -> None:
    # Leaky sums whose leak is an input: h_t = f h_{t-1} + …, f = 0.5 in all rows but one, where it is 1.
    layer = nurt.nn.LSTM(1, 2, batch_first=True).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_ih_l0[2:4] = 30.0
    inputs = torch.zeros(8, 40, 1, dtype=torch.float64)
    inputs[0] = 1.0
    with record(layer) as seen:
        layer(inputs)[0][:, -1].sum().backward()
    found = gradient_by_lag(seen.layer())
    assert found.horizon == 6
    assert found.last_lag.tolist() == [39.0] + [6.0] * 7
    assert found.state.high[20] > 100 * found.state.median[20]
    # The mean would say that it holds.
    assert found.state.mean[39] > 0.05 * found.state.mean[0]


def test_rows_without_a_gradient_have_no_say() -> None:
    layer = linear(0.5)
    with record(layer) as seen:
        layer(torch.randn(6, 12, 1, dtype=torch.float64))[0][:2, -1].sum().backward()
    for found in (gradient_by_lag(seen.layer()), total_by_lag(seen.layer(), 0.01)):
        assert found.horizon == 6
        assert found.state.rows.tolist() == [2] * 12
        assert np.isnan(found.last_lag).tolist() == [False] * 2 + [True] * 4


def test_what_the_state_does_not_carry_the_inputs_may_show() -> None:
    # A state that fades by 0.9 per step and an input gate that is open at the first step alone.
    layer = nurt.nn.LSTM(2, 1, batch_first=True).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0[0], layer.weight_ih_l0[0, 1] = -20.0, 30.0
        layer.bias_ih_l0[1] = float(torch.logit(torch.tensor(0.9)))
        layer.weight_ih_l0[2, 0] = 1.0
    inputs = torch.zeros(3, 80, 2, dtype=torch.float64)
    inputs[:, 0, 1] = 1.0
    with record(layer) as seen:
        layer(inputs)[0][:, -1].sum().backward()
    found = gradient_by_lag(seen.layer())
    assert found.last("state") == 43
    assert (found.furthest, found.horizon, found.course) == ("inputs", None, "holds")


def test_by_way_of_two_layers_the_inputs_are_those_of_autograd() -> None:
    layer = torch.nn.LSTM(2, 4, 2, batch_first=True, dtype=torch.float64)
    inputs = torch.randn(3, 9, 2, dtype=torch.float64).requires_grad_()
    with record(layer) as seen:
        layer(inputs)[0][:, -1].square().sum().backward()
    found = total_by_lag(seen.layer(), 0.01)
    assert inputs.grad is not None
    assert found.inputs.mean == pytest.approx(inputs.grad.norm(dim=2).mean(0).flip(0).numpy(), rel=1e-10)


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
    for found in (gradient_by_lag(seen.layer()), total_by_lag(seen.layer(), 0.01)):
        assert found.norms.mean == pytest.approx(norms, rel=1e-12)
        assert found.state.mean[0] > 0


def test_a_network_that_passes_nothing_on_vanishes_at_once() -> None:
    found = of_last_step(linear(0.0), torch.randn(2, 5, 1, dtype=torch.float64))
    assert (found.course, found.horizon, found.furthest) == ("vanishes", 0, "inputs")
    assert found.last("state") is None and np.isnan(found.factor)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data
