"""Verdicts: better only if the worse end of the interval is, and a run that ended early says so."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.experiments.longmemory.judging import judge_cell, verdict_of
from nurt.experiments.longmemory.study import CellRun


def _runs(cell: str, values: list[float], updates: int = 10) -> tuple[CellRun, ...]:
    at = np.array([updates])
    return tuple(
        CellRun(cell, seed, value, at, np.array([value]), updates, 0.5, "updates", 1.0)
        for seed, value in enumerate(values)
    )


def test_three_seeds_give_an_interval() -> None:
    judged = judge_cell("GRU", _runs("GRU", [1.0, 2.0, 3.0]), 10.0, "lower")
    # Student's t with two degrees of freedom: 4.302653, the standard error is 1/√3.
    assert (judged.low, judged.high) == pytest.approx((0.0, 2.0 + 4.302652729911 / np.sqrt(3.0)))
    assert judged.better
    assert judged.seeds == 3


@pytest.mark.parametrize(
    ("values", "baseline", "sense", "better"),
    [
        ([0.1, 0.1, 0.1], 0.2, "lower", True),
        ([0.199, 0.199, 0.199], 0.2, "lower", False),
        ([0.2, 0.2, 0.2], 0.2, "lower", False),
        ([0.01, 0.1, 0.19], 0.2, "lower", False),
        ([0.05, 0.1], 0.2, "lower", True),
        ([0.9, 0.9, 0.9], 0.5, "higher", True),
        ([0.505, 0.505, 0.505], 0.5, "higher", False),
        ([0.3, 0.3, 0.3], 0.5, "higher", False),
        ([float("nan")], 0.5, "higher", False),
    ],
)
def test_better_needs_the_whole_interval(values: list[float], baseline: float, sense: str, better: bool) -> None:
    assert judge_cell("RNN", _runs("RNN", values), baseline, sense).better is better


def test_the_verdict_names_winners_losers_and_the_budget() -> None:
    runs = (*_runs("RNN", [0.2, 0.2, 0.2]), *_runs("LSTM", [0.01, 0.01, 0.01]))
    cells = tuple(judge_cell(cell, runs, 0.2, "lower") for cell in ("RNN", "LSTM"))
    whole = verdict_of(cells, 0.2, runs, 60)
    assert whole.standing == "partly"
    assert "Better than the baseline 0.2: LSTM 0.01" in whole.text.en
    assert "Not better than the baseline 0.2: RNN 0.2" in whole.text.en
    assert "early" not in whole.text.en
    assert verdict_of(cells[:1], 0.2, runs, 60).standing == "missed"
    assert verdict_of(cells[1:], 0.2, runs, 60).standing == "reached"
    early = verdict_of(cells[1:], 0.2, runs, 70)
    assert early.standing == "partly"
    assert "60 of 70" in early.text.en


def test_two_seeds_are_too_few_for_an_interval_and_the_verdict_says_so() -> None:
    runs = _runs("RNN", [0.1, 0.3])
    judged = judge_cell("RNN", runs, 1.0, "lower")
    assert (judged.low, judged.high) == (0.1, 0.3)
    assert "too few" in verdict_of((judged,), 1.0, runs, 20).text.en
