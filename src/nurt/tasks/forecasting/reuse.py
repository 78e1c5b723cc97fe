"""Use of a model file: forecast from new data, back-test on unseen data, or examine the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nurt.data import Selection
from nurt.data.series import Series
from nurt.data.windows import Origins
from nurt.diagnostics.examination.examining import Examination
from nurt.diagnostics.examination.layer_findings import Scope
from nurt.environment import versions
from nurt.errors import DataError, ModelFileError
from nurt.evaluation.forecasts.backtest import BacktestPlan, score
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.verdict import ForecastVerdict, judge
from nurt.results import Result
from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.judging import audit_copies, best_baseline, cells_at
from nurt.tasks.forecasting.results import ForecasterSummary, ForecastStep
from nurt.tasks.forecasting.run import forecast_steps, notes_on, recent_values
from nurt.tasks.summary import summarise

__all__ = ["BacktestRun", "ExamineRun", "PredictRun", "run_backtest", "run_examine", "run_predict"]


@dataclass(frozen=True)
class PredictRun(Result):
    """A forecast from a model file, after the last observation of each series."""

    target: str
    observations: int
    last: str
    model: ForecasterSummary
    model_file: str
    forecast: tuple[ForecastStep, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    recent: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(
        default_factory=dict, repr=False, metadata={"json": False}
    )


@dataclass(frozen=True)
class BacktestRun(Result):
    """A model file judged on rows it was not fitted on."""

    target: str
    observations: int
    first: str
    last: str
    model: ForecasterSummary
    model_file: str
    backtest: BacktestResult
    verdict: ForecastVerdict
    versions: Mapping[str, str]
    sources: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ExamineRun(Result):
    """The network of a model file, examined on windows of the data."""

    target: str
    observations: int
    first: str
    last: str
    model: ForecasterSummary
    model_file: str
    examination: Examination
    versions: Mapping[str, str]
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    report: str | None = None


def run_predict(model_file: Path, selection: Selection) -> PredictRun:
    """Forecast from a model file.

    Args:
        model_file: written by :meth:`Forecaster.save`.
        selection: the series, at least as long as the model's look-back, with the model's columns.

    Raises:
        ModelFileError: the file cannot be used, or its columns are not those of the data.
        DataError: a series is too short.
    """
    forecaster, notes = _opened(model_file, selection)
    fan = forecaster.fan(selection.series)
    return PredictRun(
        target=forecaster.target_,
        observations=sum(len(one) for one in selection.series),
        last=max(one.label(len(one) - 1) for one in selection.series),
        model=summarise(forecaster, ForecasterSummary),
        model_file=str(model_file),
        forecast=forecast_steps(selection.series, fan),
        sources=selection.sources,
        notes=(*selection.notes, *notes, *notes_on(selection.series, fan)),
        recent=recent_values(selection.series),
    )


def run_backtest(model_file: Path, selection: Selection, plan: BacktestPlan | None = None) -> BacktestRun:
    """Judge a model file on rolling origins after the rows it was fitted on, beside baselines fitted on those rows.

    Args:
        model_file: written by :meth:`Forecaster.save`.
        selection: the series, the fitted rows included where there are such.
        plan: ``n_windows`` and ``step_size`` thin the origins; a model file is never refitted.

    Raises:
        ModelFileError: the file cannot be used, or its columns are not those of the data.
        DataError: no row is left that the model was not fitted on.
    """
    plan = plan or BacktestPlan(partial=True)
    forecaster, notes = _opened(model_file, selection)
    series = selection.series
    known, more = _known_rows(forecaster, series)
    origins = _origins(forecaster, series, known, plan)
    training = [one.values[:rows] for one, rows in zip(series, known, strict=True)]
    result = score(
        cells_at(forecaster, series, origins, known),
        training,
        season=forecaster.season,
        step_size=plan.step_size,
        seed=forecaster.random_state,
    )
    return BacktestRun(
        target=forecaster.target_,
        observations=sum(len(one) for one in series),
        first=min(one.label(0) for one in series),
        last=max(one.label(len(one) - 1) for one in series),
        model=summarise(forecaster, ForecasterSummary),
        model_file=str(model_file),
        backtest=result,
        verdict=judge(result, best_baseline=best_baseline(series, known, forecaster), copying=audit_copies(result)),
        versions=versions(),
        sources=selection.sources,
        notes=(*selection.notes, *notes, *more, *result.notes),
    )


def run_examine(model_file: Path, selection: Selection, scope: Scope | None = None) -> ExamineRun:
    """Examine the network of a model file on windows of the data.

    Args:
        model_file: written by :meth:`Forecaster.save`.
        selection: the series, with the model's columns.
        scope: which parts, and how many windows.

    Raises:
        ModelFileError: the file cannot be used, or its columns are not those of the data.
        DataError: no series holds a window with a target.
        NonFiniteError: a weight is NaN or infinite.
        NurtTypeError: weights in half precision.
    """
    forecaster, notes = _opened(model_file, selection)
    series = selection.series
    return ExamineRun(
        target=forecaster.target_,
        observations=sum(len(one) for one in series),
        first=min(one.label(0) for one in series),
        last=max(one.label(len(one) - 1) for one in series),
        model=summarise(forecaster, ForecasterSummary),
        model_file=str(model_file),
        examination=forecaster.examine(series, scope=scope),
        versions=versions(),
        sources=selection.sources,
        notes=(*selection.notes, *notes),
    )


def _opened(model_file: Path, selection: Selection) -> tuple[Forecaster, list[str]]:
    forecaster = Forecaster.load(model_file)
    given = selection.series[0]
    if given.covariate_names != forecaster.covariate_names_:
        raise ModelFileError(
            f"The columns of the data are not those of the model in {model_file}.",
            expected=f"past covariates: {', '.join(forecaster.covariate_names_) or 'none'}",
            got=", ".join(given.covariate_names) or "none",
            cure="Give the same covariates with --past-covariate, in the same order.",
        )
    notes = []
    if given.target != forecaster.target_:
        notes.append(f"The model was fitted on {forecaster.target_!r} and is used on {given.target!r}.")
    return forecaster, notes


def _known_rows(forecaster: Forecaster, series: Sequence[Series]) -> tuple[list[int], list[str]]:
    """Return the rows of each series that do not judge: those fitted on, or one window where the series is new."""
    rows, notes = [], []
    for one in series:
        seen = forecaster.rows_seen(one)
        if seen is None:
            notes.append(
                f"The model was not fitted on the rows of {one.name!r}: all of them after one window judge it, and its "
                "bands learn from the judged rows alone where the name is the same."
            )
            seen = forecaster.look_back + forecaster.horizon
        if seen >= len(one):
            raise DataError(
                f"Nothing of {one.name!r} is left to judge the model by.",
                expected=f"observations after the first {seen}",
                got=f"{len(one)} observations",
                cure="Give later data together with the old.",
            )
        rows.append(seen)
    return rows, notes


def _origins(forecaster: Forecaster, series: Sequence[Series], known: Sequence[int], plan: BacktestPlan) -> Origins:
    parts = []
    for one, rows in zip(series, known, strict=True):
        last = len(one) - (1 if plan.partial else forecaster.horizon)
        positions = np.arange(last - 1, rows - 2, -plan.step_size)[: plan.n_windows]
        if len(positions) == 0:
            raise DataError(
                f"Series {one.name!r} leaves no whole path after the rows the model was fitted on.",
                expected=f"at least {forecaster.horizon} observations after the first {rows}",
                got=f"{len(one) - rows}",
                cure="Give later data together with the old.",
            )
        parts.append(positions[::-1])
    return Origins.of_series(parts)
