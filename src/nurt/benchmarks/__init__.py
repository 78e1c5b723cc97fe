"""How fast, beside whom, how near to what the machine can do, and how exact: ``nurt bench`` as functions."""

from __future__ import annotations

from nurt.benchmarks.case import Case, CaseGroup, Contender, Contest
from nurt.benchmarks.groups import GROUPS, choose
from nurt.benchmarks.results import BenchmarkRun, CaseResult, ContenderResult, FloorResult
from nurt.benchmarks.runner import BenchmarkPlan, OnCase, run_cases
from nurt.benchmarks.timing import Timing

__all__ = [
    "GROUPS",
    "BenchmarkPlan",
    "BenchmarkRun",
    "Case",
    "CaseGroup",
    "CaseResult",
    "Contender",
    "ContenderResult",
    "Contest",
    "FloorResult",
    "OnCase",
    "Timing",
    "choose",
    "run_benchmark",
    "run_cases",
]


def run_benchmark(plan: BenchmarkPlan | None = None, listener: OnCase | None = None) -> BenchmarkRun:
    """Run the cases of the plan, all of them unless it says otherwise.

    Every case is checked against float64 first; one that is wrong tells no time. Contenders take turns in one process.
    An interruption (Ctrl-C) ends the run and keeps what was measured.

    Args:
        plan: groups, cells, threads and budget.
        listener: is told about the progress.

    Raises:
        NurtValueError: an unknown group or cell.
    """
    plan = plan or BenchmarkPlan()
    return run_cases(choose(plan.groups, plan.cells), plan, listener)
