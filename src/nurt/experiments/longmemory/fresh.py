"""Train one network on a benchmark; every update sees new sequences, every test the same ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch

from nurt.data.synthetic import AbstractBenchmark
from nurt.experiments.longmemory.network import Network, build, loss_of, tensors
from nurt.experiments.longmemory.study import TRAINING, CellRun, MemorySettings, tested_stream
from nurt.training import Event, StepEnded, StreamObjective, train

__all__ = ["train_cell"]

Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


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


def _test(network: Network, benchmark: AbstractBenchmark, tested: Batch) -> float:
    with torch.no_grad():
        return float(loss_of(network, benchmark.loss, *tested))
