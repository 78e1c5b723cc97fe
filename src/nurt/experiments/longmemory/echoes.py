"""Train on an echo: one long series in chunks, the state carried from chunk to chunk and cut from the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from nurt.data.synthetic import Echo
from nurt.experiments.longmemory.network import build, tensors
from nurt.experiments.longmemory.study import TRAINING, CellRun, MemorySettings
from nurt.nn import Truncated
from nurt.training import Event, StatefulLoss, StepEnded, StreamObjective, train

__all__ = ["train_echo"]


def train_echo(settings: MemorySettings, echo: Echo, cell: str, seed: int, tell: Callable[[float], None]) -> CellRun:
    """Train one network, one update per chunk; judge it by the share of right bits, each chunk before its update.

    Args:
        settings: ``tested`` is the number of chunks at the end over which the value is taken.
        echo: the task, of at least ``settings.updates`` chunks.
        cell: name.
        seed: of weights and bits.
        tell: told the share of the updates that is done.
    """
    network = build(cell, echo, settings.hidden, seed)
    inputs, targets, _ = tensors(echo.draw(settings.batch, np.random.default_rng((seed, TRAINING))))
    right: list[float] = []
    measured: dict[int, float] = {}
    every = max(1, settings.updates // settings.looks)

    def judged(answers: Tensor, wanted: Tensor) -> Tensor:
        odds = answers.squeeze(-1)
        right.append(float(((odds > 0.0) == (wanted > 0.5)).float().mean()))
        return nn.functional.binary_cross_entropy_with_logits(odds, wanted)

    def listen(event: Event) -> None:
        if isinstance(event, StepEnded):
            if event.step % every == 0:
                measured[event.step] = float(np.mean(right[-every:]))
            tell(event.step / settings.updates)

    next_loss = StatefulLoss(network.at_every_step, inputs, targets, judged, Truncated(echo.chunk))
    record = train(network, StreamObjective(next_loss, settings.updates), settings.training, listener=listen)
    measured[record.updates] = float(np.mean(right[-settings.tested :])) if right else math.nan
    return CellRun.of(cell, seed, measured, record)
