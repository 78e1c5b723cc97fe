"""Fixed and slow points: closed forms, every cell, and the memories of a trained network."""

from __future__ import annotations

import json
import math

import pytest
import torch
from tests.diagnostics.conftest import drawn
from torch import Tensor

import nurt.nn
from nurt.data.synthetic import FlipFlop
from nurt.diagnostics import Passage, fixed_points, observe, passage
from nurt.errors import NonFiniteError, NurtValueError, ShapeError
from nurt.nn import AbstractCell, ElmanCell


def scalar(nonlinearity: str, weight: float, bias: float) -> ElmanCell:
    cell = ElmanCell(1, 1, nonlinearity=nonlinearity).double()
    with torch.no_grad():
        cell.weight_hh.fill_(weight), cell.weight_ih.fill_(1.0), cell.bias_ih.fill_(bias), cell.bias_hh.fill_(0.0)
    return cell


def started(cell: AbstractCell, *fields: Tensor) -> Passage:
    """Return a run of one step from each of the states."""
    return passage(cell, torch.zeros(len(fields[0]), 1, cell.input_size, dtype=fields[0].dtype), state=fields)


def test_a_linear_network_has_its_one_point_in_closed_form() -> None:
    cell, x = drawn("linear", 2, 4), torch.tensor([0.3, -1.2], dtype=torch.float64)
    with torch.no_grad():
        cell.weight_hh *= 0.4
        cell.weight_hh[0, 0] = 1.5
    found = fixed_points(passage(cell, torch.randn(3, 9, 2, dtype=torch.float64)), x)
    weights = dict(cell.named_parameters())
    bias = sum((one for name, one in weights.items() if "bias" in name), torch.zeros(4, dtype=torch.float64))
    expected = torch.linalg.solve(torch.eye(4) - cell.weight_hh, cell.weight_ih @ x + bias).detach()
    assert found.points.shape == (1, 4)
    assert torch.allclose(found.points[0], expected, rtol=1e-12, atol=1e-13)
    known = torch.linalg.eigvals(cell.weight_hh.detach()).abs().sort(descending=True).values
    assert torch.allclose(found.eigenvalues[0].abs(), known, rtol=1e-12)
    assert found.fixed.tolist() == [True]
    assert found.stable.tolist() == [False]
    assert found.ended.tolist() == [27]


def test_a_sigmoid_unit_on_the_ridge_has_three_points() -> None:
    ridge = 1 / (1 + math.exp(-0.5))
    cell = scalar("sigmoid", 5.0, 0.5 - 5 * ridge)
    found = fixed_points(started(cell, torch.linspace(0, 1, 33, dtype=torch.float64).unsqueeze(1)))
    points = sorted(zip(found.points[:, 0].tolist(), found.radii.tolist(), found.stable.tolist(), strict=True))
    expected = [(0.1156998, 0.5116, True), (ridge, 1.1750, False), (0.8011155, 0.7966, True)]
    for (point, slope, stable), (place, steepness, kind) in zip(points, expected, strict=True):
        assert point == pytest.approx(place, abs=5e-8)
        assert slope == pytest.approx(steepness, abs=5e-5)
        assert stable is kind
    assert int(found.ended.sum()) == 33
    assert "2 stable and 1 unstable fixed points, 0 slow" in str(found)


def test_where_two_points_have_just_vanished_the_state_is_slow() -> None:
    # The tangent of tanh(2 h + b) has slope 1 where the curve passes the diagonal at this distance.
    gap, tangent = 0.01, -math.sqrt(0.5)
    cell = scalar("tanh", 2.0, math.atanh(tangent) - 2 * (tangent - gap))
    run = started(cell, torch.linspace(-1, 1, 41, dtype=torch.float64).unsqueeze(1))
    found = fixed_points(run)
    assert found.fixed.tolist() == [True, False]
    assert found.points[1, 0].item() == pytest.approx(tangent - gap, abs=1e-5)
    assert found.speeds[1].item() == pytest.approx(gap, rel=1e-6)
    assert "1 stable and 0 unstable fixed points, 1 slow" in str(found)
    strict = fixed_points(run, slow=0.0)
    assert strict.fixed.tolist() == [True]
    assert strict.fast == int(found.ended[1])
    assert f"{strict.fast} starts ended at fast minima" in str(strict)


@pytest.mark.parametrize("reverse", [False, True])
def test_every_cell_stands_still_at_its_points(any_cell: AbstractCell, reverse: bool) -> None:
    with torch.no_grad():
        for parameter in any_cell.parameters():
            parameter *= 0.5
    run = passage(any_cell, torch.randn(3, 7, 3, dtype=torch.float64), lengths=[7, 4, 1], reverse=reverse)
    x = torch.tensor([0.5, -1.0, 0.2], dtype=torch.float64)
    found = fixed_points(run, x, starts=8)
    assert len(found) >= 1
    assert len(found.starts) == 8
    for point in range(len(found)):
        state = type(run.state)(*(one.unsqueeze(0) for one in found.state(point).values()))
        after = any_cell.step(x.unsqueeze(0), state)
        moved = torch.cat([new - old for new, old in zip(after, state, strict=True)], dim=1).norm()
        assert float(moved.detach()) == pytest.approx(float(found.speeds[point]), abs=1e-12)
    assert bool(found.fixed.any())
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.plot().data


def test_a_pair_of_hidden_and_cell_state_has_the_eigenvalues_of_the_whole() -> None:
    theirs = torch.nn.LSTMCell(2, 3).double()
    layer = nurt.nn.LSTM(2, 3, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": value for name, value in theirs.state_dict().items()})
    x = torch.tensor([0.4, 0.9], dtype=torch.float64)
    (run,) = observe(layer, torch.randn(4, 6, 2, dtype=torch.float64))
    found = fixed_points(run, x)
    assert found.fields == ("hidden", "cell")

    def step(state: Tensor) -> Tensor:
        return torch.cat(theirs(x, tuple(state.split(3))))

    jacobian = torch.func.jacrev(step)(found.points[0])
    known = torch.linalg.eigvals(jacobian.detach()).abs().sort(descending=True).values
    assert torch.allclose(step(found.points[0]), found.points[0], rtol=0, atol=1e-13)
    assert torch.allclose(found.eigenvalues[0].abs(), known, rtol=1e-10, atol=1e-13)


def test_weights_in_single_precision_give_points_in_double() -> None:
    cell = nurt.nn.GRUCell(2, 4)
    found = fixed_points(passage(cell, torch.randn(2, 5, 2)))
    assert found.points.dtype == torch.float64
    assert bool((found.speeds < 1e-14).all())
    assert all(one.dtype == torch.float32 for one in cell.parameters())


def test_a_search_that_is_cut_short_says_so() -> None:
    run = passage(drawn("gru", 2, 4), torch.randn(2, 5, 2, dtype=torch.float64))
    found = fixed_points(run, updates=1)
    assert (len(found), found.unsettled, found.fast) == (0, 10, 0)
    assert "10 did not converge" in str(found)
    assert found.plot().data


def test_what_does_not_fit_is_refused() -> None:
    cell = drawn("gru", 2, 3)
    run = passage(cell, torch.randn(2, 4, 2, dtype=torch.float64))
    for wrong in ({"starts": 0}, {"updates": 0}, {"slow": -1.0}, {"distance": -0.1}):
        with pytest.raises(NurtValueError, match="out of range"):
            fixed_points(run, **wrong)
    with pytest.raises(ShapeError, match="does not fit"):
        fixed_points(run, torch.zeros(3))
    with pytest.raises(NurtValueError, match="no step"):
        fixed_points(passage(cell, torch.zeros(2, 4, 2, dtype=torch.float64), lengths=[0, 0]))
    with pytest.raises(NonFiniteError, match="not finite"):
        fixed_points(passage(cell, torch.full((1, 3, 2), torch.nan, dtype=torch.float64)))


def test_a_network_that_holds_three_bits_has_eight_stable_points() -> None:
    torch.manual_seed(0)
    task = FlipFlop(3, 48, 0.1)
    lstm, head = nurt.nn.LSTM(3, 16, batch_first=True), torch.nn.Linear(16, 3)
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.02)
    for update in range(250):
        examples = task.draw(32, update)
        said = head(lstm(torch.from_numpy(examples.inputs).float())[0])
        loss = (said - torch.from_numpy(examples.targets)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1 * task.baseline_loss
    (run,) = observe(lstm, torch.from_numpy(task.draw(32, 999).inputs).float())
    found = fixed_points(run)
    memories = found.points[found.fixed & found.stable, :16]
    assert len(memories) == 8
    said = head(memories.float()).detach()
    assert len({tuple(row) for row in said.sign().int().tolist()}) == 8
    assert torch.allclose(said.abs(), torch.ones(8, 3), atol=0.3)
