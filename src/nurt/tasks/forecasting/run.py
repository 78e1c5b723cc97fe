"""`nurt forecast` from end to end: cut off the test part, learn, judge, audit, forecast, keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from nurt.data import Selection
from nurt.data.covariates import require_known_ahead
from nurt.data.series import Series, require_usable
from nurt.data.time_axis import labels_after
from nurt.data.windows import Origins
from nurt.environment import versions
from nurt.errors import DataError
from nurt.evaluation.forecasts.backtest import score
from nurt.evaluation.forecasts.baselines import baseline, forecast_origins
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.verdict import judge
from nurt.kernels import threads
from nurt.results import plain
from nurt.tasks.forecasting.calibration import Fan
from nurt.tasks.forecasting.forecaster import QUICK, Forecaster
from nurt.tasks.forecasting.inferring import inferred
from nurt.tasks.forecasting.judging import (
    audit_copies,
    audit_leaks,
    audit_reach,
    best_baseline,
    cells_at,
    origins_after,
)
from nurt.tasks.forecasting.options import ForecastPlan
from nurt.tasks.forecasting.parts import cut_in_time, series_until
from nurt.tasks.forecasting.precision import require_single_precision, require_size
from nurt.tasks.forecasting.results import Audit, ForecasterSummary, ForecastRun, ForecastStep, SeedStudy
from nurt.tasks.running import MODEL_FILE, OutputFolder, TrainingSession, folder_of, trained
from nurt.tasks.summary import summarise
from nurt.training.events import Listener
from nurt.wording import name_in_words

__all__ = ["Trial", "fit_plan", "forecast_steps", "judge_on_test", "notes_on", "recent_values", "run_forecast"]

# Enough history for a chart; the data themselves stay with their owner.
RECENT = 200
SERIES_NAMED = 3
FLOORED = "No known value is negative: forecasts and bands end at 0 where they would lie below."


@dataclass(frozen=True)
class Trial:
    """A fitted forecaster and its scores on the test part.

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


def known_rows(series: Sequence[Series], plan: ForecastPlan) -> tuple[int, ...]:
    """Return how many rows of each series lie before the test part."""
    test = plan.settings()["test"]
    return tuple(cut_in_time(one, plan.look_back, 1, test=test).train_end for one in series)


def fit_plan(series: Sequence[Series], plan: ForecastPlan, session: TrainingSession) -> Forecaster:
    """Fit the plan's forecaster on the rows before the test part."""
    forecaster: Forecaster = plan.forecaster()
    known = zip(series, known_rows(series, plan), strict=True)
    return forecaster.fit([series_until(one, rows) for one, rows in known], session=session)


def judge_on_test(forecaster: Forecaster, series: Sequence[Series], plan: ForecastPlan) -> Trial:
    """Judge a forecaster on the test part, beside the baselines."""
    known = known_rows(series, plan)
    origins = origins_after(series, known, plan.step_size)
    further = (baseline(name, plan.look_back, plan.horizon, plan.season) for name in plan.baselines)
    baselines = [*forecaster.baselines(), *further]
    cells = cells_at(forecaster, series, origins, known, baselines)
    training = [one.values[:rows] for one, rows in zip(series, known, strict=True)]
    seed = forecaster.random_state
    return Trial(
        forecaster, known, origins, score(cells, training, season=plan.season, step_size=plan.step_size, seed=seed)
    )


def run_forecast(
    selection: Selection,
    plan: ForecastPlan,
    *,
    out: Path | OutputFolder,
    resume: bool = False,
    listener: Listener | None = None,
) -> ForecastRun:
    """Do what `nurt forecast` does, apart from reading files and drawing the report.

    Args:
        selection: the series, and what was noticed while reading them.
        plan: what to build and how to judge it.
        out: folder for the model file and, while training, the checkpoint; made if absent. Pass an
            :class:`~nurt.tasks.running.OutputFolder` where more is written into it afterwards.
        resume: continue from the checkpoint in ``out``, bit for bit; an open folder decides itself.
        listener: called with the events of the training.

    Raises:
        DataError: the data cannot be forecast from.
        OutputError: ``out`` cannot be written to, or, where it is a path, the model file cannot.
        TrainingInterrupted: the training was interrupted; the best model so far is saved.
        NonFiniteError: the training broke down.
    """
    for one in selection.series:
        require_size(one)
    plan, found = inferred(plan, selection.series)
    for one in selection.series:
        require_known_ahead(one, plan.horizon)
    selection, left_out = _screened(selection, plan)
    selection = dataclasses.replace(selection, notes=(*selection.notes, *found))

    def fit(seed: int, session: TrainingSession) -> Forecaster:
        return fit_plan(selection.series, dataclasses.replace(plan, seed=seed), session)

    with (
        threads(plan.threads),
        folder_of(out, resume=resume) as folder,
        trained(fit, [plan.seed], folder, listener=listener) as forecasters,
    ):
        trial = judge_on_test(forecasters[0], selection.series, plan)
        return _conclude(selection, left_out, plan, trial, folder)


def _conclude(
    selection: Selection, left_out: Sequence[Series], plan: ForecastPlan, trial: Trial, folder: OutputFolder
) -> ForecastRun:
    """Audit the trial, judge it, forecast with it and write its model file."""
    series = selection.series
    forecaster, result = trial.forecaster, trial.result
    audit = Audit(
        causality=audit_reach(forecaster.examined_network(), forecaster.look_back),
        copying=audit_copies(result),
        leakage=audit_leaks(forecaster, series, trial.known, trial.origins, result),
    )
    study = seed_study(trial, series)
    verdict = judge(
        result,
        best_baseline=best_baseline(series, trial.known, forecaster),
        copying=audit.copying,
        audits=(audit.causality, audit.leakage),
        seed_errors=study.values if study is not None and plan.seeds > 1 else (),
    )
    forecaster.learn_errors(series, trial.origins)
    forecaster.remember_scores(result)
    fan = forecaster.fan(series)
    steps = forecast_steps(series, fan, free_forecasts(forecaster, series))
    model_file = folder.keep(MODEL_FILE, forecaster.save)
    return ForecastRun(
        target=series[0].target,
        observations=sum(len(one) for one in series),
        series=len(series),
        first=min(one.label(0) for one in series),
        last=max(one.label(len(one) - 1) for one in series),
        missing=int(sum(np.isnan(one.values).sum() for one in series)),
        model=summarise(forecaster, ForecasterSummary),
        training=forecaster.training_record_,
        backtest=result,
        verdict=verdict,
        audit=audit,
        forecast=(*steps, *short_forecasts(left_out, plan)),
        recommended=verdict.recommended,
        seed=plan.seed,
        seeds=study,
        settings=plain(plan.settings()),
        versions=versions(),
        sources=selection.sources,
        notes=(*selection.notes, learnt_from(trial, series), *result.notes, *notes_on(series, fan)),
        choices=forecaster.choices_,
        model_file=None if model_file is None else str(model_file),
        # A network that was left out says nothing about how far it learns.
        examination=None if forecaster.choices_.network is False else forecaster.examine(series, scope=QUICK),
        recent=recent_values(series),
    )


def seed_study(trial: Trial, series: Sequence[Series]) -> SeedStudy | None:
    """Return the error on the test part of every network by itself; None for a single one."""
    forecaster, cells = trial.forecaster, trial.result.cells
    medians = forecaster.learnt_.member_medians(series, trial.origins)
    if len(medians) < 2:
        return None
    errors = tuple(float(np.abs(cells.actual - one)[cells.scored].mean()) for one in medians)
    first = forecaster.random_state
    return SeedStudy("mae", tuple(range(first, first + len(errors))), errors)


def learnt_from(trial: Trial, series: Sequence[Series]) -> str:
    """Return a sentence on the rows that network and free forecasts learnt from."""
    theirs = sum(trial.known)
    mine = sum(trial.forecaster.learnt_rows_[one.name] for one in series)
    rows = sum(len(one) for one in series)
    if mine == theirs:
        return f"Network and free forecasts learnt from the same rows: the {theirs} of {rows} before the test part."
    return (
        f"The network learnt from {mine} rows, the free forecasts from the {theirs} before the test part: the rows "
        "between decided when to stop."
    )


def notes_on(series: Sequence[Series], fan: Fan) -> tuple[str, ...]:
    """Return sentences on what is missing in a forecast, and why."""
    missing = [one.name for one, path in zip(series, fan.middle, strict=True) if not np.isfinite(path).all()]
    shown = ", ".join(repr(name_in_words(name)) for name in missing[:SERIES_NAMED])
    more = f" and {len(missing) - SERIES_NAMED} more" if len(missing) > SERIES_NAMED else ""
    empty = f"No forecast for {shown}{more}: the last window, which the network reads, holds no observation."
    floored = (FLOORED,) if fan.floored else ()
    return (*((fan.reason,) if fan.reason else ()), *((empty,) if missing else ()), *floored)


def free_forecasts(forecaster: Forecaster, series: Sequence[Series]) -> Mapping[str, np.ndarray]:
    """Return what the free forecasts say after the last observation of each series, fitted on all rows, (S, F) each."""
    histories = forecaster.histories(series)
    fitted = {one.name: one.fit(histories) for one in forecaster.baselines()}
    ends = np.array([len(one) - 1 for one in series])
    return forecast_origins(fitted, histories, np.arange(len(series)), ends, forecaster.horizon)


def short_forecasts(series: Sequence[Series], plan: ForecastPlan) -> Iterator[ForecastStep]:
    """Yield a free forecast of series that are too short to learn from: their last season, or their last value."""
    for one in series:
        origin = np.array([len(one) - 1])
        names = ("seasonal_naive", "naive") if plan.season > 1 else ("naive",)
        found = [baseline(name, plan.look_back, plan.horizon, plan.season).fit([one.values]) for name in names]
        paths = [fitted.forecast(one.values, origin, plan.horizon)[0] for fitted in found]
        labels = labels_after(one, plan.horizon)
        for k in range(plan.horizon):
            free = {name: float(path[k]) for name, path in zip(names, paths, strict=True) if np.isfinite(path[k])}
            value = next(iter(free.values()), None)
            time = None if labels is None else labels[k]
            yield ForecastStep(k + 1, time, value, None, None, None, None, one.name, free)


def forecast_steps(
    series: Sequence[Series], fan: Fan, free: Mapping[str, np.ndarray] = MappingProxyType({})
) -> tuple[ForecastStep, ...]:
    """Return the fan step by step, series after series, with free forecasts (S, F) beside it by name."""
    horizon = fan.middle.shape[1]
    labels = [labels_after(one, horizon) or (None,) * horizon for one in series]
    return tuple(
        ForecastStep(
            h=k + 1,
            time=labels[index][k],
            median=float(fan.middle[index, k]) if np.isfinite(fan.middle[index, k]) else None,
            **_bounds(fan, index, k),
            series=one.name,
            free={name: float(path[index, k]) if np.isfinite(path[index, k]) else None for name, path in free.items()},
        )
        for index, one in enumerate(series)
        for k in range(horizon)
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


def _screened(selection: Selection, plan: ForecastPlan) -> tuple[Selection, tuple[Series, ...]]:
    """Return the selection without series that hold nothing to learn from, and those of them that can be repeated.

    Each is noted. A series without any value has no forecast at all.

    Raises:
        DataError: no series is left; the message is about the first of them.
    """
    kept: list[Series] = []
    repeated: list[Series] = []
    faults: list[DataError] = []
    for one in selection.series:
        try:
            _require_usable(one, plan)
            kept.append(one)
        except DataError as error:
            faults.append(error)
            if np.isfinite(one.values).any():
                repeated.append(one)
    if not kept:
        raise faults[0]
    shown = [f"Not learnt from, and forecast by repeating it. {fault.what}" for fault in faults[:SERIES_NAMED]]
    more = len(faults) - len(shown)
    notes = (*shown, *([f"… and {more} more such series."] if more else []))
    chosen = dataclasses.replace(selection, series=tuple(kept), notes=(*selection.notes, *notes))
    return chosen, tuple(repeated)


def _require_usable(series: Series, plan: ForecastPlan) -> None:
    require_usable(series, plan.look_back, plan.horizon)
    require_single_precision(series)
    # Raises with the numbers when no training window is left once the test and validation parts are cut off.
    settings = plan.settings()
    split = cut_in_time(series, plan.look_back, 1, test=settings["test"])
    steps = plan.forecaster().training_steps
    cut_in_time(
        series_until(series, split.train_end), plan.look_back, steps, validation=settings.get("validation", 0.2)
    )
