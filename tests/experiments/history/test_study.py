"""Gradients by lag against autograd, and sentences that follow the curves in both directions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from nurt.experiments import find, run
from nurt.experiments.history.pictures import closing_figure, stands_out
from nurt.experiments.history.study import (
    CellHistory,
    HistoryResult,
    gradients_by_lag,
    last_noticeable,
    memory_of,
    verdict_of,
)
from nurt.experiments.history.text import PhraseText
from nurt.experiments.longmemory.network import Network

DISTANCES = (2, 4, 6, 8, 10, 12)


def cell(name: str, inputs: np.ndarray, known: int) -> CellHistory:
    right = np.where(np.array(DISTANCES) <= known, 1.0, 0.5)
    return CellHistory(name, 1.0, inputs, inputs, inputs, right)


FLAT, FALLING = np.ones(40), 0.5 ** np.arange(40.0)


@pytest.mark.parametrize(("curve", "equal"), [(FLAT, True), (FALLING, False), (FALLING[::-1], False)])
def test_equal_shares_are_told_only_where_they_are(curve: np.ndarray, equal: bool) -> None:
    text = verdict_of((cell("RNN", curve, 6),), DISTANCES, 40).text.en
    assert ("count about equally" in text) is equal
    assert ("do not count equally" in text) is not equal


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (0, "too generous"),
        (4, "too generous"),
        (6, "holds for this one"),
        (10, "holds for this one"),
        (12, "does not hold"),
    ],
)
def test_the_claim_is_judged_by_what_the_plain_network_knows(known: int, told: str) -> None:
    text = verdict_of((cell("RNN", FALLING, known), cell("LSTM", FALLING, 12)), DISTANCES, 40).text.en
    assert told in text
    assert sum(one in text for one in ("too generous", "holds for this one", "does not hold for this one")) == 1


@pytest.mark.parametrize(
    ("right", "known"),
    [([1.0] * 6, 12), ([0.5] * 6, 0), ([1.0, 0.8, 0.5, 1.0, 1.0, 1.0], 4), ([0.7, 1.0, 1.0, 1.0, 1.0, 1.0], 0)],
)
def test_memory_has_no_gaps(right: list[float], known: int) -> None:
    assert memory_of(DISTANCES, np.array(right)) == known


def test_the_reach_is_the_last_lag_that_counts() -> None:
    assert last_noticeable(FLAT) == 39
    assert last_noticeable(FALLING) == 6
    assert last_noticeable(np.array([1.0, 0.0, 0.5, 0.0])) == 2


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_gradients_by_lag_are_those_of_autograd(name: str) -> None:
    torch.manual_seed(0)
    network = Network(name, 8, 5, 8)
    windows = PhraseText(3).windows(7, 6, np.random.default_rng(0))
    loss, inputs, states = gradients_by_lag(network, windows)
    given = torch.nn.functional.one_hot(torch.from_numpy(windows.letters), 8).float().requires_grad_()
    state, hidden = None, []
    for step in range(6):
        outputs, state = network.layer(given[:, step : step + 1], state)
        outputs.retain_grad()
        hidden.append(outputs)
    answers = network.readout(outputs[:, 0])
    each = torch.nn.functional.cross_entropy(answers, torch.from_numpy(windows.following), reduction="none")
    each.sum().backward()
    assert loss == pytest.approx(float(each.detach().mean()), rel=1e-6)
    assert given.grad is not None
    np.testing.assert_allclose(inputs, given.grad.norm(dim=-1).mean(dim=0).flip(0), rtol=1e-4)
    assert states.shape == (6,) and (states > 0).all()
    if name == "GRU":
        last = network.readout.weight.detach()
        wrong = torch.softmax(answers.detach(), 1) - torch.nn.functional.one_hot(torch.from_numpy(windows.following), 8)
        assert states[0] == pytest.approx(float((wrong @ last).norm(dim=1).mean()), rel=1e-4)


def test_a_peak_at_the_opening_is_named_and_only_where_there_is_one() -> None:
    peak = FALLING.copy()
    peak[9] = 1.0
    assert stands_out(peak, 9) and not stands_out(FALLING, 9) and not stands_out(FLAT, 9)
    assert "A peak at the dotted line: GRU." in closing_figure([("RNN", FALLING), ("GRU", peak)], 10).how_to_read.en
    assert "No cell has a peak" in closing_figure([("RNN", FALLING)], 10).how_to_read.en


def test_a_quick_run_is_the_same_twice() -> None:
    settings = dataclasses.replace(find("history").settings("quick"), updates=15, tested=20)
    first, second = run("history", settings=settings), run("history", settings=settings)
    assert isinstance(first, HistoryResult) and isinstance(second, HistoryResult)
    assert [one.cell for one in first.cells] == ["RNN", "GRU", "LSTM"]
    for one, other in zip(first.cells, second.cells, strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        assert one.inputs.shape == one.states.shape == one.closing.shape == (12,)
        assert one.right.shape == (4,)
    assert first.updates == 45


@pytest.mark.slow
def test_trained_cells_know_openings_far_beyond_ten_steps() -> None:
    result = run("history")
    assert isinstance(result, HistoryResult)
    assert all(one.recent_share > 0.4 for one in result.cells)
    assert all(memory_of(result.settings.distances, one.right) > 10 for one in result.cells)
    assert "does not hold" in result.verdict.text.en
