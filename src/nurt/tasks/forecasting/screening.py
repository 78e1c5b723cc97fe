"""Which series can be forecast at all: said before any time is spent."""

from __future__ import annotations

import dataclasses

from nurt.data import Selection
from nurt.data.series import Series, require_usable
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
    require_usable(series, plan.look_back, plan.horizon)
    # Raises with the numbers when no training window is left once the test and validation parts are cut off.
    settings = plan.settings()
    split = cut_in_time(series, plan.look_back, 1, test=settings["test"])
    steps = plan.forecaster().training_steps
    cut_in_time(
        series_until(series, split.train_end), plan.look_back, steps, validation=settings.get("validation", 0.2)
    )
