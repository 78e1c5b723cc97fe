"""Copying memory as an experiment: the baseline first, then more."""

from __future__ import annotations

import math

import pytest

from nurt.experiments import run
from nurt.experiments.longmemory.result import MemoryResult


def test_a_hundred_updates_do_not_beat_the_answer_without_memory() -> None:
    result = run("copying", "quick")
    assert isinstance(result, MemoryResult)
    assert result.baseline_on_test == pytest.approx(10 * math.log(8) / 22, rel=1e-12)
    assert result.verdict.standing == "missed"


@pytest.mark.slow
def test_gates_remember_some_symbols_over_a_short_silence() -> None:
    result = run("copying")
    assert isinstance(result, MemoryResult)
    assert {one.cell for one in result.cells if one.better} >= {"GRU"}
    assert result.score is not None
    assert result.score.value < 10 * math.log(8) / 25
