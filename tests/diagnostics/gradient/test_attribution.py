"""Attribution of outputs to inputs: closed forms, completeness, and a model that is left as it was."""

from __future__ import annotations

import json
import math

import pytest
import torch
from tests.diagnostics.conftest import drawn
from torch import Tensor, nn

from nurt.diagnostics import attribute
from nurt.errors import NonFiniteError, NurtTypeError, NurtValueError, ShapeError
from nurt.nn import GRU, LSTM, AbstractCell, unroll

B, T, INPUT = 3, 6, 2


def inputs(size: int = INPUT) -> Tensor:
    return torch.randn(B, T, size, dtype=torch.float64)


class Reader(nn.Module):
    def __init__(self, layer: nn.Module, units: int, outputs: int) -> None:
        super().__init__()
        self.layer, self.drop, self.head = layer, nn.Dropout(0.5), nn.Linear(units, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.layer(x)[0][:, -1]))


def test_a_linear_network_is_exact_with_one_point() -> None:
    cell, head, x, start = drawn("linear", 2, 4), nn.Linear(4, 3).double(), inputs(), inputs()
    found = attribute(lambda given: head(unroll(cell, given)[0][:, -1]), x, target=2, baseline=start, points=1)
    rows = [head.weight[2] @ torch.linalg.matrix_power(cell.weight_hh, T - 1 - s) @ cell.weight_ih for s in range(T)]
    expected = (x - start) * torch.stack(rows).detach()
    assert torch.allclose(found.integrated, expected, rtol=1e-11, atol=1e-12)
    assert torch.allclose(found.slope, expected, rtol=1e-11, atol=1e-12)
    assert found.relative_gap < 1e-12


def test_a_square_is_halved_and_takes_the_slope_twice() -> None:
    x = inputs()
    found = attribute(lambda given: given.square().sum(dim=(1, 2)), x, points=1)
    assert torch.allclose(found.integrated, x.square(), rtol=1e-13)
    assert torch.allclose(found.slope, 2 * x.square(), rtol=1e-13)


@pytest.mark.parametrize("points", [1, 2, 3, 7])
def test_the_rule_is_exact_up_to_twice_its_points(points: int) -> None:
    x = inputs()

    def power(degree: int) -> float:
        return attribute(lambda given: given.pow(degree).sum(dim=(1, 2)), x, points=points).relative_gap

    assert power(2 * points) < 1e-12
    assert power(2 * points + 2) > 1e-9


def test_every_cell_is_complete(any_cell: AbstractCell) -> None:
    torch.manual_seed(0)
    x = inputs(3)
    found = attribute(
        lambda given: unroll(any_cell, given)[0][:, -1],
        x,
        target=lambda last: last.square().sum(dim=1),
        baseline=x + 0.3 * torch.randn_like(x),
        points=64,
    )
    change = found.values - found.baseline_values
    assert torch.allclose(found.by_step.sum(dim=1), change + found.gap, rtol=1e-12, atol=1e-14)
    # The path of a ReLU has kinks, which no rule for smooth functions takes.
    assert found.relative_gap < (0.05 if getattr(any_cell, "nonlinearity", "") == "relu" else 1e-6)


def test_saturated_inputs_have_a_slope_of_nothing_and_an_attribution() -> None:
    x = torch.full((1, 1, 1), 20.0, dtype=torch.float64)
    found = attribute(lambda given: torch.tanh(given[:, 0, 0]), x, points=64)
    assert abs(float(found.slope)) < 1e-14
    assert float(found.integrated) == pytest.approx(math.tanh(20.0), rel=1e-3)


def test_a_single_number_by_function_and_by_position_agree() -> None:
    model, x = Reader(GRU(INPUT, 4, batch_first=True), 4, 3).double(), inputs()
    by_number, by_function = attribute(model, x, target=1), attribute(model, x, target=lambda said: said[:, 1])
    assert torch.equal(by_number.integrated, by_function.integrated)
    single = attribute(lambda given: model.eval()(given)[:, 1], x)
    assert torch.equal(single.integrated, by_number.integrated)


def test_the_model_is_left_as_it_was() -> None:
    model = Reader(LSTM(INPUT, 4, batch_first=True), 4, 1)
    model(torch.randn(B, T, INPUT)).sum().backward()
    before = [(one, one.clone(), one.grad.clone()) for one in model.parameters() if one.grad is not None]
    x = torch.randn(B, T, INPUT)
    first, again = attribute(model, x), attribute(model, x)
    assert torch.equal(first.integrated, again.integrated), "nothing is dropped"
    assert model.training and model.drop.training
    assert all(torch.equal(one, old) and torch.equal(one.grad, grad) for one, old, grad in before)
    assert x.grad is None
    with torch.no_grad():
        assert torch.equal(attribute(model, x).integrated, first.integrated)


def test_it_prints_draws_and_turns_into_json() -> None:
    found = attribute(lambda x: 3 * x[:, 4, 1] + x[:, 5, 0] * 0.01, torch.ones(B, T, INPUT))
    assert "feature 1 of step 4" in str(found)
    assert "the last 2 steps" in str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.to_dict()["by_step"]["mean"] == pytest.approx([0, 0, 0, 0, 3, 0.01])
    assert found.plot().data
    nothing = attribute(lambda x: x.sum(dim=(1, 2)) * 0, torch.ones(B, T, INPUT))
    assert "no input moves the output" in str(nothing)
    assert nothing.to_dict()["relative_gap"] is None


def test_what_does_not_fit_is_refused() -> None:
    x, layer = torch.randn(B, T, INPUT), LSTM(INPUT, 4, batch_first=True)
    cases = [
        (layer, x, {}, ShapeError, "one number per row"),
        (layer, x, {"target": lambda said: said[0]}, ShapeError, "one number per row"),
        (lambda given: given[:, -1], x, {"target": 2}, NurtValueError, "no such output"),
        (lambda given: given[:, -1].detach(), x, {}, NurtValueError, "cannot be differentiated"),
        (lambda given: given[:, -1], x.long(), {}, NurtTypeError, "embeddings"),
        (lambda given: given[:, -1], x[0], {}, ShapeError, r"no \(B, T, I\)"),
        (lambda given: given[:, -1], x, {"points": 0}, NurtValueError, "points"),
        (lambda given: given[:, -1], x, {"baseline": torch.zeros(7)}, ShapeError, "baseline"),
        (lambda given: given[:, -1] / 0, x, {}, NonFiniteError, "not finite"),
    ]
    for model, given, options, error, words in cases:
        with pytest.raises(error, match=words):
            attribute(model, given, **options)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_layers_of_torch_on_a_gpu_are_attributed_in_evaluation_mode(kind: str) -> None:
    model = Reader(getattr(nn, kind)(INPUT, 4, batch_first=True), 4, 2).double().eval()
    x = inputs()
    expected = attribute(model, x, target=1)
    found = attribute(model.cuda(), x.cuda(), target=1)
    assert torch.allclose(found.integrated, expected.integrated, rtol=1e-9, atol=1e-12)
