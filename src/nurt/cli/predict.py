"""`nurt predict`: forecast with a model file."""

from __future__ import annotations

import typer

from nurt.cli import console, options
from nurt.cli.faults import answering, blaming
from nurt.cli.options import Reading, with_options
from nurt.cli.progress import Progress

__all__ = ["EXAMPLE", "HELP", "NAME", "predict"]

NAME = "predict"
HELP = (
    "Forecast with a model file, after the last observation of the data given.\n\n"
    "Nothing is trained, nothing is random. The data need at least the look-back of the model."
)
EXAMPLE = "Example: nurt predict nurt-out/model.safetensors rates2025.csv --target 1USD --csv forecast.csv"


@with_options(reading=Reading)
def predict(
    context: typer.Context,
    model: options.ModelFile,
    reading: Reading,
    threads: options.ThreadsOption = 1,
    csv: options.CsvOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run the command; every argument is an option of the command line."""
    with answering(context):
        with Progress() as progress:
            from nurt.kernels import threads as computing
            from nurt.tasks.forecasting.reuse import run_predict

            selection = reading.selection()
            progress.phase("forecasting")
            with computing(threads), blaming(selection.sources):
                run = run_predict(model, selection)
            if csv is not None:
                from nurt.reports import write_forecast_table

                write_forecast_table(run.forecast, csv, model=run.model.name)
        if as_json:
            console.emit_json(run.to_dict())
        else:
            from nurt.cli.summary import show_prediction

            show_prediction(run, csv)
