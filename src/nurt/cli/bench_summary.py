"""The result of a benchmark on a terminal: a table per group and number of threads, then where nurt is slower."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from nurt.cli import console
from nurt.wording import MISSING, fixed

if TYPE_CHECKING:
    from nurt.benchmarks import BenchmarkRun, CaseResult, ContenderResult

__all__ = ["show_benchmark"]

COLUMNS = ("case", "against", "nurt", "other", "ratio", "floor", "errors")


def show_benchmark(run: BenchmarkRun, file: Path | None) -> None:
    """Print what `nurt bench` found out; ``file`` is where it was written to."""
    processor = f"{run.machine['processor']}, {run.machine['cores']} cores, {run.instruction_set}"
    console.facts([("machine", processor), ("torch", run.versions["torch"]), ("date", run.date)])
    if run.was_busy:
        console.line(f"Other programs were busy on {run.busy_cores:.1f} cores: do not rely on these times.")
    slow_downs = []
    ordered = sorted(run.cases, key=lambda case: (_place(run, case.group), case.threads))
    for (group, threads), cases in groupby(ordered, key=lambda case: (case.group, case.threads)):
        shown = list(cases)
        console.gap()
        console.line(f"{group}, {threads} {'thread' if threads == 1 else 'threads'}, milliseconds", strong=True)
        console.table(COLUMNS, [row for case in shown for row in _rows(case)], words=(0, 1))
        slow_downs += [case for case in shown if case.ours.disturbed is not None]
    _tell(run, slow_downs)
    console.gap()
    console.line(
        "Medians, ± half the distance of the quartiles. ratio: other over nurt. errors: of nurt/of the other, "
        "against float64, in units of the largest magnitude."
    )
    if file is not None:
        console.line(f"Written to {file}")


def _place(run: BenchmarkRun, group: str) -> int:
    return next(number for number, case in enumerate(run.cases) if case.group == group)


def _rows(case: CaseResult) -> Iterator[list[str]]:
    floor = MISSING if case.floor is None else _milliseconds(case.floor.seconds)
    for number, peer in enumerate(case.peers):
        ratio = "red gate" if case.fault is not None else fixed(peer.ratio, 2)
        first = [case.title, peer.name.removeprefix("torch."), _time(case.ours), _time(peer), ratio, floor]
        errors = f"{_error(case.ours)}/{_error(peer)}"
        yield [*(first if number == 0 else ["", *first[1:]]), errors]


def _tell(run: BenchmarkRun, disturbed: list[CaseResult]) -> None:
    sentences = [
        f"{case.title} on {case.threads}: with one core taken {_slow_down(case.ours)}, "
        + ", ".join(_slow_down(peer) for peer in case.peers)
        for case in disturbed
    ]
    sentences += [f"{case.title} on {case.threads}: {case.fault}" for case in run.faults]
    sentences += [
        f"{case.title} on {case.threads} ({case.group}): nurt is slower than {peer.name}, {fixed(peer.ratio, 2)}"
        for case in run.cases
        for peer in case.slower_than()
    ]
    if sentences:
        console.gap()
        console.facts([("·", sentence) for sentence in sentences])


def _slow_down(one: ContenderResult) -> str:
    return f"{one.name} takes {fixed(one.slow_down, 2)} times as long"


def _time(one: ContenderResult) -> str:
    if one.time is None:
        return MISSING
    spread = f" ±{one.time.spread:.0%}" if one.time.samples > 1 else ""
    return _milliseconds(one.time.median) + spread


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1.0 else f"{seconds * 1e3:.0f}"


def _error(one: ContenderResult) -> str:
    return "NaN" if one.error is None else f"{one.error:.0e}".replace("e-0", "e-")
