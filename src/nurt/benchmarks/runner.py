"""Run cases: the gate (a comparison with float64) first, then times in turns, per number of threads."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nurt import environment
from nurt.benchmarks.case import Case, Contender, Contest, Outcome
from nurt.benchmarks.conditions import busy_cores, commit
from nurt.benchmarks.results import BenchmarkRun, CaseResult, ContenderResult, FloorResult
from nurt.benchmarks.timing import Timing, alternate
from nurt.errors import NurtValueError
from nurt.kernels import threads
from nurt.kernels.native.call import instruction_set

__all__ = ["LIMIT", "BenchmarkPlan", "Deviation", "OnCase", "deviation", "run_cases"]

SEED = 0
# About five times the largest rounding error in float32 that was measured, over up to 1000 steps and 512 units.
LIMIT = 2e-5


class OnCase(Protocol):
    """Called with the case that runs, the number of results so far, and the number of all."""

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Take note of the progress."""
        ...


@dataclass(frozen=True)
class BenchmarkPlan:
    """Cases, threads and time of a run.

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


def run_cases(cases: Sequence[Case], plan: BenchmarkPlan, listener: OnCase | None = None) -> BenchmarkRun:
    """Run cases one after the other; an interruption keeps the measured cases.

    A case whose gate is red reports no time: neither its own nor a ratio.

    Args:
        cases: to run.
        plan: threads and budget.
        listener: called after every result.
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


@dataclass(frozen=True)
class Deviation:
    """How far an outcome is from the reference.

    Args:
        error: the largest error of any quantity, in units of that quantity's largest magnitude; infinite where one is
            missing, misshapen or not finite.
        quantity: where it is.
    """

    error: float
    quantity: str

    @property
    def acceptable(self) -> bool:
        """Whether a time may be reported."""
        return self.error <= LIMIT


def deviation(outcome: Outcome, reference: Outcome) -> Deviation:
    """Compare an outcome with the float64 reference, quantity by quantity.

    Args:
        outcome: of a contender.
        reference: the right values; every quantity in it must be in ``outcome``.

    Returns:
        The worst quantity.
    """
    found = [Deviation(_error(outcome.get(name), expected), name) for name, expected in reference.items()]
    return max(found, key=lambda one: one.error)


def _tell(listener: OnCase | None, case: Case, done: int, total: int) -> None:
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
    """Name the contenders that are wrong; None where all are right."""
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


def _error(actual: Tensor | None, expected: Tensor) -> float:
    if actual is None or actual.shape != expected.shape:
        return math.inf
    expected = expected.detach().double()
    off = float((actual.detach().double() - expected).abs().max())
    size = float(expected.abs().max())
    error = off / size if size > 0.0 else off
    return error if math.isfinite(error) else math.inf
