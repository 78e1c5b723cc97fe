"""`nurt forecast`: train on a table, judge against what costs nothing, forecast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering
from nurt.cli.options import MACHINE, OUTPUT
from nurt.cli.progress import Progress
from nurt.cli.reading import Reading

if TYPE_CHECKING:
    from nurt.tasks.forecasting import ForecastRun

__all__ = ["EXAMPLE", "HELP", "NAME", "computing_with", "forecast", "write_files"]

NAME = "forecast"
HELP = """Train a network on a table, judge it against what costs nothing, and forecast.

The last part of the rows is kept for judging: nothing is learnt from it. The verdict, the forecast with its bands,
an HTML report, the model file and a CSV file are what you get."""
EXAMPLE = "Example: nurt forecast rates2023.csv rates2024.csv --target 1USD --look-back 60 --horizon 30"

TASK = "Task"
NETWORK = "Network (the recipe decides what is not given)"
TRAINING = "Training (the recipe decides what is not given)"

REPORT = "report.html"
TABLE = "forecast.csv"


def _setting(name: str, help: str, panel: str, **bounds: Any) -> Any:
    """Return an option without a value of its own: what is not given is the recipe's."""
    return typer.Option(name, help=help, rich_help_panel=panel, show_default=False, **bounds)


def forecast(
    context: typer.Context,
    files: options.Files,
    target: options.TargetOption = None,
    time: options.TimeOption = None,
    series: options.SeriesOption = None,
    past_covariate: options.PastCovariateOption = None,
    format: options.FormatOption = "auto",
    on_duplicate: options.OnDuplicateOption = "refuse",
    on_unordered: options.OnUnorderedOption = "sort",
    grid: options.GridOption = None,
    look_back: Annotated[
        int, typer.Option("--look-back", min=1, metavar="N", rich_help_panel=TASK, help="Observations the network reads.")
    ] = 60,
    horizon: Annotated[
        int, typer.Option("--horizon", min=1, metavar="N", rich_help_panel=TASK, help="Observations to forecast.")
    ] = 30,
    season: Annotated[
        int,
        typer.Option(
            "--season", min=1, metavar="N", rich_help_panel=TASK,
            help="Observations in a season, such as 24 for hours of a day; 1 means none.",
        ),
    ] = 1,
    test: Annotated[
        float | None,
        _setting("--test", "Share of the data, the latest, that only judges.", TASK, callback=options.share, metavar="SHARE"),
    ] = None,
    step_size: Annotated[
        int,
        typer.Option(
            "--step-size", min=1, metavar="N", rich_help_panel=TASK, help="Observations between the origins that judge."
        ),
    ] = 1,
    recipe: Annotated[
        options.Recipe,
        typer.Option(
            "--recipe", rich_help_panel=NETWORK,
            help="default: starts at the repeat of the last value, learns bands, stops by itself. "
            "course: three LSTM layers of 50, one step ahead and fed back.",
        ),
    ] = "default",
    cell: Annotated[options.Cell | None, _setting("--cell", "Recurrence.", NETWORK)] = None,
    layers: Annotated[int | None, _setting("--layers", "Layers.", NETWORK, min=1, metavar="N")] = None,
    hidden: Annotated[int | None, _setting("--hidden", "Units of each layer.", NETWORK, min=1, metavar="N")] = None,
    dropout: Annotated[
        float | None,
        _setting("--dropout", "Share of units silenced while training.", NETWORK, callback=options.share, metavar="SHARE"),
    ] = None,
    strategy: Annotated[
        options.Strategy | None, _setting("--strategy", "All steps at once, or one fed back.", NETWORK)
    ] = None,
    scaling: Annotated[options.Scaling | None, _setting("--scaling", "How windows are scaled.", NETWORK)] = None,
    loss: Annotated[options.Loss | None, _setting("--loss", "What training minimises; quantile gives bands.", TRAINING)] = None,
    epochs: Annotated[int | None, _setting("--epochs", "Most passes over the data.", TRAINING, min=1, metavar="N")] = None,
    batch_size: Annotated[int | None, _setting("--batch-size", "Windows per step.", TRAINING, min=1, metavar="N")] = None,
    learning_rate: Annotated[
        float | None,
        _setting("--learning-rate", "Step size of Adam.", TRAINING, callback=options.positive, metavar="RATE"),
    ] = None,
    patience: Annotated[
        int | None,
        _setting("--patience", "Epochs without improvement before stopping.", TRAINING, min=1, metavar="N"),
    ] = None,
    validation: Annotated[
        float | None,
        _setting(
            "--validation", "Share of the training data, the latest, that decides when to stop.", TRAINING,
            callback=options.share, metavar="SHARE",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="N", rich_help_panel=MACHINE, help="Fixes everything random.")
    ] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", min=1, metavar="N", rich_help_panel=MACHINE,
            help="Initialisations to train; 5 show how much of the result is luck.",
        ),
    ] = 1,
    threads: options.ThreadsOption = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", rich_help_panel=OUTPUT, help="Where report, model and table go.")
    ] = Path("nurt-out"),
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=OUTPUT, help="Go on with an interrupted run, bit for bit.")
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", rich_help_panel=OUTPUT, help="Write no HTML report.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:  # fmt: skip
    """Run the command; every argument is an option of the command line."""
    reading = Reading(files, target, time, series, past_covariate, format, on_duplicate, on_unordered, grid)
    told = {
        "look_back": look_back, "horizon": horizon, "season": season, "test": test, "step_size": step_size,
        "recipe": recipe, "cell": cell, "layers": layers, "hidden": hidden, "dropout": dropout, "strategy": strategy,
        "scaling": scaling, "loss": loss, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "patience": patience, "validation": validation, "seed": seed, "seeds": seeds,
    }  # fmt: skip
    progress = Progress(seeds)
    with answering(context, lambda: out if progress.training_began else None):
        with progress, computing_with(threads):
            from nurt.tasks.forecasting import ForecastPlan, run_forecast

            plan = ForecastPlan(**told)
            selection = reading.selection()
            progress.phase("preparing")
            run = run_forecast(selection, plan, out=out, resume=resume, listener=progress)
            progress.phase("writing")
            run = write_files(run, out, report=not no_report)
        if as_json:
            console.emit_json(run.to_dict())
        else:
            from nurt.cli.summary import show_forecast

            show_forecast(run, out)


@contextmanager
def computing_with(threads: int | None) -> Iterator[None]:
    """Let so many threads compute inside the block; None leaves the choice to the task."""
    if threads is None:
        yield
        return
    from nurt.kernels.threads import threads as computing

    with computing(threads):
        yield


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
