"""Scores of a back-test: errors, quantile loss, coverage, and the tests against every baseline.

All of them are computed over the scored cells, those where the truth and every forecast are known.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from nurt.evaluation.chance.bootstrap import block_bootstrap_coverage, block_bootstrap_skill
from nurt.evaluation.chance.significance import IDENTICAL, DieboldMariano, diebold_mariano, holm, overlap
from nurt.evaluation.forecasts import metrics
from nurt.evaluation.forecasts.cells import Cells, OriginAxis
from nurt.evaluation.forecasts.results import Comparison, Coverage, HorizonScore, Scores

__all__ = ["compare", "compare_steps"]

# Series whose one-step changes differ by more than this factor have no error in common units.
ONE_SCALE = 3.0

DECILES = tuple(round(0.1 * i, 1) for i in range(1, 10))
# Forecasts that nowhere differ by more than this share of the mean error are the same forecast: networks compute
# in float32, baselines in float64, and a test on rounding errors would find "significant" nothing.
SAME = 1e-4


def scale_units(cells: Cells, scored: np.ndarray, scales: Sequence[metrics.Scale]) -> np.ndarray | None:
    """Return by what to divide the errors of every row where series differ in scale, (N,); None where they do not.

    They do where the scale of MASE is more than 3 times as large in one series as in another. The sum of all divided
    errors is then proportional to the mean of the MASE over series, each series counting once; NaN rows have no scale.
    """
    present = [index for index in np.unique(cells.series).tolist() if scales[index].reason is None]
    sizes = np.array([scales[index].absolute for index in present])
    if len(sizes) < 2 or sizes.max() <= ONE_SCALE * sizes.min():
        return None
    count = np.bincount(cells.series, weights=scored.sum(axis=1), minlength=len(scales))
    units = np.full(len(scales), np.nan)
    known = [index for index in present if count[index]]
    if not known:
        return None
    units[known] = [scales[index].absolute * count[index] for index in known]
    units /= count[known].mean()
    by_row: np.ndarray = units[cells.series]
    return by_row


def point_scores(cells: Cells, name: str, scored: np.ndarray, scales: Sequence[metrics.Scale]) -> Scores:
    """Return the errors of one forecaster over the scored cells; MASE is averaged over series."""
    forecast = cells.forecasts[name]
    mase, notes = _mase(cells, name, scored, scales)
    return Scores(
        mae=metrics.mae(cells.actual, forecast, mask=scored),
        rmse=metrics.rmse(cells.actual, forecast, mask=scored),
        mase=mase,
        smape=metrics.smape(cells.actual, forecast, mask=scored),
        notes=notes,
    )


def quantile_loss(cells: Cells, scored: np.ndarray) -> tuple[float | None, tuple[str, ...]]:
    """Return the WQL over the deciles, or over the levels there are with a note; None for a point forecaster."""
    if cells.quantiles is None or not cells.quantile_levels:
        return None, ()
    levels = np.round(cells.quantile_levels, 6)
    deciles = [int(np.flatnonzero(levels == q)[0]) for q in DECILES if np.any(levels == q)]
    if len(deciles) == len(DECILES):
        return metrics.wql(cells.actual, cells.quantiles[..., deciles], levels=DECILES, mask=scored), ()
    loss = metrics.wql(cells.actual, cells.quantiles, levels=cells.quantile_levels, mask=scored)
    return loss, ("WQL averages over the levels " + ", ".join(f"{q:g}" for q in levels) + " instead of the deciles.",)


def score_steps(cells: Cells, scored: np.ndarray, units: np.ndarray | None = None) -> tuple[HorizonScore, ...]:
    """Return the errors of every forecaster and the coverage of the model, step by step; scaled ones with ``units``."""
    scaled = {} if units is None else {name: _scaled_by_step(cells, name, scored, units) for name in cells.forecasts}
    errors = {
        name: metrics.by_step(metrics.mae, cells.actual, forecast, mask=scored)
        for name, forecast in cells.forecasts.items()
    }
    roots = metrics.by_step(metrics.rmse, cells.actual, cells.forecasts[cells.model], mask=scored)
    shares = {level: _coverage_by_step(cells, scored, level) for level in (80, 95)}
    return tuple(
        HorizonScore(
            h=k + 1,
            n=int(scored[:, k].sum()),
            mae=float(errors[cells.model][k]),
            rmse=float(roots[k]),
            mae_of={name: float(error[k]) for name, error in errors.items() if name != cells.model},
            coverage_80=shares[80][k],
            coverage_95=shares[95][k],
            mase=scaled[cells.model][k] if scaled else None,
            mase_of={name: float(error[k]) for name, error in scaled.items() if name != cells.model},
        )
        for k in range(cells.horizon)
    )


def score_intervals(cells: Cells, scored: np.ndarray, axis: OriginAxis, seed: int) -> tuple[Coverage, ...]:
    """Return the coverage of every level with its bootstrap interval; nothing for a model without intervals."""
    if cells.intervals is None:
        return ()
    entries = []
    for level in cells.intervals.levels:
        hits, judged = (axis.total(flags.sum(axis=1)) for flags in _inside(cells, scored, level))
        total = int(judged.sum())
        share = float(hits.sum() / total) if total else float("nan")
        there = judged > 0
        h = overlap(cells.horizon, axis.spacing)
        interval = block_bootstrap_coverage(hits[there], judged[there], overlap=h, seed=seed)
        reason = interval.reason if total else cells.intervals.reason or "no cell has an interval"
        entries.append(Coverage(level, share, interval.low, interval.high, total, reason))
    return tuple(entries)


def compare(
    cells: Cells, scored: np.ndarray, axis: OriginAxis, seed: int, units: np.ndarray | None = None
) -> tuple[Comparison, ...]:
    """Compare the model with every other forecaster over whole paths, p-values adjusted by Holm over all of them.

    Args:
        cells: the back-test.
        scored: cells that count, bool (N, F).
        axis: places of the origins.
        seed: of the bootstrap.
        units: by what the errors of each row are divided, (N,); None for errors as they are.
    """
    if units is not None:
        scored = scored & np.isfinite(units)[:, None]
        cells = _divided(cells, units)
    names = [name for name in cells.forecasts if name != cells.model]
    tests = [_test_path(cells, name, scored, axis) for name in names]
    adjusted = holm([test.p_value for test in tests])
    return tuple(
        _comparison(cells, name, scored, axis, seed, test, p_holm)
        for name, test, p_holm in zip(names, tests, adjusted, strict=True)
    )


def compare_steps(cells: Cells, baseline: str = "naive", *, step_size: int = 1) -> tuple[DieboldMariano, ...]:
    """Test the model against a baseline at every forecast step, absolute loss averaged over series per origin.

    Args:
        cells: the back-test.
        baseline: name of the other forecaster.
        step_size: observations between neighbouring origins of a series.

    Returns:
        One test per step; a negative statistic means that the model is better. The p-values are two-sided and not
        adjusted for the number of steps.
    """
    axis = OriginAxis.of(cells, step_size)
    model, other = (absolute_error(cells, name, cells.scored) for name in (cells.model, baseline))
    return tuple(
        diebold_mariano(axis.average(model[:, k]), axis.average(other[:, k]), steps_ahead=k + 1, spacing=axis.spacing)
        for k in range(cells.horizon)
    )


def _divided(cells: Cells, units: np.ndarray) -> Cells:
    """Return cells whose errors are those of ``cells`` over the units of their rows."""
    by = np.where(np.isfinite(units), units, 1.0)[:, None]
    forecasts = {name: forecast / by for name, forecast in cells.forecasts.items()}
    return dataclasses.replace(cells, actual=cells.actual / by, forecasts=forecasts)


def _scaled_by_step(cells: Cells, name: str, scored: np.ndarray, units: np.ndarray) -> list[float]:
    errors = absolute_error(cells, name, scored) / units[:, None]
    known = np.isfinite(errors)
    means = np.where(known, errors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return [float(mean) if there else float("nan") for mean, there in zip(means, known.any(axis=0), strict=True)]


def _mase(
    cells: Cells, name: str, scored: np.ndarray, scales: Sequence[metrics.Scale]
) -> tuple[float, tuple[str, ...]]:
    """Return the mean over series of MAE/q, and a note on the series whose q is undefined."""
    count = np.bincount(cells.series, weights=scored.sum(axis=1), minlength=len(scales))
    error = np.nansum(absolute_error(cells, name, scored), axis=1)
    total = np.bincount(cells.series, weights=error, minlength=len(scales))
    present = [int(index) for index in np.flatnonzero(count)]
    undefined = [index for index in present if scales[index].reason is not None]
    defined = [index for index in present if scales[index].reason is None]
    values = [total[index] / count[index] / scales[index].absolute for index in defined]
    notes: tuple[str, ...] = ()
    if undefined:
        where = f"series {cells.series_names[undefined[0]]!r}: {scales[undefined[0]].reason}"
        notes = (f"MASE leaves out {len(undefined)} of {len(present)} series, first {where}.",)
    return (float(np.mean(values)) if values else float("nan")), notes


def absolute_error(cells: Cells, name: str, scored: np.ndarray) -> np.ndarray:
    """Return |e|, NaN where not scored, shape (N, F)."""
    return np.where(scored, np.abs(cells.actual - cells.forecasts[name]), np.nan)


def _inside(cells: Cells, scored: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells lie inside their interval and which have one to be judged by, bool (N, F) each."""
    intervals = cells.intervals
    assert intervals is not None
    index = intervals.levels.index(level)
    lower, upper = intervals.lower[..., index], intervals.upper[..., index]
    judged = scored & np.isfinite(lower) & np.isfinite(upper)
    return judged & (lower <= cells.actual) & (cells.actual <= upper), judged


def _coverage_by_step(cells: Cells, scored: np.ndarray, level: int) -> list[float | None]:
    if cells.intervals is None or level not in cells.intervals.levels:
        return [None] * cells.horizon
    hits, judged = (flags.sum(axis=0) for flags in _inside(cells, scored, level))
    return [float(hit / count) if count else float("nan") for hit, count in zip(hits, judged, strict=True)]


def _test_path(cells: Cells, baseline: str, scored: np.ndarray, axis: OriginAxis) -> DieboldMariano:
    """Test the mean absolute error over the path, on origins with every step scored."""
    model, other = (absolute_error(cells, name, scored) for name in (cells.model, baseline))
    apart = np.abs(cells.forecasts[cells.model] - cells.forecasts[baseline])
    if scored.any() and apart[scored].max() <= SAME * other[scored].mean():
        complete = int(np.isfinite(axis.average(other.mean(axis=1))).sum())
        h = overlap(cells.horizon, axis.spacing)
        return DieboldMariano(math.nan, math.nan, 0.0, complete, h, "rectangular", IDENTICAL)
    return diebold_mariano(
        axis.average(model.mean(axis=1)),
        axis.average(other.mean(axis=1)),
        steps_ahead=cells.horizon,
        spacing=axis.spacing,
    )


def _comparison(
    cells: Cells,
    baseline: str,
    scored: np.ndarray,
    axis: OriginAxis,
    seed: int,
    test: DieboldMariano,
    p_holm: float | None,
) -> Comparison:
    model, other = (np.nansum(absolute_error(cells, name, scored), axis=1) for name in (cells.model, baseline))
    there = axis.total(scored.sum(axis=1)) > 0
    model_total, other_total = axis.total(model)[there], axis.total(other)[there]
    interval = block_bootstrap_skill(model_total, other_total, overlap=overlap(cells.horizon, axis.spacing), seed=seed)
    defined = bool(np.isfinite(test.statistic))
    no_interval = None if interval.reason is None else f"no interval of the skill: {interval.reason}"
    reasons = [reason for reason in (test.reason, no_interval) if reason is not None]
    return Comparison(
        baseline=baseline,
        skill=metrics.skill(float(model_total.sum()), float(other_total.sum())),
        skill_low=interval.low,
        skill_high=interval.high,
        statistic=test.statistic if defined else None,
        p_value=test.p_value if defined else None,
        p_holm=p_holm,
        reason="; ".join(reasons) or None,
        origins=test.origins,
        weights=test.weights,
    )
