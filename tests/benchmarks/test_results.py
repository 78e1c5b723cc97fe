from __future__ import annotations

import dataclasses
import json

import pytest

from nurt.benchmarks import BenchmarkPlan, BenchmarkRun, ContenderResult, Timing, run_cases
from nurt.errors import DataError

PLAN = BenchmarkPlan(threads=(1,), budget_seconds=1e-3)


@pytest.fixture
def run(make_case) -> BenchmarkRun:
    return run_cases([make_case()], PLAN)


def test_json_and_back(run: BenchmarkRun) -> None:
    text = json.dumps(run.to_dict(), allow_nan=False)
    assert BenchmarkRun.from_dict(json.loads(text)) == run


def test_the_machine_and_the_code_are_described(run: BenchmarkRun) -> None:
    told = run.to_dict()
    assert {"processor", "cores", "memory_gib"} <= set(told["machine"])
    assert {"torch", "nurt", "python"} <= set(told["versions"])
    assert told["format"] == "nurt benchmark"
    assert told["instruction_set"]
    assert told["date"][:2] == "20"


@pytest.mark.parametrize("change", [{"format": "else"}, {"version": 99}, {"version": None}])
def test_foreign_and_later_results_are_refused(run: BenchmarkRun, change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="version 1"):
        BenchmarkRun.from_dict(run.to_dict() | change)


def test_damaged_results_are_refused_with_the_place(run: BenchmarkRun) -> None:
    values = run.to_dict()
    values["cases"][0]["threads"] = "many"
    with pytest.raises(DataError, match=r"cases\.0\.threads"):
        BenchmarkRun.from_dict(values)


def test_slower_means_slower_than_another_library(run: BenchmarkRun) -> None:
    time = Timing(1.0, 1.0, 1.0, 1.0, 3)
    faster = ContenderResult("torch", "faster", 0.0, "outputs", time, ratio=0.5)
    own = ContenderResult("nurt", "other way", 0.0, "outputs", time, ratio=0.5)
    level = ContenderResult("torch", "level", 0.0, "outputs", time, ratio=1.0)
    assert dataclasses.replace(run.cases[0], peers=(own, level, faster)).slower_than() == (faster,)


def test_the_share_of_the_floor_and_the_slow_down_are_ratios_of_medians(run: BenchmarkRun) -> None:
    case = run.cases[0]
    time, slow = Timing(2.0, 1.0, 3.0, 1.0, 3), Timing(5.0, 5.0, 5.0, 5.0, 3)
    ours = dataclasses.replace(case.ours, time=time, disturbed=slow)
    assert ours.slow_down == 2.5
    assert case.floor is not None
    floor = dataclasses.replace(case.floor, seconds=0.5)
    assert dataclasses.replace(case, ours=ours, floor=floor).share_of_floor == 0.25
    assert case.title == "LSTM T3 B2 I1 H5"


@pytest.mark.parametrize(("load", "busy"), [(None, False), (0.1, False), (1.5, True)])
def test_a_busy_machine_is_told(run: BenchmarkRun, load: float | None, busy: bool) -> None:
    assert dataclasses.replace(run, busy_cores=load).was_busy is busy
