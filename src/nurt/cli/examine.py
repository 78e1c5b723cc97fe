"""`nurt examine`: look into the network of a model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering
from nurt.cli.options import place, whole
from nurt.cli.progress import Progress
from nurt.cli.reading import Reading

if TYPE_CHECKING:
    from nurt.tasks.forecasting import ExamineRun

__all__ = ["EXAMPLE", "HELP", "NAME", "examine"]

NAME = "examine"
HELP = (
    "Look into the network of a model file: how far its gradients and its memory reach, on windows of the data.\n\n"
    "Nothing is trained, nothing is random. The data need at least one window with its target."
)
EXAMPLE = "Example: nurt examine nurt-out/model.safetensors rates.csv --target 1USD --out nurt-out"
REPORT = "examination.html"


def examine(
    context: typer.Context,
    model: options.ModelFile,
    files: options.Files,
    target: options.TargetOption = None,
    time: options.TimeOption = None,
    series: options.SeriesOption = None,
    past_covariate: options.PastCovariateOption = None,
    format: options.FormatOption = "auto",
    on_duplicate: options.OnDuplicateOption = "refuse",
    on_unordered: options.OnUnorderedOption = "sort",
    grid: options.GridOption = None,
    rows: Annotated[int, whole("--rows", "Windows to look at, spread evenly over the data.", "Examination")] = 8,
    threads: options.ThreadsOption = 1,
    out: Annotated[Path | None, place("--out", "FOLDER", "Write an HTML report with all figures there.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    reading = Reading(files, target, time, series, past_covariate, format, on_duplicate, on_unordered, grid)
    with answering(context):
        from nurt.kernels import threads as computing

        # Results compute what they show when they are asked for it.
        with computing(threads):
            run = _examined(reading, model, rows, out)
            if as_json:
                console.emit_json(run.to_dict())
            else:
                from nurt.cli.examination import show_examination

                show_examination(run)


def _examined(reading: Reading, model: Path, rows: int, out: Path | None) -> ExamineRun:
    with Progress() as progress:
        import dataclasses

        from nurt.diagnostics import Scope
        from nurt.tasks.forecasting import run_examine

        selection = reading.selection()
        progress.phase("examining")
        run = run_examine(model, selection, Scope(rows=rows))
        if out is None:
            return run
        from nurt.reports import write_examination_report

        progress.phase("writing")
        run = dataclasses.replace(run, report=str(out / REPORT))
        write_examination_report(run, out / REPORT)
        return run
