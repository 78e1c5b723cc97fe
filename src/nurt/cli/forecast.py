"""`nurt forecast`: train on a table, judge against what costs nothing, forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering
from nurt.cli.options import MACHINE, choice, flag, place, rate, share, whole
from nurt.cli.progress import Progress
from nurt.cli.reading import Reading

if TYPE_CHECKING:
    from nurt.tasks.forecasting import ForecastRun

__all__ = ["EXAMPLE", "HELP", "NAME", "REPORT", "forecast", "write_files"]

NAME = "forecast"
HELP = (
    "Train a network on a table, judge it against what costs nothing, and forecast.\n\n"
    "The latest part of the rows is kept for judging; nothing is learnt from it. You get a verdict, a forecast with "
    "its bands, an HTML report, a model file and a CSV file."
)
EXAMPLE = "Example: nurt forecast rates2023.csv rates2024.csv --target 1USD --look-back 60 --horizon 30"

TASK = "Task"
NETWORK = "Network (the recipe decides what is not given)"
TRAINING = "Training (the recipe decides what is not given)"
RECIPES = (
    "default: starts at the repeat of the last value, learns bands, stops by itself. "
    "course: three LSTM layers of 50, one step ahead and fed back."
)

REPORT = "report.html"
TABLE = "forecast.csv"


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
    look_back: Annotated[int, whole("--look-back", "Observations the network reads.", TASK)] = 60,
    horizon: Annotated[int, whole("--horizon", "Observations to forecast.", TASK)] = 30,
    season: Annotated[
        int, whole("--season", "Observations in a season, such as 24 for the hours of a day; 1 means none.", TASK)
    ] = 1,
    test: Annotated[float | None, share("--test", "Share of the data, the latest, that only judges.", TASK)] = None,
    step_size: Annotated[int, whole("--step-size", "Observations between the origins that judge.", TASK)] = 1,
    baseline: options.BaselineOption = None,
    recipe: Annotated[options.Recipe, choice("--recipe", RECIPES, NETWORK)] = "default",
    cell: Annotated[options.Cell | None, choice("--cell", "Recurrence.", NETWORK)] = None,
    layers: Annotated[int | None, whole("--layers", "Layers.", NETWORK)] = None,
    hidden: Annotated[int | None, whole("--hidden", "Units of each layer.", NETWORK)] = None,
    dropout: Annotated[float | None, share("--dropout", "Share of units silenced while training.", NETWORK)] = None,
    strategy: Annotated[
        options.Strategy | None, choice("--strategy", "All steps at once, or one step fed back.", NETWORK)
    ] = None,
    scaling: Annotated[
        options.Scaling | None,
        choice("--scaling", "How windows are scaled: window, minmax, standard or none.", NETWORK, metavar="KIND"),
    ] = None,
    loss: Annotated[
        options.Loss | None,
        choice("--loss", "What is minimised: quantile (gives bands), squared or absolute.", TRAINING, metavar="KIND"),
    ] = None,
    epochs: Annotated[int | None, whole("--epochs", "Most passes over the data.", TRAINING)] = None,
    batch_size: Annotated[int | None, whole("--batch-size", "Windows per step.", TRAINING)] = None,
    learning_rate: Annotated[float | None, rate("--learning-rate", "Step size of Adam.", TRAINING)] = None,
    patience: Annotated[
        int | None, whole("--patience", "Epochs without improvement before stopping.", TRAINING)
    ] = None,
    validation: Annotated[
        float | None,
        share("--validation", "Share of the training data, the latest, that decides when to stop.", TRAINING),
    ] = None,
    seed: options.SeedOption = 0,
    seeds: Annotated[
        int, whole("--seeds", "Initialisations to train; 5 show how much of the result is luck.", MACHINE)
    ] = 1,
    threads: options.ThreadsOption = 1,
    out: Annotated[Path, place("--out", "FOLDER", "Where report, model and table go.")] = Path("nurt-out"),
    resume: Annotated[bool, flag("--resume", "Go on with an interrupted run, bit for bit.")] = False,
    no_report: Annotated[bool, flag("--no-report", "Write no HTML report.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    reading = Reading(files, target, time, series, past_covariate, format, on_duplicate, on_unordered, grid)
    told: dict[str, Any] = {
        "look_back": look_back, "horizon": horizon, "season": season, "test": test, "step_size": step_size,
        "recipe": recipe, "cell": cell, "layers": layers, "hidden": hidden, "dropout": dropout, "strategy": strategy,
        "scaling": scaling, "loss": loss, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "patience": patience, "validation": validation, "seed": seed, "seeds": seeds, "threads": threads,
        "baselines": tuple(baseline or ()),
    }  # fmt: skip
    progress = Progress(seeds)
    with answering(context, lambda: out if progress.training_began else None):
        with progress:
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
