"""Judge forecasts that were made elsewhere: only the numbers are needed, not the program that made them."""

import numpy as np

from nurt.data.synthetic import random_walk
from nurt.evaluation.forecasts.audits.copying import audit_copying
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import default_baselines, forecast_origins
from nurt.evaluation.forecasts.cells import Cells
from nurt.evaluation.forecasts.verdict import judge

LOOK_BACK, HORIZON, KNOWN = 20, 5, 400


def smoothed(values: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Stand for somebody's forecaster: the weighted mean of the last three values, at every step ahead."""
    last_three = values[origins[:, None] - np.arange(3)]
    return np.repeat(last_three @ np.array([[0.7], [0.2], [0.1]]), HORIZON, axis=1)


def main() -> None:
    values = random_walk(seed=3, n=600)
    origins = np.arange(KNOWN - 1, len(values) - HORIZON)  # positions of the last value that a forecast may use
    series = np.zeros_like(origins)  # all of them belong to series 0

    fitted = {one.name: one.fit([values[:KNOWN]]) for one in default_baselines(LOOK_BACK, HORIZON)}
    baselines = forecast_origins(fitted, [values], series, origins, HORIZON)
    cells = Cells(
        series=series,
        origin=origins,
        actual=values[origins[:, None] + np.arange(1, HORIZON + 1)],
        forecasts={"theirs": smoothed(values, origins), **baselines},  # the first is the one to judge
    )
    result = score(cells, [values[:KNOWN]])
    copying = audit_copying(cells)
    print(result)
    print(judge(result, best_baseline="naive", copying=copying))


if __name__ == "__main__":
    main()
