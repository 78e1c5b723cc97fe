from __future__ import annotations

import pytest
import torch

from nurt.benchmarks.steps import CELLS, Shape, TrainingStep, twins


@pytest.mark.parametrize("cell", CELLS)
def test_twins_have_the_same_weights(cell: str) -> None:
    theirs, ours = twins(cell, 3, 5, num_layers=2)
    assert all(torch.equal(ours.state_dict()[name], value) for name, value in theirs.state_dict().items())


def test_a_step_gives_results_and_every_gradient_and_starts_from_none() -> None:
    module = torch.nn.Linear(3, 2)
    inputs = torch.randn(4, 3, requires_grad=True)
    step = TrainingStep(module, inputs, (torch.ones(4, 2),), lambda layer, x: (layer(x),))
    step.run()
    found = step.outcome()
    assert set(found) == {"result 0", "gradient of inputs", "gradient of weight", "gradient of bias"}
    assert torch.equal(found["gradient of bias"], torch.full((2,), 4.0))
    double = step.in_float64().outcome()
    assert {value.dtype for value in double.values()} == {torch.float64}
    assert torch.allclose(double["gradient of weight"].float(), found["gradient of weight"])


def test_dropout_is_drawn_from_one_seed() -> None:
    step = TrainingStep(torch.nn.Dropout(0.5), torch.ones(50), (), lambda layer, x: (layer(x),))
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError):
        step.run()
    drawing = TrainingStep(torch.nn.Linear(5, 5), torch.ones(2, 5), (torch.ones(2, 5),), _dropped)
    assert torch.equal(drawing.outcome()["result 0"], drawing.outcome()["result 0"])
    torch.set_rng_state(before)


def _dropped(layer: torch.nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return (torch.nn.functional.dropout(layer(x), 0.5),)


def test_a_training_step_costs_three_products() -> None:
    # 3·2·T·B·G·H·(I+H)
    assert Shape(7, 2, 3, 5).floor(4).flops == 3 * 2 * 7 * 2 * 4 * 5 * (3 + 5)
    assert Shape(7, 2, 3, 5).floor(4, steps=9).flops == 3 * 2 * 9 * 4 * 5 * (3 + 5)
    two_layers_both_ways = Shape(7, 2, 3, 5).floor(1, units_above=3 * 5, directions=2)
    assert two_layers_both_ways.flops == 3 * 2 * 7 * 2 * 2 * 5 * ((3 + 5) + (2 * 5 + 5))
