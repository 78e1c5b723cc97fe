"""All runs of a benchmark: reported as they go, and kept when interrupted."""

from __future__ import annotations

import signal

import pytest

from nurt.experiments.base import silent
from nurt.experiments.longmemory.study import CellRun, run_all
from nurt.experiments.longmemory.training import train_cell


def ignore(share: float) -> None:
    del share


def test_every_cell_runs_from_every_seed_and_progress_grows(tiny):
    shares: list[float] = []
    runs = run_all(
        tiny(seed=3),
        lambda share, _: shares.append(share),
        lambda cell, seed, tell: train_cell(tiny(seed=3), cell, seed, tell),
    )
    assert [(run.cell, run.seed) for run in runs] == [("RNN", 3), ("RNN", 4), ("GRU", 3), ("GRU", 4)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_an_interrupt_keeps_what_was_done(tiny):
    settings = tiny()

    def train(cell: str, seed: int, tell: object) -> CellRun:
        def after(share: float) -> None:
            if (cell, share) == ("GRU", 3 / settings.updates):
                signal.raise_signal(signal.SIGINT)

        return train_cell(settings, cell, seed, after)

    runs = run_all(settings, silent, train)
    assert [(run.cell, run.updates) for run in runs] == [("RNN", 7), ("RNN", 7), ("GRU", 3)]
    assert runs[-1].stopped_by == "interrupt"


def test_an_interrupt_between_two_runs_keeps_the_first(tiny):
    def train(cell: str, seed: int, tell: object) -> CellRun:
        if cell == "GRU":
            raise KeyboardInterrupt
        return train_cell(tiny(), cell, seed, ignore)

    assert len(run_all(tiny(), silent, train)) == 2
    with pytest.raises(KeyboardInterrupt):
        run_all(tiny(cells=("GRU",)), silent, train)
