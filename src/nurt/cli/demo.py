"""`nurt demo`: a series whose best possible error is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering
from nurt.cli.forecast import REPORT
from nurt.cli.options import MACHINE, flag, place, whole
from nurt.cli.progress import Progress

if TYPE_CHECKING:
    from nurt.tasks.forecasting.demo import DemoRun
    from nurt.tasks.running import OutputFolder

__all__ = ["EXAMPLE", "HELP", "NAME", "demo"]

NAME = "demo"
HELP = (
    "Forecast a noisy sine wave whose best possible error is known.\n\n"
    "Needs no data. An LSTM from several initialisations stands beside the noise floor, a linear model and the repeat "
    "of the last value."
)
EXAMPLE = "Example: nurt demo --out demo-out"


def demo(
    context: typer.Context,
    seed: options.SeedOption = 0,
    seeds: Annotated[int, whole("--seeds", "Initialisations to train.", MACHINE, least=2)] = 5,
    out: Annotated[Path, place("--out", "FOLDER", "Where report and model go.")] = Path("demo-out"),
    no_report: Annotated[bool, flag("--no-report", "Write no HTML report.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        with Progress(seeds + 1) as progress:
            from nurt.tasks.forecasting.demo import run_demo
            from nurt.tasks.running import OutputFolder

            with OutputFolder(out) as folder:
                result = run_demo(seed=seed, seeds=seeds, out=folder, listener=progress)
                if not no_report:
                    progress.phase("writing")
                    result = _reported(result, folder)
        if as_json:
            console.emit_json(result.to_dict())
        else:
            from nurt.cli.summary import show_demo

            show_demo(result, out)
        failure = folder.failure()
        if failure is not None:
            raise failure


def _reported(demo: DemoRun, folder: OutputFolder) -> DemoRun:
    """Write the report, and return the demonstration with its place."""
    import dataclasses

    from nurt.reports import write_demo_report

    run = dataclasses.replace(demo.run, report=str(folder.path / REPORT))
    reported = dataclasses.replace(demo, run=run)
    return demo if folder.keep(REPORT, lambda path: write_demo_report(reported, path)) is None else reported
