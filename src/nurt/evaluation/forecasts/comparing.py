"""The model against every baseline of a back-test: skill, its interval, and a test that survives many tests."""

from __future__ import annotations

import math

import numpy as np

from nurt.evaluation.chance.bootstrap import block_bootstrap_skill
from nurt.evaluation.chance.significance import IDENTICAL, DieboldMariano, diebold_mariano, holm, overlap
from nurt.evaluation.forecasts import metrics
from nurt.evaluation.forecasts.cells import Cells
from nurt.evaluation.forecasts.origins import OriginAxis
from nurt.evaluation.forecasts.results import Comparison
from nurt.evaluation.forecasts.scoring import absolute_error

__all__ = ["compare", "compare_steps"]

# Forecasts that nowhere differ by more than this share of the mean error are the same forecast: networks compute
# in float32, baselines in float64, and a test on rounding errors would find "significant" nothing.
SAME = 1e-4


def compare(cells: Cells, scored: np.ndarray, axis: OriginAxis, seed: int) -> tuple[Comparison, ...]:
    """Compare the model with every other forecaster over whole paths, p-values adjusted by Holm over all of them."""
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
