"""The adding problem as an experiment: the definitions, a quick run, and the full ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nurt.data.synthetic import AddingProblem, AddingProblem1997
from nurt.experiments import find, run
from nurt.experiments.longmemory.result import MemoryResult


def test_the_definition_is_what_the_preset_says() -> None:
    adding = find("adding")
    assert adding.settings().benchmark == AddingProblem(30, "half")
    assert adding.settings("any").benchmark == AddingProblem(30, "any")
    assert adding.settings("of-1997").benchmark == AddingProblem1997(30)


def test_gates_learn_to_add_over_ten_steps_in_a_second() -> None:
    result = run("adding", "quick")
    assert isinstance(result, MemoryResult)
    reached = {one.cell: one for one in result.cells}
    assert reached["GRU"].better
    assert reached["GRU"].mean < 0.02 < 0.05 < reached["RNN"].mean
    assert result.baselines[0].value == pytest.approx(1 / 6)
    # 1000 test sequences: the squared error of the constant has a standard error of 0.0062.
    assert result.baseline_on_test == pytest.approx(1 / 6, abs=4 * 0.0062)


def test_a_budget_that_is_too_small_ends_at_the_baseline_and_says_so() -> None:
    settings = dataclasses.replace(find("adding").settings(), updates=60, hidden=8, learning_rate=0.002)
    result = run("adding", settings=settings)
    assert result.verdict.standing == "missed"
    assert "Not better than the baseline" in result.verdict.text.en
    assert result.updates == 12 * 60


@pytest.mark.slow
def test_the_full_run_parts_gates_from_plain_units() -> None:
    result = run("adding")
    assert isinstance(result, MemoryResult)
    plan = result.settings
    assert (plan.benchmark, plan.hidden, plan.learning_rate, plan.batch) == (AddingProblem(30, "half"), 32, 0.005, 64)
    assert [(one.cell, one.seed) for one in result.runs] == [
        (cell, seed) for cell in ("RNN", "LSTM", "GRU", "IRNN") for seed in (0, 1, 2)
    ]
    for one in result.runs:
        assert one.updates == 3000
        if one.cell in ("LSTM", "GRU"):
            assert one.value <= 0.002
            assert one.clipped_share < 0.1
        if one.cell == "IRNN":
            assert one.clipped_share > 0.5
    # Of three seeds together: one seed of plain units in three may come below, as any of them may be clipped less.
    cells = {one.cell: one for one in result.cells}
    assert cells["RNN"].mean > 0.005
    assert cells["RNN"].clipped_share >= 0.2
    assert np.isfinite([one.value for one in result.runs]).all()
