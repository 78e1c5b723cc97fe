"""One recurrent layer and a linear read-out: the network of all memory benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from nurt import nn as layers
from nurt.data.synthetic import AbstractBenchmark, Examples
from nurt.data.synthetic.benchmark import Loss
from nurt.nn import init
from nurt.training.process_state import private_generators

__all__ = ["CELLS", "Network", "build", "loss_of", "tensors"]


def _tanh(inputs: int, hidden: int) -> nn.Module:
    return layers.RNN(inputs, hidden, batch_first=True)


def _irnn(inputs: int, hidden: int) -> nn.Module:
    layer = layers.RNN(inputs, hidden, nonlinearity="relu", batch_first=True)
    init.identity_(layer)
    return layer


def _lstm(inputs: int, hidden: int) -> nn.Module:
    layer = layers.LSTM(inputs, hidden, batch_first=True)
    init.forget_bias_(layer, 1.0)
    return layer


def _gru(inputs: int, hidden: int) -> nn.Module:
    return layers.GRU(inputs, hidden, batch_first=True)


# The rectified network starts at the identity [le2015simple], the LSTM with a forget bias of 1 [gers2000learning].
CELLS: Mapping[str, Callable[[int, int], nn.Module]] = MappingProxyType(
    {"RNN": _tanh, "LSTM": _lstm, "GRU": _gru, "IRNN": _irnn}
)


class Network(nn.Module):
    """A layer of cells and a linear read-out of its hidden state.

    Args:
        cell: a key of ``CELLS``.
        inputs: I.
        hidden: H.
        outputs: numbers of an answer, K.
    """

    def __init__(self, cell: str, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layer = CELLS[cell](inputs, hidden)
        self.readout = nn.Linear(hidden, outputs)

    def at_every_step(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return answers (B, T, K) and the state after the last step."""
        hidden, state = self.layer(inputs, state)
        return self.readout(hidden), state

    def at_the_end(self, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the answers after the last step of every sequence, (B, K)."""
        _, state = self.layer(inputs, lengths=lengths)
        hidden = state[0] if isinstance(state, tuple) else state
        answer: Tensor = self.readout(hidden[-1])
        return answer


def build(cell: str, benchmark: AbstractBenchmark, hidden: int, seed: int) -> Network:
    """Return a new network for ``benchmark``; its weights depend on ``seed`` alone."""
    with private_generators(seed, ()):
        return Network(cell, benchmark.input_size, hidden, benchmark.output_size)


def tensors(examples: Examples) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return inputs in float32, targets (classes stay whole numbers), and lengths."""
    targets = torch.from_numpy(examples.targets)
    lengths = None if examples.lengths is None else torch.from_numpy(examples.lengths)
    inputs = torch.from_numpy(examples.inputs).float()
    return inputs, targets.float() if targets.is_floating_point() else targets, lengths


def loss_of(network: Network, kind: Loss, inputs: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the mean loss of a batch of whole sequences.

    Args:
        network: the network.
        kind: of the loss.
        inputs: (B, T, I).
        targets: (B,) for one answer at the end, (B, T) for one per step.
        lengths: (B,) or None.
    """
    answers = network.at_the_end(inputs, lengths) if targets.dim() == 1 else network.at_every_step(inputs)[0]
    if kind == "cross-entropy":
        return nn.functional.cross_entropy(answers.flatten(0, -2), targets.flatten())
    judge = nn.functional.mse_loss if kind == "squared error" else nn.functional.binary_cross_entropy_with_logits
    return judge(answers.squeeze(-1), targets)
