"""`nurt forecast` from end to end: cut off the test part, learn, judge, audit, forecast, keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nurt.data import Selection
from nurt.data.grid import label_after
from nurt.data.series import Series
from nurt.data.windows import Origins
from nurt.environment import versions
from nurt.errors import OutputError
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import baseline, default_baselines
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.verdict import judge
from nurt.kernels import threads
from nurt.results import plain
from nurt.tasks.forecasting.auditing import audit_copies, audit_leaks, audit_reach
from nurt.tasks.forecasting.backtesting import cells_at, origins_after, series_until
from nurt.tasks.forecasting.calibration import Fan
from nurt.tasks.forecasting.examining import QUICK, examine_forecaster
from nurt.tasks.forecasting.fitting import Sitting
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.problem import cut_in_time
from nurt.tasks.forecasting.recipes import ForecastPlan
from nurt.tasks.forecasting.results import Audit, ForecastRun, ForecastStep, ModelSummary, SeedStudy
from nurt.tasks.forecasting.screening import screened
from nurt.tasks.forecasting.selecting import best_baseline
from nurt.training import Checkpoint, Listener

__all__ = [
    "ForecastInterrupted",
    "Trial",
    "conclude",
    "forecast_steps",
    "prepare_folder",
    "recent_values",
    "run_forecast",
    "summary",
    "try_out",
]

# Enough history for a chart; the data themselves stay with their owner.
RECENT = 200
MODEL_FILE = "model.safetensors"
# A checkpoint of these networks takes milliseconds, so little work is ever at stake.
CHECKPOINT_SECONDS = 2.0


class ForecastInterrupted(KeyboardInterrupt):
    """Training was interrupted; what was learnt is kept in ``model_file``, and ``checkpoint`` lets it go on."""

    def __init__(self, model_file: Path, checkpoint: Path, epochs: int) -> None:
        self.model_file = model_file
        self.checkpoint = checkpoint
        super().__init__(
            f"Interrupted after {epochs} epochs. The best model so far is in {model_file}; "
            f"the state of the training is in {checkpoint}."
        )


@dataclass(frozen=True)
class Trial:
    """A fitted forecaster and how it did on what it had not seen.

    Args:
        forecaster: fitted on the ``known`` rows of each series.
        known: rows that fitting and stopping may have seen.
        origins: origins of the back-test.
        result: its scores.
    """

    forecaster: Forecaster
    known: tuple[int, ...]
    origins: Origins
    result: BacktestResult


def try_out(series: Sequence[Series], plan: ForecastPlan, sitting: Sitting | None = None) -> Trial:
    """Fit the plan's forecaster on what lies before the test part and judge it on the test part."""
    forecaster = plan.forecaster()
    test = plan.settings()["test"]
    known = tuple(cut_in_time(one, plan.look_back, 1, test=test).train_end for one in series)
    forecaster.fit([series_until(one, rows) for one, rows in zip(series, known, strict=True)], sitting=sitting)
    origins = origins_after(series, known, plan.step_size)
    baselines = [
        *default_baselines(plan.look_back, plan.horizon, plan.season),
        *(baseline(name, plan.look_back, plan.horizon, plan.season) for name in plan.baselines),
    ]
    cells = cells_at(forecaster, series, origins, known, baselines)
    training = [one.values[:rows] for one, rows in zip(series, known, strict=True)]
    result = score(cells, training, season=plan.season, step_size=plan.step_size, seed=plan.seed)
    return Trial(forecaster, known, origins, result)


def run_forecast(
    selection: Selection,
    plan: ForecastPlan,
    *,
    out: Path,
    resume: bool = False,
    listener: Listener | None = None,
) -> ForecastRun:
    """Do what `nurt forecast` does, apart from reading files and drawing the report.

    Args:
        selection: the series, and what was noticed while reading them.
        plan: what to build and how to judge it.
        out: folder for the model file and, while training, the checkpoint; made if absent.
        resume: go on from the checkpoint in ``out``, bit for bit.
        listener: is told about the progress of the training.

    Raises:
        DataError: the data cannot be forecast from.
        OutputError: ``out`` cannot be written to.
        ForecastInterrupted: the training was interrupted; the best model so far is saved.
        NonFiniteError: the training broke down.
    """
    selection = screened(selection, plan)
    prepare_folder(out)
    with threads(plan.threads):
        return _run(selection, plan, out, listener, resume=resume)


def _run(
    selection: Selection, plan: ForecastPlan, out: Path, listener: Listener | None, *, resume: bool
) -> ForecastRun:
    trials: list[Trial] = []
    for seed in range(plan.seed, plan.seed + plan.seeds):
        checkpoint = _checkpoint(out, plan, seed)
        # Only the first training must have left a checkpoint: the others may not have begun.
        goes_on = resume and (seed == plan.seed or checkpoint.exists())
        sitting = Sitting(listener, Checkpoint(checkpoint, every_seconds=CHECKPOINT_SECONDS), goes_on)
        trial = try_out(selection.series, dataclasses.replace(plan, seed=seed), sitting)
        if seed == plan.seed:
            trial.forecaster.save(out / MODEL_FILE)
        record = trial.forecaster.training_record_
        if record.stopped_by == "interrupt":
            raise ForecastInterrupted(out / MODEL_FILE, checkpoint, record.epochs)
        trials.append(trial)
    run = conclude(selection, plan, trials, out)
    for seed in range(plan.seed, plan.seed + plan.seeds):
        _checkpoint(out, plan, seed).unlink(missing_ok=True)
    return run


def _checkpoint(out: Path, plan: ForecastPlan, seed: int) -> Path:
    return out / ("checkpoint.safetensors" if seed == plan.seed else f"checkpoint-seed-{seed}.safetensors")


def conclude(selection: Selection, plan: ForecastPlan, trials: Sequence[Trial], out: Path) -> ForecastRun:
    """Audit the first of the trials, judge it beside the others, forecast with it and write its model file."""
    series, trial = selection.series, trials[0]
    forecaster, result = trial.forecaster, trial.result
    audit = Audit(
        causality=audit_reach(forecaster.network_, forecaster.look_back),
        copying=audit_copies(result),
        leakage=audit_leaks(forecaster, series, trial.known, trial.origins, result),
    )
    errors = tuple(one.result.metrics.mae for one in trials)
    verdict = judge(
        result,
        best_baseline=best_baseline(series, trial.known, forecaster),
        copying=audit.copying,
        seed_errors=errors,
    )
    forecaster.learn_errors(series, trial.origins)
    forecaster.remember_scores(result)
    fan = forecaster.fan(series)
    forecaster.save(out / MODEL_FILE)
    return ForecastRun(
        target=series[0].target,
        observations=sum(len(one) for one in series),
        series=len(series),
        first=min(one.label(0) for one in series),
        last=max(one.label(len(one) - 1) for one in series),
        missing=int(sum(np.isnan(one.values).sum() for one in series)),
        model=summary(forecaster),
        training=forecaster.training_record_,
        backtest=result,
        verdict=verdict,
        audit=audit,
        forecast=forecast_steps(series, fan),
        seed=plan.seed,
        seeds=SeedStudy("mae", tuple(one.forecaster.random_state for one in trials), errors)
        if len(trials) > 1
        else None,
        settings=plain(plan.settings()),
        versions=versions(),
        sources=selection.sources,
        notes=(*selection.notes, *result.notes, *((fan.reason,) if fan.reason else ())),
        model_file=str(out / MODEL_FILE),
        examination=examine_forecaster(forecaster, series, QUICK),
        recent=recent_values(series),
    )


def prepare_folder(out: Path) -> None:
    """Make ``out`` and see that it can be written to, before any time is spent.

    Raises:
        OutputError: it cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".nurt-writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"The output folder {out} cannot be written to: {error.strerror}.",
            cure="Give another folder with --out, or make this one writable.",
        ) from error


def summary(forecaster: Forecaster) -> ModelSummary:
    """Return what was built, in one line."""
    scaling = forecaster.scaling if isinstance(forecaster.scaling, str) else type(forecaster.scaling).__name__
    return ModelSummary(
        name=forecaster.name,
        cell=forecaster.cell,
        layers=forecaster.layers,
        hidden=forecaster.hidden,
        parameters=forecaster.parameter_count,
        look_back=forecaster.look_back,
        horizon=forecaster.horizon,
        strategy=forecaster.strategy,
        scaling=scaling,
        loss=forecaster.loss,
        dropout=forecaster.dropout,
        rung=forecaster.rung(),
    )


def forecast_steps(series: Sequence[Series], fan: Fan) -> tuple[ForecastStep, ...]:
    """Return the fan step by step, series after series."""
    return tuple(
        ForecastStep(
            h=k + 1,
            time=label_after(one, k + 1),
            median=float(fan.middle[index, k]),
            **_bounds(fan, index, k),
            series=one.name,
        )
        for index, one in enumerate(series)
        for k in range(fan.middle.shape[1])
    )


def _bounds(fan: Fan, index: int, k: int) -> dict[str, Any]:
    bounds: dict[str, Any] = dict.fromkeys(("lo_80", "hi_80", "lo_95", "hi_95"))
    for level in (80, 95):
        if level in fan.levels:
            lower, upper = (float(side[index, k]) for side in fan.bounds(level))
            if np.isfinite(lower) and np.isfinite(upper):
                bounds[f"lo_{level}"], bounds[f"hi_{level}"] = lower, upper
    return bounds


def recent_values(series: Sequence[Series]) -> Mapping[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return the last values of each series with their labels, for the chart."""
    recent = {}
    for one in series:
        start = max(0, len(one) - RECENT)
        positions = range(start, len(one))
        # On an axis the bare number of an observation says enough.
        labels = tuple(str(i + 1) if one.time is None else one.label(i) for i in positions)
        recent[one.name] = (labels, one.values[start:])
    return recent
