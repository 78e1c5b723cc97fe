"""The forecast as a long table in the form other tools read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nurt.writing import write_whole

if TYPE_CHECKING:
    from nurt.tasks.forecasting.results import ForecastStep

__all__ = ["write_forecast_table"]


def write_forecast_table(steps: Sequence[ForecastStep], path: str | Path, *, model: str) -> Path:
    """Write a forecast as CSV: ``unique_id, ds, step, <model>, <model>-lo-80, …``, one row per series and step.

    Numbers are written in full, so that reading gives the same floats; what is unknown stays empty.

    Args:
        steps: the forecast.
        path: the file; its folder is made if need be.
        model: name of the forecast column.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bounds = ("lo-95", "lo-80", "hi-80", "hi-95")
    writer.writerow(["unique_id", "ds", "step", model, *(f"{model}-{bound}" for bound in bounds)])
    for step in steps:
        values = [getattr(step, bound.replace("-", "_")) for bound in bounds]
        written = ["" if value is None else repr(float(value)) for value in (step.median, *values)]
        writer.writerow([step.series, step.time or "", step.h, *written])
    write_whole(Path(path), text.getvalue())
    return Path(path)
