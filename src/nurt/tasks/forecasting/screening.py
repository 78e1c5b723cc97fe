"""Which series can be forecast at all: said before any time is spent."""

from __future__ import annotations

import dataclasses

import numpy as np

from nurt.data import Selection
from nurt.data.series import Series
from nurt.errors import DataError
from nurt.tasks.forecasting.backtesting import series_until
from nurt.tasks.forecasting.problem import cut_in_time
from nurt.tasks.forecasting.recipes import ForecastPlan

__all__ = ["screened"]


def screened(selection: Selection, plan: ForecastPlan) -> Selection:
    """Return the selection without series that hold nothing to learn from, each left out with a note.

    Raises:
        DataError: no series is left; the message is about the first of them.
    """
    kept: list[Series] = []
    faults: list[DataError] = []
    for one in selection.series:
        try:
            _require_usable(one, plan)
            kept.append(one)
        except DataError as error:
            faults.append(error)
    if not kept:
        raise faults[0]
    notes = tuple(f"Left out. {fault.what}" for fault in faults)
    return dataclasses.replace(selection, series=tuple(kept), notes=(*selection.notes, *notes))


def _require_usable(series: Series, plan: ForecastPlan) -> None:
    observed = series.values[np.isfinite(series.values)]
    if observed.size == 0:
        raise DataError(f"Series {series.name!r} has no observed value.", cure="Choose another target column.")
    needed = plan.look_back + plan.horizon
    if len(series) < needed:
        raise DataError(
            f"Series {series.name!r} is too short: it has {len(series)} observations.",
            expected=f"at least look-back + horizon = {plan.look_back} + {plan.horizon} = {needed}",
            got=str(len(series)),
            cure="Give more data, or a smaller --look-back or --horizon.",
        )
    if observed.min() == observed.max():
        raise DataError(
            f"Series {series.name!r} is constant: every observed value is {observed[0]:g}.",
            cure="There is nothing to forecast; choose another target column.",
        )
    # Raises with the numbers when no training window is left once the test and validation parts are cut off.
    settings = plan.settings()
    split = cut_in_time(series, plan.look_back, 1, test=settings["test"])
    steps = plan.forecaster().training_steps
    cut_in_time(
        series_until(series, split.train_end), plan.look_back, steps, validation=settings.get("validation", 0.2)
    )
