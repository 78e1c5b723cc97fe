"""`nurt forecast`: train on a table, judge against baselines, forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurt.cli import console
from nurt.cli.faults import answering
from nurt.cli.options import JsonOption, Reading, flag, place, with_options
from nurt.cli.progress import Progress

if TYPE_CHECKING:
    from nurt.tasks.forecasting.results import ForecastRun

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

            built = ForecastPlan(**plan)
            selection = reading.selection()
            progress.phase("preparing")
            run = run_forecast(selection, built, out=out, resume=resume, listener=progress)
            progress.phase("writing")
            run = write_files(run, out, report=not no_report)
        if as_json:
            console.emit_json(run.to_dict())
        else:
            from nurt.cli.summary import show_forecast

            show_forecast(run, out)


def write_files(run: ForecastRun, out: Path, *, report: bool) -> ForecastRun:
    """Write table and report into ``out`` and return the run with their place."""
    import dataclasses

    from nurt.reports import write_forecast_report, write_forecast_table

    write_forecast_table(run.forecast, out / TABLE, model=run.model.name)
    if not report:
        return run
    run = dataclasses.replace(run, report=str(out / REPORT))
    write_forecast_report(run, out / REPORT)
    return run
