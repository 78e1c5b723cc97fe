"""The demonstration: a series whose best possible error is known, forecast from one command."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nurt.data import Selection
from nurt.data.series import Series
from nurt.data.synthetic import noisy_sine
from nurt.evaluation.baselines import AbstractBaseline, Linear, Naive
from nurt.results import Result
from nurt.tasks.forecasting.recipes import ForecastPlan
from nurt.tasks.forecasting.results import ForecastRun, SeedStudy
from nurt.tasks.forecasting.run import Trial, conclude, prepare_folder, try_out
from nurt.tasks.forecasting.fitting import Sitting
from nurt.training import Listener

__all__ = ["DemoRun", "run_demo"]

LOOK_BACK = 10
HORIZON = 20
AMPLITUDE = 0.4


@dataclass(frozen=True)
class DemoRun(Result):
    """The demonstration in numbers; errors are mean squared errors one step ahead on the test part.

    Args:
        noise_floor: variance of the uniform noise, amplitude²/12: no forecaster can do better on average.
        rows: forecaster → error; the network's is a pair (mean, standard deviation over initialisations).
        seeds: the network's error from each initialisation.
        run: the whole run of the first initialisation.
    """

    noise_floor: float
    rows: Mapping[str, float | tuple[float, float]]
    seeds: SeedStudy
    run: ForecastRun


def run_demo(*, seed: int = 0, seeds: int = 5, out: Path, listener: Listener | None = None) -> DemoRun:
    """Forecast a noisy sine with an LSTM from several initialisations, beside the noise floor, AR(10) and persistence.

    Args:
        seed: of the series, and the first of the initialisations.
        seeds: number of initialisations.
        out: folder for the model file.
        listener: is told about the progress of the training.
    """
    prepare_folder(out)
    wave = Series(noisy_sine(seed=seed), name="noisy sine", target="noisy sine")
    plan = ForecastPlan(recipe="sine", look_back=LOOK_BACK, horizon=HORIZON, seeds=seeds, seed=seed)
    trials = [
        try_out([wave], dataclasses.replace(plan, seed=seed + offset), Sitting(listener)) for offset in range(seeds)
    ]
    errors = tuple(one.result.by_horizon[0].rmse ** 2 for one in trials)
    study = SeedStudy("mse", tuple(range(seed, seed + seeds)), errors)
    selection = Selection((wave,), ("The series is generated: sin(t) plus uniform noise on [0, 0.4).",), ("generated",))
    return DemoRun(
        noise_floor=AMPLITUDE**2 / 12,
        rows={
            "persistence": _one_step_error(Naive(), trials[0], wave.values),
            f"linear AR({LOOK_BACK})": _one_step_error(Linear(LOOK_BACK, 1), trials[0], wave.values),
            f"{trials[0].forecaster.name}, {seeds} initialisations": (study.mean, study.sd),
        },
        seeds=study,
        run=conclude(selection, plan, trials, out),
    )


def _one_step_error(baseline: AbstractBaseline, trial: Trial, values: np.ndarray) -> float:
    """Return the mean squared error of a baseline one step ahead, from the origins of the trial."""
    positions = trial.origins.position
    said = baseline.fit([values[: trial.known[0]]]).forecast(values, positions, 1)[:, 0]
    return float(np.mean((values[positions + 1] - said) ** 2))
