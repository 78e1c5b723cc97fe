"""Speed and accuracy beside torch and beside the floor of the machine: ``nurt bench`` as functions."""

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

    Every case is compared with float64 first; one that is wrong reports no time. Contenders take turns in one process.
    An interruption (Ctrl-C) ends the run and keeps the measured cases.

    Args:
        plan: groups, cells, threads and budget.
        listener: called after every result.

    Raises:
        NurtValueError: an unknown group or cell.
    """
    plan = plan or BenchmarkPlan()
    return run_cases(choose(plan.groups, plan.cells), plan, listener)
