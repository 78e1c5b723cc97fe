"""Learn parity by gradient descent: from the last step alone, from every prefix, and with growing lengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from nurt.experiments.longmemory.network import Network
from nurt.training.events import Event, StepEnded
from nurt.training.loop import train
from nurt.training.process_state import private_generators
from nurt.training.settings import TrainingSettings
from nurt.training.stream import StreamObjective

__all__ = ["ParityTraining", "train_parity"]

BATCH = 64
# Where the lengths of the curriculum begin, and the loss below which they grow by a step.
SHORTEST = 2
LEARNT = 0.1


@dataclass(frozen=True)
class ParityTraining:
    """One training on parity.

    Args:
        way: "last", "prefix" or "curriculum".
        seed: of weights and bits.
        length: T, the longest sequences that were trained on.
        updates: that were made.
        clipped_share: share of the updates whose gradient was shortened.
        tested: lengths of the test.
        accuracies: share of right answers after the last step, per tested length.
    """

    way: str
    seed: int
    length: int
    updates: int
    clipped_share: float
    tested: tuple[int, ...]
    accuracies: tuple[float, ...]


def train_parity(
    way: str,
    seed: int,
    length: int,
    hidden: int,
    updates: int,
    learning_rate: float,
    tell: Callable[[float], None],
) -> ParityTraining:
    """Train a tanh network; every update sees new bits.

    Args:
        way: "last" asks after the last step, "prefix" after every step, "curriculum" after the last of sequences that
            grow from two steps to T.
        seed: of weights and bits.
        length: T.
        hidden: H.
        updates: how many.
        learning_rate: of Adam.
        tell: told the share of the updates that is done.

    Raises:
        KeyboardInterrupt: the training was interrupted.
    """
    with private_generators(seed, ()):
        network = Network("RNN", 1, hidden, 1)
    stream = np.random.RandomState(seed)
    steps = SHORTEST if way == "curriculum" else length

    def next_loss() -> torch.Tensor:
        nonlocal steps
        inputs, odd = _bits(stream, BATCH, steps)
        odds = network.at_every_step(inputs)[0].squeeze(-1)
        if way != "prefix":
            odds, odd = odds[:, -1:], odd[:, -1:]
        loss = nn.functional.binary_cross_entropy_with_logits(odds, odd)
        if float(loss.detach()) < LEARNT:
            steps = min(length, steps + 1)
        return loss

    def listen(event: Event) -> None:
        if isinstance(event, StepEnded):
            tell(event.step / updates)

    settings = TrainingSettings(epochs=1, learning_rate=learning_rate)
    record = train(network, StreamObjective(next_loss, updates), settings, listener=listen)
    if record.stopped_by == "interrupt":
        raise KeyboardInterrupt
    tested = (length, 2 * length, 10 * length)
    accuracies = tuple(_accuracy(network, np.random.RandomState(seed + 1), steps) for steps in tested)
    return ParityTraining(way, seed, length, record.updates, record.clipped_share, tested, accuracies)


def _bits(stream: np.random.RandomState, batch: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    bits = stream.randint(0, 2, size=(batch, steps))
    inputs = torch.from_numpy(bits[..., None]).float()
    return inputs, torch.from_numpy(bits.cumsum(1) % 2).float()


def _accuracy(network: Network, stream: np.random.RandomState, steps: int) -> float:
    inputs, odd = _bits(stream, 1000, steps)
    with torch.no_grad():
        odds = network.at_every_step(inputs)[0].squeeze(-1)
    return float(((odds[:, -1] > 0) == (odd[:, -1] > 0.5)).float().mean())
