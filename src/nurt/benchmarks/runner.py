"""Runs cases: gate first, then times in turns, on one number of threads after the other."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from nurt import environment
from nurt.benchmarks.case import Case, Contender, Contest, Outcome
from nurt.benchmarks.gate import LIMIT, Deviation, deviation
from nurt.benchmarks.provenance import busy_cores, commit
from nurt.benchmarks.results import BenchmarkRun, CaseResult, ContenderResult, FloorResult
from nurt.benchmarks.timing import Timing, alternate
from nurt.errors import NurtValueError
from nurt.kernels import threads
from nurt.kernels.native.call import instruction_set

__all__ = ["BenchmarkPlan", "Listener", "run_cases"]

SEED = 0


class Listener(Protocol):
    """Is told which case runs, how many results there are, and how many there will be."""

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Take it in."""
        ...


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to run, and how long.

    Args:
        groups: names in ``GROUPS``; empty for all.
        cells: recurrences; empty for all.
        threads: numbers of threads, one run each.
        budget_seconds: time for the rounds of one case on one number of threads.
    """

    groups: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    threads: tuple[int, ...] = (1, 2)
    budget_seconds: float = 2.0

    def __post_init__(self) -> None:
        if not self.threads or min(self.threads) < 1:
            raise NurtValueError(
                "BenchmarkPlan: unusable `threads`.", expected="numbers of at least 1", got=repr(self.threads)
            )
        if not (self.budget_seconds > 0.0 and math.isfinite(self.budget_seconds)):
            raise NurtValueError(
                "BenchmarkPlan: unusable `budget_seconds`.", expected="a time above 0", got=repr(self.budget_seconds)
            )


def run_cases(cases: Sequence[Case], plan: BenchmarkPlan, listener: Listener | None = None) -> BenchmarkRun:
    """Run cases one after the other; an interruption keeps what was measured.

    A case whose gate is red tells no time: neither its own nor a ratio.

    Args:
        cases: what to run.
        plan: threads and budget.
        listener: is told about the progress.
    """
    others = busy_cores()
    found: list[CaseResult] = []
    interrupted = False
    total = len(cases) * len(plan.threads)
    try:
        for case in cases:
            _tell(listener, case, len(found), total)
            for result in _results(case, plan):
                found.append(result)
                _tell(listener, case, len(found), total)
    except KeyboardInterrupt:
        interrupted = True
    return BenchmarkRun(
        date=datetime.date.today().isoformat(),
        machine=environment.machine(),
        versions=environment.versions(),
        instruction_set=instruction_set(),
        commit=commit(),
        busy_cores=others,
        budget_seconds=plan.budget_seconds,
        limit=LIMIT,
        interrupted=interrupted,
        cases=tuple(found),
    )


def _tell(listener: Listener | None, case: Case, done: int, total: int) -> None:
    if listener is not None:
        listener(f"{case.group}: {case.cell}", done, total)


def _results(case: Case, plan: BenchmarkPlan) -> Iterator[CaseResult]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        contest = case.prepare()
        reference = contest.reference()
        for count in plan.threads:
            with threads(count):
                yield _result(case, contest, reference, plan.budget_seconds)


def _result(case: Case, contest: Contest, reference: Outcome, budget_seconds: float) -> CaseResult:
    judged = [(one, deviation(one.outcome(), reference)) for one in contest.contenders]
    ours, *peers = (
        ContenderResult(one.library, one.name, found.error if math.isfinite(found.error) else None, found.quantity)
        for one, found in judged
    )
    result = CaseResult(
        case.group,
        case.cell,
        case.sizes,
        case.detail,
        torch.get_num_threads(),
        ours,
        tuple(peers),
        fault=_fault(judged),
    )
    return result if result.fault is not None else _timed(result, case, contest, budget_seconds)


def _fault(judged: Sequence[tuple[Contender, Deviation]]) -> str | None:
    """Say who is wrong; None where everybody is right."""
    wrong = [
        f"{one.library} ({one.name}) by {off.error:.1e} in {off.quantity}" for one, off in judged if not off.acceptable
    ]
    return f"differs from float64: {'; '.join(wrong)}; at most {LIMIT:.0e} is rounding" if wrong else None


def _timed(result: CaseResult, case: Case, contest: Contest, budget_seconds: float) -> CaseResult:
    runs = [one.run for one in contest.contenders]
    floor = FloorResult(contest.floor.kind, contest.floor.seconds())
    times: list[Timing] = alternate(runs, budget_seconds)
    disturbed: list[Timing | None] = [None] * len(runs)
    if case.disturbance is not None:
        with case.disturbance():
            disturbed = [*alternate(runs, budget_seconds)]
    ours = dataclasses.replace(result.ours, time=times[0], disturbed=disturbed[0])
    peers = tuple(
        dataclasses.replace(peer, time=time, disturbed=slow, ratio=time.median / times[0].median)
        for peer, time, slow in zip(result.peers, times[1:], disturbed[1:], strict=True)
    )
    return dataclasses.replace(result, ours=ours, peers=peers, floor=floor)
