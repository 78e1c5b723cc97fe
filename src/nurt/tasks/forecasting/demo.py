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
from nurt.evaluation.forecasts.baselines import AbstractBaseline, Linear, Naive
from nurt.kernels import threads
from nurt.results import Result
from nurt.tasks.forecasting.options import ForecastPlan
from nurt.tasks.forecasting.results import ForecastRun, SeedStudy
from nurt.tasks.forecasting.run import Trial, fit_plan, judge_on_test, run_forecast
from nurt.tasks.running import OutputFolder, TrainingSession, folder_of
from nurt.training.events import Listener

__all__ = ["DemoRun", "run_demo"]

AMPLITUDE = 0.4
# One step ahead from ten values, as in the course: for this the best possible error is known.
ONE_STEP = ForecastPlan(recipe="sine", look_back=10, horizon=1).resolved()
# Twenty steps ahead with intervals, as `nurt forecast` does it; the level of the wave is fixed, so is its scaling.
# No start is chosen: a line would leave the network nothing to show.
FAN = ForecastPlan(recipe="plain", look_back=20, horizon=20, scaling="standard", epochs=300)


@dataclass(frozen=True)
class DemoRun(Result):
    """The demonstration in numbers; errors are mean squared errors one step ahead on the test part.

    Args:
        noise_floor: variance of the uniform noise, amplitude²/12: no forecaster can do better on average.
        rows: forecaster → error; the network's is a pair (mean, standard deviation over initialisations).
        seeds: the network's error from each initialisation.
        run: a forecast of many steps with intervals.
    """

    noise_floor: float
    rows: Mapping[str, float | tuple[float, float]]
    seeds: SeedStudy
    run: ForecastRun


def run_demo(*, seed: int = 0, seeds: int = 5, out: Path | OutputFolder, listener: Listener | None = None) -> DemoRun:
    """Forecast a noisy sine: one step ahead from several initialisations, then a fan of twenty steps.

    Args:
        seed: of the series, and the first of the initialisations.
        seeds: number of initialisations.
        out: folder for the model file, made if absent; or an :class:`~nurt.tasks.running.OutputFolder`.
        listener: called with the events of every training, one after the other.
    """
    if not isinstance(out, OutputFolder):
        with folder_of(out) as folder:
            return run_demo(seed=seed, seeds=seeds, out=folder, listener=listener)
    out.begin()
    wave = Series(noisy_sine(seed=seed), name="noisy sine", target="noisy sine")
    chosen = tuple(range(seed, seed + seeds))
    with threads(ONE_STEP.threads):
        trials = [_uninterrupted(wave, dataclasses.replace(ONE_STEP, seed=one), listener) for one in chosen]
    study = SeedStudy("mse", chosen, tuple(one.result.metrics.rmse**2 for one in trials))
    selection = Selection((wave,), ("The series is generated: sin(t) plus uniform noise on [0, 0.4).",))
    run = run_forecast(selection, dataclasses.replace(FAN, seed=seed), out=out, listener=listener)
    return DemoRun(
        noise_floor=AMPLITUDE**2 / 12,
        rows={
            "persistence": _one_step_error(Naive(), trials[0], wave.values),
            f"linear AR({ONE_STEP.look_back})": _one_step_error(Linear(ONE_STEP.look_back, 1), trials[0], wave.values),
            f"{trials[0].forecaster.name}({trials[0].forecaster.hidden}), {seeds} initialisations": (
                study.mean,
                study.sd,
            ),
        },
        seeds=study,
        run=run,
    )


def _uninterrupted(wave: Series, plan: ForecastPlan, listener: Listener | None) -> Trial:
    forecaster = fit_plan([wave], plan, TrainingSession(listener))
    if forecaster.training_record_.stopped_by == "interrupt":
        raise KeyboardInterrupt
    return judge_on_test(forecaster, [wave], plan)


def _one_step_error(baseline: AbstractBaseline, trial: Trial, values: np.ndarray) -> float:
    """Return the mean squared error of a baseline one step ahead, from the origins of the trial."""
    positions = trial.origins.position
    forecast = baseline.fit([values[: trial.known[0]]]).forecast(values, positions, 1)[:, 0]
    return float(np.mean((values[positions + 1] - forecast) ** 2))
