"""`nurt backtest`: judge a model file on rows it was not fitted on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering, blaming
from nurt.cli.options import Reading, place, whole, with_options
from nurt.cli.progress import Progress

__all__ = ["EXAMPLE", "HELP", "NAME", "backtest"]

NAME = "backtest"
HELP = (
    "Judge a model file on rows it was not fitted on, beside baselines on the same origins.\n\n"
    "Give the old data and the new: what the model was fitted on is recognised and left out of the judgement."
)
EXAMPLE = "Example: nurt backtest nurt-out/model.safetensors rates2024.csv rates2025.csv --target 1USD --windows 50"
PANEL = "Back-test"


@with_options(reading=Reading)
def backtest(
    context: typer.Context,
    model: options.ModelFile,
    reading: Reading,
    windows: Annotated[int | None, whole("--windows", "Origins per series, the latest; else all.", PANEL)] = None,
    step_size: Annotated[int, whole("--step-size", "Observations between the origins.", PANEL)] = 1,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial/--whole",
            rich_help_panel=PANEL,
            help="Also forecast from origins so late that only the first steps can be judged yet.",
        ),
    ] = True,
    threads: options.ThreadsOption = 1,
    report: Annotated[Path | None, place("--report", "FILE", "Write an HTML report.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        with Progress() as progress:
            from nurt.evaluation.forecasts.backtest import BacktestPlan
            from nurt.kernels import threads as computing
            from nurt.tasks.forecasting.reuse import run_backtest

            selection = reading.selection()
            progress.phase("judging")
            plan = BacktestPlan(windows, step_size, partial=partial)
            with computing(threads), blaming(selection.sources):
                run = run_backtest(model, selection, plan)
            if report is not None:
                from nurt.reports import write_backtest_report

                write_backtest_report(run, report)
        if as_json:
            console.emit_json(run.to_dict())
        else:
            from nurt.cli.summary import show_backtest

            show_backtest(run, report)
