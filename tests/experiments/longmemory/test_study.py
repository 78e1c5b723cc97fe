"""Runs of benchmarks: determined by their seed, told as they go, and kept when interrupted."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from nurt.data.synthetic import AddingProblem, AddingProblem1997, CopyingMemory, Echo
from nurt.experiments.base import silent
from nurt.experiments.longmemory.echoes import train_echo
from nurt.experiments.longmemory.network import CELLS, build, loss_of, tensors
from nurt.experiments.longmemory.study import CellRun, MemorySettings, run_all, train_cell


@dataclass(frozen=True)
class Tiny(MemorySettings):
    cells: tuple[str, ...] = ("RNN", "GRU")
    hidden: int = 4
    updates: int = 7
    batch: int = 8
    repeats: int = 2
    tested: int = 20
    looks: int = 3

    @property
    def benchmark(self) -> AddingProblem:
        return AddingProblem(5)


def ignore(update: int) -> None:
    del update


@pytest.mark.parametrize("cell", CELLS)
def test_a_seed_gives_the_same_run_whatever_was_drawn_before(cell: str) -> None:
    first = train_cell(Tiny(), cell, 5, ignore)
    torch.rand(3)
    again = train_cell(Tiny(), cell, 5, ignore)
    other = train_cell(Tiny(), cell, 6, ignore)
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    assert first.at.tolist() == [0, 2, 4, 6, 7]
    assert first.value == first.values[-1]


def test_the_lstm_remembers_from_the_start_and_the_rectified_network_is_the_identity() -> None:
    lstm = dict(build("LSTM", AddingProblem(5), 4, 0).named_parameters())
    assert (lstm["layer.bias_ih_l0"] + lstm["layer.bias_hh_l0"])[4:8].tolist() == [1.0] * 4
    irnn = dict(build("IRNN", AddingProblem(5), 4, 0).named_parameters())
    assert torch.equal(irnn["layer.weight_hh_l0"], torch.eye(4))
    assert irnn["layer.weight_ih_l0"].abs().max() < 0.01


def test_the_loss_is_that_of_torch() -> None:
    copying = CopyingMemory(2)
    network = build("GRU", copying, 4, 0)
    inputs, targets, _ = tensors(copying.draw(3, 0))
    answers = network.at_every_step(inputs)[0]
    expected = -answers.log_softmax(-1).gather(-1, targets[:, :, None]).mean()
    assert float(loss_of(network, copying.loss, inputs, targets, None)) == pytest.approx(float(expected), rel=1e-6)


def test_the_answer_at_the_end_is_read_at_the_end_of_each_row() -> None:
    benchmark = AddingProblem1997(20)
    network = build("LSTM", benchmark, 4, 0)
    inputs, _, lengths = tensors(benchmark.draw(6, 1))
    assert lengths is not None
    together = network.at_the_end(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = network.at_every_step(inputs[row : row + 1, :length])[0][:, -1]
        torch.testing.assert_close(together[row : row + 1], alone)


def test_every_cell_runs_from_every_seed_and_progress_grows() -> None:
    shares: list[float] = []
    runs = run_all(
        Tiny(seed=3),
        lambda share, doing: shares.append(share),
        lambda cell, seed, tell: train_cell(Tiny(seed=3), cell, seed, tell),
    )
    assert [(run.cell, run.seed) for run in runs] == [("RNN", 3), ("RNN", 4), ("GRU", 3), ("GRU", 4)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_an_interrupt_keeps_what_was_done() -> None:
    settings = Tiny()

    def train(cell: str, seed: int, tell: object) -> CellRun:
        def after(update: int) -> None:
            if (cell, update) == ("GRU", 3):
                signal.raise_signal(signal.SIGINT)

        return train_cell(settings, cell, seed, after)

    runs = run_all(settings, silent, train)
    assert [(run.cell, run.updates) for run in runs] == [("RNN", 7), ("RNN", 7), ("GRU", 3)]
    assert runs[-1].stopped_by == "interrupt"


def test_an_interrupt_between_two_runs_keeps_the_first() -> None:
    def train(cell: str, seed: int, tell: object) -> CellRun:
        if cell == "GRU":
            raise KeyboardInterrupt
        return train_cell(Tiny(), cell, seed, ignore)

    assert len(run_all(Tiny(), silent, train)) == 2
    with pytest.raises(KeyboardInterrupt):
        run_all(Tiny(cells=("GRU",)), silent, train)


def test_the_state_is_carried_over_the_edges_of_chunks_and_the_gradient_is_not() -> None:
    """Compare with the same training written as a loop of torch."""
    settings = replace(Tiny(), updates=6, tested=2)
    echo = Echo(2, 3, 18)
    run = train_echo(settings, echo, "GRU", 1, ignore)
    network = build("GRU", echo, 4, 1)
    inputs, targets, _ = tensors(echo.draw(8, np.random.default_rng((1, 0))))
    optimizer, state, right = torch.optim.Adam(network.parameters(), lr=0.005), torch.zeros(1, 8, 4), []
    for chunk in range(6):
        part = slice(3 * chunk, 3 * chunk + 3)
        answers, state = network.at_every_step(inputs[:, part], state.detach())
        loss = torch.nn.functional.binary_cross_entropy_with_logits(answers[:, :, 0], targets[:, part])
        right.append(float(((answers[:, :, 0] > 0) == (targets[:, part] > 0.5)).float().mean()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    assert run.value == pytest.approx(np.mean(right[-2:]), abs=1e-6)
    assert run.updates == 6
