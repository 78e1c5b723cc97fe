"""Train on an echo: one long series in chunks, the state carried from chunk to chunk and cut from the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nurt.data.synthetic import Echo
from nurt.experiments.longmemory.network import build
from nurt.experiments.longmemory.study import TRAINING, CellRun, MemorySettings
from nurt.training.online import train_online

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
    examples = echo.draw(settings.batch, np.random.default_rng((seed, TRAINING)))
    inputs = torch.split(torch.from_numpy(examples.inputs).float(), echo.chunk, dim=1)
    targets = torch.split(torch.from_numpy(examples.targets).float(), echo.chunk, dim=1)
    right: list[float] = []
    measured: dict[int, float] = {}
    every = max(1, settings.updates // settings.looks)
    state: Any = None

    def next_loss() -> Tensor:
        nonlocal state
        number = len(right)
        answers, after = network.at_every_step(inputs[number], state)
        state = _cut(after)
        odds = answers.squeeze(-1)
        right.append(float(((odds > 0.0) == (targets[number] > 0.5)).float().mean()))
        return nn.functional.binary_cross_entropy_with_logits(odds, targets[number])

    def after_update(update: int) -> None:
        if update % every == 0:
            measured[update] = float(np.mean(right[-every:]))
        tell(update / settings.updates)

    record = train_online(network, next_loss, settings.online, after_update=after_update)
    measured[record.updates] = float(np.mean(right[-settings.tested :])) if right else math.nan
    return CellRun.of(cell, seed, measured, record)


def _cut(state: Any) -> Any:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
