"""One battery over every layer and gradient method: what a method owes whatever it is handed to."""

from __future__ import annotations

import pytest
import torch
from tests.contracts.test_layers import LAYERS, LENGTHS, leaves, made, sequences
from tests.tolerances import GRADIENTS, OUTPUTS, SAME_BITS, assert_agree, conditioned

from nurt.kernels import use
from nurt.nn import AbstractLayer, Checkpointed, Exact, Truncated

FLOAT64 = torch.float64
EXACT = [Checkpointed(every=3), Checkpointed(budget_bytes=20_000), Truncated(8, 2)]
TRUNCATED = [Truncated(3), Truncated(4, 2)]
ONE_OF_EACH = [Checkpointed(every=3), Truncated(4, 2)]


def run(layer, inputs, method, lengths=None):
    """Return outputs and leaves of the final state, and the gradients of inputs and weights."""
    inputs = inputs.detach().clone().requires_grad_()
    torch.manual_seed(41)
    outputs, state = layer(inputs, lengths=lengths, gradient=method)
    results = [outputs, *leaves(state)]
    loss = sum(result.sin().square().sum() for result in results)
    return results, torch.autograd.grad(loss, [inputs, *layer.parameters()])


@pytest.mark.parametrize("method", [*EXACT, *TRUNCATED], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_are_those_of_the_exact_method_and_gradients_too_where_it_says_so(name, method):
    layer, inputs = made(name), sequences()
    if isinstance(layer, AbstractLayer):
        # The drop-in layers draw other masks where they are not fused.
        layer.train()
    for lengths in (None, list(LENGTHS)):
        expected, slopes = run(layer, inputs, Exact(), lengths)
        results, gradients = run(layer, inputs, method, lengths)
        for mine, wanted in zip(results, expected, strict=True):
            assert_agree(mine, wanted, OUTPUTS[FLOAT64], "output or state")
        if method in EXACT:
            for mine, wanted in zip(gradients, slopes, strict=True):
                assert_agree(mine, wanted, GRADIENTS[FLOAT64], "gradient")
        else:
            assert any(not torch.allclose(mine, wanted) for mine, wanted in zip(gradients, slopes, strict=True))


@pytest.mark.parametrize("method", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_padding_reaches_no_gradient(name, method):
    layer = made(name)
    past_end = torch.arange(7) >= torch.tensor(LENGTHS).unsqueeze(1)
    clean, poisoned = (
        run(layer, sequences().masked_fill(past_end.unsqueeze(2), padding), method, torch.tensor(LENGTHS))
        for padding in (0.0, float("nan"))
    )
    for mine, wanted in zip((*poisoned[0], *poisoned[1]), (*clean[0], *clean[1]), strict=True):
        assert_agree(mine, wanted, SAME_BITS, "with NaN in the padding")


@pytest.mark.parametrize("method", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_of_a_batch_is_the_sum_over_its_rows(name, method):
    layer, inputs = made(name), sequences()
    _, (of_inputs, *of_weights) = run(layer, inputs, method)
    alone = [run(layer, inputs[row : row + 1], method)[1] for row in range(3)]
    for row in range(3):
        assert_agree(of_inputs[row : row + 1], alone[row][0], GRADIENTS[FLOAT64], f"inputs of row {row}")
    for place, mine in enumerate(of_weights, start=1):
        assert_agree(mine, sum(row[place] for row in alone), GRADIENTS[FLOAT64], "weights")


@pytest.mark.parametrize("method", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_the_rungs_agree_on_the_gradient(name, method):
    layer, inputs = made(name), sequences()
    _, chosen = run(layer, inputs, method, list(LENGTHS))
    with use("reference"):
        _, reference = run(layer, inputs, method, list(LENGTHS))
        _, moved = run(layer, inputs.nextafter(inputs + 1), method, list(LENGTHS))
    for mine, wanted, other in zip(chosen, reference, moved, strict=True):
        assert_agree(mine, wanted, conditioned(GRADIENTS[FLOAT64], wanted, other), "gradient")
