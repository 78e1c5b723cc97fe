"""The number of threads and their luck never show in a result: the same bits on every instruction set."""

from __future__ import annotations

import pytest
import torch

from nurt.kernels import threads, use
from nurt.kernels.native import call
from nurt.nn import GRU, LSTM, RNN, build

# B, T, I, H. Calls below 3 MFLOP stay on one thread, so most of these are above; sizes are no multiples of vectors.
SIZES = {
    "one row": (1, 6, 9, 201),
    "rows for one tile": (33, 9, 17, 50),
    "rows for many tiles": (150, 7, 5, 31),
    "many units": (3, 3, 20, 333),
}
LAYERS = {
    "LSTM": lambda inputs, hidden: LSTM(inputs, hidden, 2, batch_first=True, bidirectional=True),
    "GRU": lambda inputs, hidden: GRU(inputs, hidden, 2, batch_first=True, bidirectional=True),
    "tanh": lambda inputs, hidden: RNN(inputs, hidden, batch_first=True, bidirectional=True),
    "relu": lambda inputs, hidden: RNN(inputs, hidden, 2, nonlinearity="relu", batch_first=True),
    "linear": lambda inputs, hidden: build("linear", inputs, hidden, num_layers=2, bidirectional=True),
}


@pytest.fixture(params=call.INSTRUCTION_SETS)
def isa(request, monkeypatch):
    monkeypatch.setenv("NURT_ISA", request.param)


def results(layer: torch.nn.Module, x: torch.Tensor, lengths: list[int] | None, count: int) -> list[torch.Tensor]:
    """Return outputs, final states and all gradients, computed on ``count`` threads."""
    x = x.clone().requires_grad_()
    with threads(count), use("native"):
        outputs, state = layer(x, lengths=lengths)
        found = [outputs, *leaves(state)]
        total = sum((value.sin() * value).sum() for value in found)
        return found + list(torch.autograd.grad(total, [x, *layer.parameters()]))


def leaves(state):
    """Return the tensors of a state, however nested."""
    return [state] if isinstance(state, torch.Tensor) else [leaf for part in state for leaf in leaves(part)]


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("ragged", [False, True], ids=["padded", "ragged"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LAYERS)
def test_any_number_of_threads_gives_the_same_bits(name, size, ragged):
    batch, steps, inputs, hidden = SIZES[size]
    layer, x = LAYERS[name](inputs, hidden), torch.randn(batch, steps, inputs)
    lengths = [steps - row % (steps + 1) for row in range(batch)] if ragged else None
    alone = results(layer, x, lengths, 1)
    for count in (2, 3, 4):
        for together, expected in zip(results(layer, x, lengths, count), alone, strict=True):
            assert torch.equal(together, expected)
