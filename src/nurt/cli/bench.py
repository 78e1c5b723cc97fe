"""`nurt bench`: how fast the recurrences are here, beside torch, beside the floor, and how exact."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import FAILED, INTERRUPTED, answering
from nurt.cli.options import MACHINE, place
from nurt.cli.progress import Progress
from nurt.wording import MISSING, fixed

if TYPE_CHECKING:
    from nurt.benchmarks import BenchmarkRun, CaseResult, ContenderResult

__all__ = ["EXAMPLE", "HELP", "NAME", "bench", "show_benchmark"]

NAME = "bench"
HELP = (
    "Time the recurrences on this machine, beside torch and beside the least the machine would need.\n\n"
    "Each case is checked against float64 first; a wrong one reports no time, and the command ends with 1. "
    "Contenders take turns in one process."
)
EXAMPLE = "Example: nurt bench padded ragged --cells lstm,gru --threads 1,2 --out results"

RESULT = "kernels.json"
TASK = "Task"

# Spelt out, because reading them from the registry would import torch for the help.
GROUPS = (
    "padded",
    "stacked",
    "bidirectional",
    "ragged",
    "layer-norm",
    "scan",
    "streaming",
    "recording",
    "busy",
    "seed-job",
)
CELLS = ("lstm", "gru", "elman", "layer_norm_lstm", "diagonal", "complex_diagonal")


def _groups(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        _require(value, GROUPS)
    return values


def _cells(value: str | None) -> str | None:
    for part in value.split(",") if value is not None else ():
        _require(part, CELLS)
    return value


def _require(word: str, allowed: tuple[str, ...]) -> None:
    if word not in allowed:
        raise typer.BadParameter(f"{word!r} is not one of {', '.join(allowed)}.")


def _counts(value: str) -> str:
    if not all(part.isascii() and part.isdigit() and int(part) >= 1 for part in value.split(",")):
        raise typer.BadParameter(f"{value!r} is not a list of numbers of threads such as 1,2.")
    return value


def bench(
    context: typer.Context,
    groups: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GROUP", callback=_groups, help=f"What to time: {', '.join(GROUPS)}; everything by default."
        ),
    ] = None,
    cells: Annotated[
        str | None,
        typer.Option(
            "--cells",
            metavar="CELLS",
            callback=_cells,
            rich_help_panel=TASK,
            help=f"Some of {','.join(CELLS)}; all by default.",
        ),
    ] = None,
    budget: Annotated[
        float, options.rate("--budget", "Time for the rounds of one case on one number of threads.", TASK, "SECONDS")
    ] = 2.0,
    threads: Annotated[
        str,
        typer.Option(
            "--threads", metavar="COUNTS", callback=_counts, rich_help_panel=MACHINE, help="Numbers of threads."
        ),
    ] = "1,2",
    out: Annotated[Path | None, place("--out", "FOLDER", f"Write {RESULT} into this folder.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        with Progress() as progress:
            from nurt.benchmarks import BenchmarkPlan, run_benchmark

            plan = BenchmarkPlan(
                groups=tuple(groups or ()),
                cells=tuple(cells.split(",")) if cells else (),
                threads=tuple(map(int, threads.split(","))),
                budget_seconds=budget,
            )
            run = run_benchmark(plan, progress.advance)
        if out is not None:
            import json

            from nurt.writing import write_whole

            write_whole(out / RESULT, json.dumps(run.to_dict(), indent=1, allow_nan=False) + "\n")
        if as_json:
            console.emit_json(run.to_dict())
        else:
            show_benchmark(run, None if out is None else out / RESULT)
        _end(run.interrupted, len(run.cases), len(run.faults))


def _end(interrupted: bool, measured: int, faults: int) -> None:
    if interrupted:
        console.complain(f"Interrupted; the {measured} results up to then are kept.", opening="nurt: ")
        raise typer.Exit(INTERRUPTED)
    if faults:
        console.complain(f"{faults} of {measured} cases are wrong and report no time.")
        raise typer.Exit(FAILED)


COLUMNS = ("case", "against", "nurt", "other", "ratio", "floor", "errors")


def show_benchmark(run: BenchmarkRun, file: Path | None) -> None:
    """Print the result of `nurt bench`; ``file`` is where it was written to."""
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
    _remarks(run, slow_downs)
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


def _remarks(run: BenchmarkRun, disturbed: list[CaseResult]) -> None:
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
