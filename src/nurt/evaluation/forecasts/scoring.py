"""Scores of a back-test over the scored cells: of points, by step, of quantiles, of intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nurt.evaluation.chance.bootstrap import block_bootstrap_coverage
from nurt.evaluation.chance.significance import overlap
from nurt.evaluation.forecasts import metrics
from nurt.evaluation.forecasts.cells import Cells
from nurt.evaluation.forecasts.origins import OriginAxis
from nurt.evaluation.forecasts.results import Coverage, HorizonScore, Scores

__all__ = ["absolute_error", "point_scores", "quantile_loss", "score_intervals", "score_steps"]

DECILES = tuple(round(0.1 * i, 1) for i in range(1, 10))


def absolute_error(cells: Cells, name: str, scored: np.ndarray) -> np.ndarray:
    """Return |e|, NaN where not scored, shape (N, F)."""
    return np.where(scored, np.abs(cells.actual - cells.forecasts[name]), np.nan)


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


def score_steps(cells: Cells, scored: np.ndarray) -> tuple[HorizonScore, ...]:
    """Return the errors of every forecaster and the coverage of the model, step by step."""
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
