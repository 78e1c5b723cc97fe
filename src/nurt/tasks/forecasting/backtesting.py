"""Rolling origins: the forecaster and every baseline on the same cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt.data.series import Series
from nurt.data.windows import Origins
from nurt.errors import DataError
from nurt.evaluation.forecasts.backtest import BacktestPlan, score
from nurt.evaluation.forecasts.baselines import AbstractBaseline, default_baselines, forecast_origins
from nurt.evaluation.forecasts.cells import Cells, Intervals
from nurt.evaluation.forecasts.intervals import calibrate
from nurt.evaluation.forecasts.results import BacktestResult
from nurt.tasks.forecasting.calibration import METHOD, raw_intervals

if TYPE_CHECKING:
    from nurt.tasks.forecasting.forecaster import Forecaster

__all__ = ["backtest", "cells_at", "origins_after", "series_until"]


def series_until(series: Series, length: int) -> Series:
    """Return the first ``length`` observations of a series."""
    return dataclasses.replace(
        series,
        values=series.values[:length],
        time=None if series.time is None else series.time[:length],
        covariates=series.covariates[:length],
    )


def origins_after(series: Sequence[Series], known: Sequence[int], step_size: int) -> Origins:
    """Return every origin from the last known row on whose first step has a truth; paths may end beyond the data."""
    return Origins.of_series(
        [np.arange(rows - 1, len(one) - 1, step_size) for one, rows in zip(series, known, strict=True)]
    )


def cells_at(
    forecaster: Forecaster,
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
        baselines = default_baselines(forecaster.look_back, forecaster.horizon, forecaster.season)
    values = [one.values for one in series]
    fitted = {one.name: one.fit([v[:rows] for v, rows in zip(values, known, strict=True)]) for one in baselines}
    raw, quantiles = raw_intervals(forecaster, series, origins)
    said = forecast_origins(fitted, values, origins.series, origins.position, forecaster.horizon)
    return Cells(
        series=origins.series,
        origin=origins.position,
        actual=raw.actual,
        forecasts={forecaster.name: raw.centre, **said},
        quantile_levels=forecaster.quantile_levels(),
        quantiles=quantiles if quantiles.shape[-1] > 1 else None,
        intervals=calibrate(METHOD, forecaster.calibration_.known_errors(series), raw),
        origin_labels=_labels(series, origins),
        series_names=tuple(one.name for one in series),
    )


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


def backtest(forecaster: Forecaster, series: Sequence[Series], plan: BacktestPlan | None) -> BacktestResult:
    """Run the plan; see :meth:`Forecaster.backtest`."""
    series = tuple(series)
    if plan is None:
        known = _fitted_rows(forecaster, series)
        cells = cells_at(forecaster, series, origins_after(series, known, 1), known)
        step_size = 1
    else:
        cells, known = _planned(forecaster, series, plan)
        step_size = plan.step_size
    training = [one.values[:rows] for one, rows in zip(series, known, strict=True)]
    return score(cells, training, season=forecaster.season, step_size=step_size, seed=forecaster.random_state)


def _fitted_rows(forecaster: Forecaster, series: Sequence[Series]) -> list[int]:
    """Return how many rows of each series the forecaster has seen; it must have seen the beginning of each."""
    rows = []
    for one in series:
        seen = forecaster.rows_seen(one)
        if seen is None or seen >= len(one):
            raise DataError(
                f"Nothing of series {one.name!r} is left to judge the model by.",
                expected="the fitted series, with observations after those it was fitted on",
                got="a series it was not fitted on" if seen is None else f"{len(one)} rows, all of them fitted on",
                cure="Pass longer data, or a BacktestPlan, which fits a copy before the first origin.",
            )
        rows.append(seen)
    return rows


def _planned(forecaster: Forecaster, series: Sequence[Series], plan: BacktestPlan) -> tuple[Cells, list[int]]:
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


def _knowing(forecaster: Forecaster, series: Sequence[Series], known: Sequence[int], exactly: bool) -> Forecaster:
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
    )
