"""`nurt forecast`: train on a table, judge against baselines, forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurt.cli import console
from nurt.cli.faults import answering, blaming
from nurt.cli.options import JsonOption, Reading, flag, place, with_options
from nurt.cli.progress import Progress

if TYPE_CHECKING:
    from nurt.tasks.forecasting.results import ForecastRun
    from nurt.tasks.running import OutputFolder

__all__ = ["EXAMPLE", "HELP", "NAME", "REPORT", "forecast", "write_files"]

NAME = "forecast"
HELP = (
    "Train a network on a table, judge it against trivial baselines, and forecast.\n\n"
    "The latest part of the rows is kept for judging; nothing is learnt from it. You get a verdict, a forecast with "
    "its bands, an HTML report, a model file and a CSV file."
)
EXAMPLE = "Example: nurt forecast rates2023.csv rates2024.csv --target 1USD --look-back 60 --horizon 30"

REPORT = "report.html"
TABLE = "forecast.csv"


@with_options(reading=Reading, plan="nurt.tasks.forecasting.options:ForecastPlan")
def forecast(
    context: typer.Context,
    reading: Reading,
    plan: dict[str, Any],
    out: Annotated[Path, place("--out", "FOLDER", "Where report, model and table go.")] = Path("nurt-out"),
    resume: Annotated[bool, flag("--resume", "Continue an interrupted run, bit for bit.")] = False,
    no_report: Annotated[bool, flag("--no-report", "Write no HTML report.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    progress = Progress(plan["seeds"])
    with answering(context, lambda: out if progress.training_began else None):
        with progress:
            from nurt.tasks.forecasting.options import ForecastPlan
            from nurt.tasks.forecasting.run import run_forecast
            from nurt.tasks.running import OutputFolder

            built = ForecastPlan(**plan)
            selection = reading.selection()
            progress.phase("preparing")
            with blaming(selection.sources), OutputFolder(out, resume=resume) as folder:
                run = run_forecast(selection, built, out=folder, listener=progress)
                progress.phase("writing")
                run = write_files(run, folder, report=not no_report)
        if as_json:
            console.emit_json(run.to_dict())
        else:
            from nurt.cli.summary import show_forecast

            show_forecast(run, out, missing=folder.failures)
        failure = folder.failure()
        if failure is not None:
            raise failure


def write_files(run: ForecastRun, folder: OutputFolder, *, report: bool) -> ForecastRun:
    """Write table and report into the folder of the run, and return the run with the place of the report."""
    import dataclasses

    from nurt.reports import write_forecast_report, write_forecast_table

    folder.keep(
        TABLE, lambda path: write_forecast_table(run.forecast, path, model=run.model.name, recommended=run.recommended)
    )
    if not report:
        return run
    reported = dataclasses.replace(run, report=str(folder.path / REPORT))
    return run if folder.keep(REPORT, lambda path: write_forecast_report(reported, path)) is None else reported
