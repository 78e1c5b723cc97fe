"""`nurt bench`: how fast the recurrences are here, beside torch, beside the floor, and how exact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import FAILED, INTERRUPTED, answering
from nurt.cli.options import MACHINE, place
from nurt.cli.progress import Progress

__all__ = ["EXAMPLE", "HELP", "NAME", "bench"]

NAME = "bench"
HELP = (
    "Time the recurrences on this machine, beside torch and beside the least the machine would need.\n\n"
    "Each case is checked against float64 first; one that is wrong tells no time, and the command ends with 1. "
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
            metavar="GROUP", callback=_groups, help=f"What to time: {', '.join(GROUPS)}; everything unless said."
        ),
    ] = None,
    cells: Annotated[
        str | None,
        typer.Option(
            "--cells",
            metavar="CELLS",
            callback=_cells,
            rich_help_panel=TASK,
            help=f"Some of {','.join(CELLS)}; all unless said.",
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
            from nurt.cli.bench_summary import show_benchmark

            show_benchmark(run, None if out is None else out / RESULT)
        _end(run.interrupted, len(run.cases), len(run.faults))


def _end(interrupted: bool, measured: int, faults: int) -> None:
    if interrupted:
        console.complain(f"Interrupted; the {measured} results up to then are kept.", opening="nurt: ")
        raise typer.Exit(INTERRUPTED)
    if faults:
        console.complain(f"{faults} of {measured} cases are wrong and tell no time.")
        raise typer.Exit(FAILED)
