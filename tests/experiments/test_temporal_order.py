"""Temporal order as an experiment: the easy one is solved, no time at all is not enough."""

from __future__ import annotations

import math

import pytest

from nurt.data.synthetic import TemporalOrder
from nurt.experiments import find, run
from nurt.experiments.longmemory.result import MemoryResult


def test_the_easy_one_is_solved_in_a_second() -> None:
    result = run("temporal-order", "quick")
    assert isinstance(result, MemoryResult)
    assert result.verdict.standing == "reached"
    assert all(one.value < 0.1 for one in result.runs)
    assert result.baseline_on_test == pytest.approx(math.log(4))


def test_the_presets_are_those_of_the_benchmark() -> None:
    order = find("temporal-order")
    assert order.settings("normal").benchmark == TemporalOrder.preset("normal")
    assert order.settings("hard").benchmark == TemporalOrder.preset("hard")
