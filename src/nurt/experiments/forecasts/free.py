"""What costs nothing on a series of hours: repeating an hour seen before, and a least-squares line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.data import Series
from nurt.evaluation.forecasts.baselines import AbstractBaseline, Linear, SeasonalNaive
from nurt.wording import Text

__all__ = ["FreeScore", "free_scores"]

REPEATS = (
    (1, Text("the last hour", "ostatnia godzina")),
    (24, Text("same hour yesterday", "ta sama godzina wczoraj")),
    (168, Text("same hour last week", "ta sama godzina tydzień temu")),
)


@dataclass(frozen=True)
class FreeScore:
    """What a method that costs nothing reaches on the test part.

    Args:
        name: of the method.
        mae, rmse: mean absolute error and root mean squared error one hour ahead.
        errors: mean absolute error per horizon.
    """

    name: Text
    mae: float
    rmse: float
    errors: tuple[float, ...]


def free_scores(series: Series, known: int, horizons: tuple[int, ...], look_back: int) -> tuple[FreeScore, ...]:
    """Return what three repeats and a least-squares line cost on the hours from ``known`` on.

    A missing hour is not scored, nor is a forecast from a window that lacks an hour where the line needs all.

    Args:
        series: on a grid of hours.
        known: hours before the test part.
        horizons: hours ahead that are judged.
        look_back: hours that the line reads; as many before the test part are left out of the fit.
    """
    values = series.values
    methods: list[tuple[Text, AbstractBaseline]] = [(name, SeasonalNaive(season)) for season, name in REPEATS]
    line = Text("least squares on {h} h", "najmniejsze kwadraty na {h} h").filled(h=look_back)
    methods.append((line, Linear(look_back, max(horizons))))
    scores = []
    for name, method in methods:
        fitted = method.fit([values[: known - look_back]])
        left = {}
        for horizon in {1, *horizons}:
            origins = np.arange(known - 1, len(values) - horizon)
            left[horizon] = values[origins + horizon] - fitted.forecast(values, origins, horizon)[:, -1]
        errors = {horizon: float(np.nanmean(np.abs(one))) for horizon, one in left.items()}
        root = float(np.sqrt(np.nanmean(left[1] ** 2)))
        scores.append(FreeScore(name, errors[1], root, tuple(errors[one] for one in horizons)))
    return tuple(scores)
