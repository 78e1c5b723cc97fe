"""Trainings on a memory benchmark: cells, seeds, budget, and their order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt.data.synthetic import AbstractBenchmark
from nurt.experiments.base import ReportProgress, about, part_of
from nurt.experiments.results import Settings
from nurt.wording import Text

if TYPE_CHECKING:
    from nurt.training.events import TrainingRecord
    from nurt.training.settings import TrainingSettings

__all__ = ["TRAINING", "CellRun", "MemorySettings", "run_all", "tested_stream"]

TRAINING, TESTING = 0, 1


@dataclass(frozen=True)
class MemorySettings(Settings):
    """Settings of every memory benchmark.

    Args:
        seed: of the first run; the next run takes the next number.
        cells: names of the cells.
        hidden: H.
        updates: per run.
        batch: sequences per update, B.
        learning_rate: of Adam.
        clip_norm: largest norm of the gradient.
        repeats: runs per cell.
        tested: sequences of the test, the same for all runs.
        looks: number of tests during a run.
    """

    cells: tuple[str, ...] = ("RNN", "LSTM", "GRU", "IRNN")
    hidden: int = 32
    updates: int = 3000
    batch: int = 64
    learning_rate: float = 0.005
    clip_norm: float = 1.0
    repeats: int = 3
    tested: int = 1000
    looks: int = 12

    @property
    @abstractmethod
    def benchmark(self) -> AbstractBenchmark:
        """The benchmark the settings describe."""

    @property
    def training(self) -> TrainingSettings:
        """How each network is trained, on one stretch of a stream."""
        from nurt.training.settings import TrainingSettings

        return TrainingSettings(epochs=1, learning_rate=self.learning_rate, clip_norm=self.clip_norm)


@dataclass(frozen=True)
class CellRun:
    """One training.

    Args:
        cell: name of the cell.
        seed: of weights and stream.
        value: the measured quantity at the end of the run.
        at: updates after which it was measured.
        values: measured there.
        updates: made.
        clipped_share: share of the updates whose gradient was shortened.
        stopped_by: what ended it, as in :class:`~nurt.training.TrainingRecord`.
        seconds: what it took.
    """

    cell: str
    seed: int
    value: float
    at: np.ndarray
    values: np.ndarray
    updates: int
    clipped_share: float
    stopped_by: str
    seconds: float

    @classmethod
    def of(cls, cell: str, seed: int, measured: dict[int, float], record: TrainingRecord) -> CellRun:
        """Return the run that a record describes, its last measurement being its value."""
        at = np.array(list(measured), dtype=np.int64)
        values = np.array(list(measured.values()))
        return cls(
            cell=cell,
            seed=seed,
            value=float(values[-1]),
            at=at,
            values=values,
            updates=record.updates,
            clipped_share=record.clipped_share,
            stopped_by=record.stopped_by,
            seconds=record.seconds,
        )


def run_all(
    settings: MemorySettings, progress: ReportProgress, train: Callable[[str, int, Callable[[float], None]], CellRun]
) -> tuple[CellRun, ...]:
    """Train every cell from every seed; after Ctrl-C, return the runs that are complete.

    Args:
        settings: cells, seeds and updates.
        progress: called with the share of all updates.
        train: trains one cell from one seed and reports the share of its updates.
    """
    plan = [(cell, settings.seed + repeat) for cell in settings.cells for repeat in range(settings.repeats)]
    runs: list[CellRun] = []
    for cell, seed in plan:
        doing = Text(f"{cell}, seed {seed}", f"{cell}, ziarno {seed}")
        tell = part_of(about(progress, doing), len(runs), len(plan))
        tell(0.0)
        try:
            runs.append(train(cell, seed, tell))
        except KeyboardInterrupt:
            # The interrupt came between two trainings, or twice: earlier runs are complete.
            if not runs:
                raise
            break
        if runs[-1].stopped_by == "interrupt":
            break
    return tuple(runs)


def tested_stream(settings: MemorySettings) -> np.random.Generator:
    """Return the random stream of the test sequences, separate from that of training."""
    return np.random.default_rng((settings.seed, TESTING))
