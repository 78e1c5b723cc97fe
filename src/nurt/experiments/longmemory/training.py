"""Train one network: on fresh batches of a benchmark, or on an echo in chunks, the state carried without gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from nurt.data.synthetic import AbstractBenchmark, Echo
from nurt.experiments.longmemory.network import Network, build, loss_of, tensors
from nurt.experiments.longmemory.study import TRAINING, CellRun, MemorySettings, tested_stream
from nurt.nn import Truncated
from nurt.training.events import Event, StepEnded
from nurt.training.loop import train
from nurt.training.stream import StatefulLoss, StreamObjective

__all__ = ["train_cell", "train_echo"]


def train_echo(settings: MemorySettings, echo: Echo, cell: str, seed: int, tell: Callable[[float], None]) -> CellRun:
    """Train one network, one update per chunk; measure the share of right bits, each chunk before its update.

    Args:
        settings: ``tested`` is the number of chunks at the end over which the value is taken.
        echo: the task, of at least ``settings.updates`` chunks.
        cell: name.
        seed: of weights and bits.
        tell: called with the share of the updates that is done.
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


FreshBatch: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


def train_cell(settings: MemorySettings, cell: str, seed: int, tell: Callable[[float], None]) -> CellRun:
    """Train one network on fresh batches; test it on the same sequences every time."""
    benchmark = settings.benchmark
    network = build(cell, benchmark, settings.hidden, seed)
    stream = np.random.default_rng((seed, TRAINING))
    tested = tensors(benchmark.draw(settings.tested, tested_stream(settings)))
    measured = {0: _test(network, benchmark, tested)}
    every = max(1, settings.updates // settings.looks)

    def listen(event: Event) -> None:
        if isinstance(event, StepEnded):
            if event.step % every == 0:
                measured[event.step] = _test(network, benchmark, tested)
            tell(event.step / settings.updates)

    def next_loss() -> torch.Tensor:
        return loss_of(network, benchmark.loss, *tensors(benchmark.draw(settings.batch, stream)))

    objective = StreamObjective(next_loss, settings.updates, generator=stream)
    record = train(network, objective, settings.training, listener=listen)
    if record.updates not in measured:
        measured[record.updates] = _test(network, benchmark, tested)
    return CellRun.of(cell, seed, measured, record)


def _test(network: Network, benchmark: AbstractBenchmark, tested: FreshBatch) -> float:
    with torch.no_grad():
        return float(loss_of(network, benchmark.loss, *tested))
