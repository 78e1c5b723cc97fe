"""Which baseline is the bar: chosen before the test part is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nurt.data.series import Series
from nurt.data.windows import Origins, Windows
from nurt.errors import DataError
from nurt.evaluation.forecasts.baselines import default_baselines, forecast_origins
from nurt.evaluation.forecasts.cells import Cells
from nurt.tasks.forecasting.backtesting import series_until
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.problem import cut_in_time

__all__ = ["best_baseline"]

# The part of the known rows that baselines compete on when the network itself keeps none for validation.
SHARE = 0.2


def best_baseline(series: Sequence[Series], known: Sequence[int], forecaster: Forecaster) -> str:
    """Return the baseline with the lowest mean absolute error on the latest known rows, fitted on earlier ones.

    Where those rows are too few for a single path, the bar is repeating the last value.
    """
    look_back, horizon = forecaster.look_back, forecaster.horizon
    share = forecaster.validation or SHARE
    seen = [series_until(one, rows) for one, rows in zip(series, known, strict=True)]
    try:
        splits = [cut_in_time(one, look_back, horizon, validation=share) for one in seen]
    except DataError:
        return "naive"
    origins = Origins.of_series([split.origins("validation") for split in splits])
    if len(origins) == 0:
        return "naive"
    values = [one.values for one in seen]
    training = [one[: split.train_end] for one, split in zip(values, splits, strict=True)]
    fitted = {one.name: one.fit(training) for one in default_baselines(look_back, horizon, forecaster.season)}
    said = forecast_origins(fitted, values, origins.series, origins.position, horizon)
    truth = Windows(seen, look_back, horizon).gather(origins).targets
    cells = Cells(origins.series, origins.position, truth, {"naive": said.pop("naive"), **said})
    scored = cells.scored
    if not scored.any():
        return "naive"
    errors = {name: float(np.abs(truth - forecast)[scored].mean()) for name, forecast in cells.forecasts.items()}
    return min(errors, key=lambda name: errors[name])
