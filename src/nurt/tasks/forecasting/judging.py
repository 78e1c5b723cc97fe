"""Judging a forecaster: back-tests beside baselines, the baseline to beat, audits of reach, copying and leakage."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
from torch import Tensor

from nurt.data.series import Series
from nurt.data.windows import Origins, TimeSplit, Windows
from nurt.errors import DataError, NurtValueError
from nurt.evaluation.forecasts.audits.causality import (
    CausalityReport,
    Channels,
    Differentiable,
    audit_causality,
    structure_copy,
)
from nurt.evaluation.forecasts.audits.copying import CopyingReport, audit_copying
from nurt.evaluation.forecasts.audits.leakage import (
    CovariateFacts,
    FirstStepError,
    FittedStatistic,
    LeakageReport,
    PipelineFacts,
    SeriesFacts,
    lint_leakage,
)
from nurt.evaluation.forecasts.backtest import BacktestPlan, score
from nurt.evaluation.forecasts.baselines import AbstractBaseline, forecast_origins
from nurt.evaluation.forecasts.baselines.base import History
from nurt.evaluation.forecasts.cells import Cells, Intervals
from nurt.evaluation.forecasts.intervals import calibrate
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.evaluation.forecasts.scoring import compare_steps
from nurt.tasks.forecasting.calibration import METHOD, Calibration, QuantileForecaster, floors, raw_intervals
from nurt.tasks.forecasting.network import ForecastNetwork, WindowUnits
from nurt.tasks.forecasting.parts import cut_in_time, series_until

__all__ = [
    "audit_copies",
    "audit_leaks",
    "audit_reach",
    "backtest",
    "best_baseline",
    "cells_at",
    "origins_after",
]


# The part of the known rows that baselines compete on when the network itself keeps none for validation.
SHARE = 0.2
# A two-sided p below this with the model ahead is a one-sided test at 5 %.
TWICE_FIVE_PERCENT = 0.10


class JudgedForecaster(QuantileForecaster, Protocol):
    """The part of a forecaster that judging needs."""

    season: int
    validation: float
    random_state: int
    splits_: tuple[TimeSplit, ...]
    calibration_: Calibration

    @property
    def name(self) -> str:
        """Name of the forecast."""
        ...

    @property
    def training_steps(self) -> int:
        """How many steps ahead the loss looks."""
        ...

    def rows_seen(self, series: Series) -> int | None:
        """Return how many first rows of ``series`` it was fitted on; None if it was fitted on something else."""
        ...

    def baselines(self) -> tuple[AbstractBaseline, ...]:
        """Return the free forecasts it is judged against, with what it reads and in the scale it works in."""
        ...

    def histories(self, series: Sequence[Series]) -> list[History]:
        """Return series as free forecasts read them, with what it reads itself."""
        ...

    def get_params(self) -> dict[str, Any]:
        """Return the constructor arguments by name."""
        ...

    def fit(self, y: Any) -> Self:
        """Learn from series."""
        ...


def origins_after(series: Sequence[Series], known: Sequence[int], step_size: int) -> Origins:
    """Return every origin from the last known row on whose first step has a truth; paths may end beyond the data."""
    return Origins.of_series(
        [np.arange(rows - 1, len(one) - 1, step_size) for one, rows in zip(series, known, strict=True)]
    )


def cells_at(
    forecaster: JudgedForecaster,
    series: Sequence[Series],
    origins: Origins,
    known: Sequence[int],
    baselines: Sequence[AbstractBaseline] | None = None,
) -> Cells:
    """Forecast from ``origins`` with the fitted forecaster and with baselines fitted on the known rows.

    Args:
        forecaster: fitted on rows before every origin's targets.
        series: all series.
        origins: ascending within a series.
        known: rows of each series the baselines may be fitted on.
        baselines: those to run; None means the usual ones.
    """
    if baselines is None:
        baselines = forecaster.baselines()
    histories = forecaster.histories(series)
    fitted = {one.name: one.fit([h.cut(rows) for h, rows in zip(histories, known, strict=True)]) for one in baselines}
    raw, quantiles = raw_intervals(forecaster, series, origins)
    forecasts = forecast_origins(fitted, histories, origins.series, origins.position, forecaster.horizon)
    cells = Cells(
        series=origins.series,
        origin=origins.position,
        actual=raw.actual,
        forecasts={forecaster.name: raw.centre, **forecasts},
        quantile_levels=forecaster.quantile_levels(),
        quantiles=quantiles if quantiles.shape[-1] > 1 else None,
        intervals=calibrate(
            METHOD,
            forecaster.calibration_.known_errors(
                series, [forecaster.rows_seen(one) is not None for one in series], origins
            ),
            raw,
        ),
        origin_labels=_labels(series, origins),
        series_names=tuple(one.name for one in series),
        shown_labels=_shown_labels(series, origins),
    )
    return _floored(cells, floors([one.values[:rows] for one, rows in zip(series, known, strict=True)]))


def _floored(cells: Cells, floor: np.ndarray) -> Cells:
    """Return cells in which no forecast and no bound of any forecaster lies below the floor of its series, (S,)."""
    if not np.isfinite(floor).any():
        return cells

    def lifted(values: np.ndarray) -> np.ndarray:
        raised: np.ndarray = np.maximum(values, floor[cells.series].reshape(-1, *[1] * (values.ndim - 1)))
        return raised

    bands = cells.intervals
    return dataclasses.replace(
        cells,
        forecasts={name: lifted(one) for name, one in cells.forecasts.items()},
        quantiles=None if cells.quantiles is None else lifted(cells.quantiles),
        intervals=None
        if bands is None
        else dataclasses.replace(bands, lower=lifted(bands.lower), upper=lifted(bands.upper)),
    )


def _shown_labels(series: Sequence[Series], origins: Origins) -> np.ndarray | None:
    if all(one.clock is None and one.period is None for one in series):
        return None
    places = zip(origins.series.tolist(), origins.position.tolist(), strict=True)
    return np.array([series[index].label(position) for index, position in places])


def _labels(series: Sequence[Series], origins: Origins) -> np.ndarray | None:
    if any(one.time is None for one in series):
        return None
    times = [np.asarray(one.time) for one in series]
    if len({time.dtype for time in times}) > 1:
        return None
    labels = np.empty(len(origins), dtype=times[0].dtype)
    for index in np.unique(origins.series):
        rows = origins.series == index
        labels[rows] = times[index][origins.position[rows]]
    return labels


def backtest(forecaster: JudgedForecaster, series: Sequence[Series], plan: BacktestPlan | None) -> BacktestResult:
    """Run the plan; see :meth:`Forecaster.backtest`."""
    series = tuple(series)
    if plan is None:
        known = _fitted_rows(forecaster, series)
        cells = cells_at(forecaster, series, origins_after(series, known, 1), known)
        step_size = 1
    else:
        fitted = plan.refit is False and hasattr(forecaster, "calibration_")
        cells, known = (_as_fitted if fitted else _planned)(forecaster, series, plan)
        step_size = plan.step_size
    training = [one.values[:rows] for one, rows in zip(series, known, strict=True)]
    return score(cells, training, season=forecaster.season, step_size=step_size, seed=forecaster.random_state)


def _fitted_rows(forecaster: JudgedForecaster, series: Sequence[Series]) -> list[int]:
    """Return how many rows of each series the forecaster has seen; it must have seen the beginning of each."""
    rows = []
    for one in series:
        seen = forecaster.rows_seen(one)
        if seen is None or seen >= len(one):
            raise DataError(
                f"Nothing of series {one.name!r} is left to judge the model by.",
                expected="the fitted series, with observations after those it was fitted on",
                got="a series it was not fitted on" if seen is None else f"{len(one)} rows, all of them fitted on",
                cure="Pass longer data, or BacktestPlan(refit=True), which fits copies before the origins.",
            )
        rows.append(seen)
    return rows


def _as_fitted(forecaster: JudgedForecaster, series: Sequence[Series], plan: BacktestPlan) -> tuple[Cells, list[int]]:
    """Forecast along the plan with the fitted forecaster itself, from origins whose targets it has not seen.

    Raises:
        DataError: it was fitted on other series, or no origin of the plan is left.
        NurtValueError: ``n_windows`` origins reach into the fitted rows.
    """
    known = _fitted_rows(forecaster, series)
    positions = []
    for one, rows in zip(series, known, strict=True):
        planned = plan.origins(len(one), forecaster.look_back, forecaster.horizon)
        after = planned[planned >= rows - 1]
        if plan.n_windows is not None and len(after) < len(planned):
            raise NurtValueError(
                f"BacktestPlan: {plan.n_windows} windows reach into the {rows} rows of series {one.name!r} that the "
                "model was fitted on.",
                expected=f"n_windows <= {len(after)}, from row {rows} on"
                if len(after)
                else f"origins from row {rows} on",
                got=f"a first origin at row {int(planned[0]) + 1}",
                cure="Ask for fewer windows or give later data; BacktestPlan(refit=True) fits copies on earlier rows.",
            )
        if not len(after):
            raise DataError(
                f"Series {one.name!r} leaves no whole path after the rows the model was fitted on.",
                expected=f"at least {forecaster.horizon} observations after the first {rows}",
                got=str(len(one) - rows),
                cure="Give later data, or ask for BacktestPlan(partial=True) or BacktestPlan(refit=True).",
            )
        positions.append(after)
    return cells_at(forecaster, series, Origins.of_series(positions), known), known


def _planned(forecaster: JudgedForecaster, series: Sequence[Series], plan: BacktestPlan) -> tuple[Cells, list[int]]:
    """Forecast along the plan, fitting a copy wherever it asks for one."""
    positions = [plan.origins(len(one), forecaster.look_back, forecaster.horizon) for one in series]
    windows = min(len(one) for one in positions)
    positions = [one[-windows:] for one in positions]
    starts = np.flatnonzero(plan.refits(windows))
    parts = []
    for start, stop in zip(starts, [*starts[1:], windows], strict=True):
        known = [int(one[start]) + 1 for one in positions]
        current = _knowing(forecaster, series, known, exactly=plan.refit is not False)
        origins = Origins.of_series([one[start:stop] for one in positions])
        parts.append(cells_at(current, series, origins, known))
    return _joined(parts), [int(one[0]) + 1 for one in positions]


def _knowing(
    forecaster: JudgedForecaster, series: Sequence[Series], known: Sequence[int], exactly: bool
) -> JudgedForecaster:
    """Return the forecaster itself if it has seen no later rows (``exactly``: just these rows), else a fitted copy."""
    seen = [forecaster.rows_seen(one) for one in series]
    if all(
        rows is not None and (rows == limit or (rows < limit and not exactly))
        for rows, limit in zip(seen, known, strict=True)
    ):
        return forecaster
    copy = type(forecaster)(**forecaster.get_params())
    return copy.fit([series_until(one, rows) for one, rows in zip(series, known, strict=True)])


def _joined(parts: Sequence[Cells]) -> Cells:
    """Put the cells of several fits together, ordered by series and origin."""
    series, origin = (np.concatenate([getattr(part, name) for part in parts]) for name in ("series", "origin"))
    order = np.lexsort((origin, series))

    def together(of: list[np.ndarray]) -> np.ndarray:
        joined: np.ndarray = np.concatenate(of)[order]
        return joined

    first = parts[0]
    intervals = [part.intervals for part in parts if part.intervals is not None]
    quantiles = [part.quantiles for part in parts if part.quantiles is not None]
    labels = [part.origin_labels for part in parts if part.origin_labels is not None]
    shown = [part.shown_labels for part in parts if part.shown_labels is not None]
    return Cells(
        series=series[order],
        origin=origin[order],
        actual=together([part.actual for part in parts]),
        forecasts={name: together([part.forecasts[name] for part in parts]) for name in first.forecasts},
        quantile_levels=first.quantile_levels,
        quantiles=together(quantiles) if quantiles else None,
        intervals=Intervals(
            intervals[0].levels,
            together([one.lower for one in intervals]),
            together([one.upper for one in intervals]),
            "; ".join(dict.fromkeys(one.reason for one in intervals if one.reason)) or None,
        )
        if intervals
        else None,
        origin_labels=together(labels) if labels else None,
        series_names=first.series_names,
        shown_labels=together(shown) if shown else None,
    )


def best_baseline(series: Sequence[Series], known: Sequence[int], forecaster: JudgedForecaster) -> str:
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
    histories = forecaster.histories(seen)
    training = [one.cut(split.train_end) for one, split in zip(histories, splits, strict=True)]
    fitted = {one.name: one.fit(training) for one in forecaster.baselines()}
    forecasts = forecast_origins(fitted, histories, origins.series, origins.position, horizon)
    truth = Windows(seen, look_back, horizon).gather(origins).targets
    cells = Cells(origins.series, origins.position, truth, {"naive": forecasts.pop("naive"), **forecasts})
    scored = cells.scored
    if not scored.any():
        return "naive"
    errors = {name: float(np.abs(truth - forecast)[scored].mean()) for name, forecast in cells.forecasts.items()}
    return min(errors, key=lambda name: errors[name])


def audit_reach(network: ForecastNetwork, look_back: int) -> CausalityReport:
    """Audit which inputs can reach which forecast step, by the structure of the network with random weights."""
    copy = structure_copy(network)

    def units(inputs: Tensor) -> WindowUnits:
        # The spread of a series is no part of its window: any will do.
        return copy.statistics(inputs[..., 0], inputs.new_ones(len(inputs), 1))

    def forecast(inputs: Tensor) -> Tensor:
        return copy.forecast(inputs[..., 0], inputs[..., 1:], units(inputs))

    def learned(inputs: Tensor, reference: Tensor) -> Tensor:
        return copy.forecast(inputs[..., 0], inputs[..., 1:], units(reference))

    channels = Channels(target=(0,), past=tuple(range(1, 1 + network.design.covariates)))
    return audit_causality(
        Differentiable(forecast, learned, channels), look_back=look_back, horizon=network.design.horizon
    )


def audit_copies(result: BacktestResult) -> CopyingReport:
    """Find the steps at which the model repeats the last value (or the last season) without skill."""
    tests = compare_steps(result.cells, "naive", step_size=result.step_size)
    beats = [
        None if np.isnan(test.p_value) else bool(test.statistic < 0 and test.p_value < TWICE_FIVE_PERCENT)
        for test in tests
    ]
    return audit_copying(result.cells, season=result.season, beats_naive=beats)


def audit_leaks(
    forecaster: JudgedForecaster, series: Sequence[Series], known: Sequence[int], test: Origins, result: BacktestResult
) -> LeakageReport:
    """Check the run against the rules of leak-free evaluation.

    Args:
        forecaster: fitted on the ``known`` rows.
        series: all series.
        known: rows of each that fitting and stopping may have seen.
        test: origins of the back-test.
        result: the back-test.
    """
    facts = []
    statistics = []
    for index, (one, rows) in enumerate(zip(series, known, strict=True)):
        split = forecaster.splits_[index]
        covariates = zip(one.covariate_names, one.covariates.T, strict=True)
        future = set(one.ahead_names)
        facts.append(
            SeriesFacts(
                name=one.name,
                length=len(one),
                train_end=split.train_end,
                validation_end=rows,
                values=one.values,
                stamps=one.time,
                train=split.origins("train"),
                validation=split.origins("validation"),
                # Steps beyond the data are masked, so only whole paths are windows in the linter's sense.
                test=_whole(test.position[test.series == index], len(one), forecaster.horizon),
                covariates=tuple(
                    CovariateFacts(name, "future" if name in future else "past", column) for name, column in covariates
                ),
            )
        )
        statistics.append(FittedStatistic("scaling and start of the head", split.train_end - 1, series=one.name))
    first = result.by_horizon[0]
    best = min(first.mae_of, key=lambda name: first.mae_of[name])
    return lint_leakage(
        PipelineFacts(
            look_back=forecaster.look_back,
            horizon=forecaster.training_steps,
            series=tuple(facts),
            statistics=tuple(statistics),
            transforms=(),
            static_covariates=(),
            split_at_random=False,
            decided_on=("validation",),
            test_evaluations=1,
            first_step=FirstStepError(first.mae, first.mae_of[best], best),
        )
    )


def _whole(positions: np.ndarray, length: int, horizon: int) -> np.ndarray:
    whole: np.ndarray = positions[positions + horizon < length]
    return whole
