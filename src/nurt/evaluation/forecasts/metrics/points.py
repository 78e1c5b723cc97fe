"""Errors of point forecasts and their scales; any metric by step or by series; the cells that metrics score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nurt.errors import NurtValueError, ShapeError
from nurt.results import Result

__all__ = [
    "DirectionScores",
    "Scale",
    "by_series",
    "by_step",
    "cutoff_scales",
    "directional_accuracy",
    "mae",
    "mase",
    "mean_of",
    "positive",
    "residuals",
    "rmse",
    "rmsse",
    "scored",
    "skill",
    "smape",
    "training_scale",
    "with_last_axis",
]


def mae(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the mean absolute error, in the units of the target."""
    return mean_of(np.abs(residuals(actual, forecast)), actual, mask)


def rmse(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the root of the mean squared error over all scored cells, in the units of the target."""
    return float(np.sqrt(mean_of(residuals(actual, forecast) ** 2, actual, mask)))


def mase(
    actual: np.ndarray, forecast: np.ndarray, scale: float | np.ndarray, *, mask: np.ndarray | None = None
) -> float:
    """Return the mean absolute scaled error of one series [hyndman2006another]: the mean of ``|e|/q``, without unit.

    Several series are averaged, never pooled: compute it per series and take the mean.

    Args:
        actual: truth.
        forecast: forecasts, same shape.
        scale: q, from :func:`training_scale` (``.absolute``) or :func:`cutoff_scales`; broadcast against ``actual``.
        mask: cells to score.
    """
    return mean_of(np.abs(residuals(actual, forecast)) / positive(scale), actual, mask)


def rmsse(
    actual: np.ndarray, forecast: np.ndarray, squared_scale: float | np.ndarray, *, mask: np.ndarray | None = None
) -> float:
    """Return the root mean squared scaled error of one series, without unit; ``squared_scale`` is ``Scale.squared``."""
    return float(np.sqrt(mean_of(residuals(actual, forecast) ** 2 / positive(squared_scale), actual, mask)))


def smape(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the symmetric percentage error 100·mean of ``2|e|/(|y|+|ŷ|)``, in 0..200; a cell with 0/0 counts 0."""
    error = np.abs(residuals(actual, forecast))
    size = np.abs(actual) + np.abs(forecast)
    return 200.0 * mean_of(np.divide(error, size, out=np.where(size == 0, 0.0, np.nan), where=size > 0), actual, mask)


def skill(model_error: float, baseline_error: float) -> float:
    """Return 1 - model/baseline: above 0 the model is better; NaN where the baseline makes no error."""
    return 1.0 - model_error / baseline_error if baseline_error > 0 else float("nan")


@dataclass(frozen=True)
class DirectionScores(Result):
    """Share of changes whose sign was right.

    Args:
        share: 0..1; NaN when no cell could be judged, as for a forecaster that repeats the last value.
        cells: number of cells judged.
        excluded: cells left out because the actual or the predicted change is exactly zero.
    """

    share: float
    cells: int
    excluded: int


def directional_accuracy(
    actual: np.ndarray, forecast: np.ndarray, last: np.ndarray, *, mask: np.ndarray | None = None
) -> DirectionScores:
    """Compare the sign of the predicted with that of the actual change since the last observed value.

    Args:
        actual: truth, shape (N, F) or (N,).
        forecast: forecasts, same shape.
        last: value at each origin, broadcast against ``actual`` ((N, 1) for (N, F)).
        mask: cells to score.
    """
    predicted = np.sign(forecast - last)
    happened = np.sign(residuals(actual, np.broadcast_to(last, np.shape(actual))))
    known = scored(actual, mask)
    judged = known & (predicted != 0) & (happened != 0)
    share = mean_of(np.where(np.isnan(predicted), np.nan, predicted == happened), actual, judged)
    return DirectionScores(share, int(judged.sum()), int((known & ~judged).sum()))


@dataclass(frozen=True)
class Scale(Result):
    """In-sample error of the seasonal repeat, the unit of MASE, RMSSE and MSIS.

    Args:
        absolute: mean of ``|y_t - y_{t-m}|`` over training pairs; NaN where undefined or 0.
        squared: mean of (y_t - y_{t-m})²; NaN likewise.
        pairs: number of pairs with both values observed.
        reason: why the scale is undefined, or None.
    """

    absolute: float
    squared: float
    pairs: int
    reason: str | None = None


def training_scale(training: np.ndarray, season: int = 1) -> Scale:
    """Return the scale of one series from its training rows alone [hyndman2006another].

    Args:
        training: values before the first cutoff, shape (n,); NaN where missing, such pairs are skipped.
        season: m, in observations; 1 compares neighbours.
    """
    _check_season(season)
    change = np.abs(training[season:] - training[:-season])
    change = change[np.isfinite(change)]
    if not change.size:
        return Scale(
            np.nan, np.nan, 0, f"no two training values lie {season} observation(s) apart, so there is no scale"
        )
    if not change.any():
        reason = f"the training values repeat themselves every {season} observation(s): the scale would be 0"
        return Scale(np.nan, np.nan, change.size, reason)
    return Scale(float(change.mean()), float((change**2).mean()), change.size)


def cutoff_scales(values: np.ndarray, origins: np.ndarray, season: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the scales from all rows up to each origin, as some published tables use them, instead of training rows.

    Args:
        values: one series, shape (n,).
        origins: positions of the last observation used, shape (N,).
        season: m, in observations.

    Returns:
        absolute and squared scale, shape (N, 1) each; NaN where undefined.
    """
    _check_season(season)
    change = np.full(len(values), np.nan)
    change[season:] = np.abs(values[season:] - values[:-season])
    pairs = np.cumsum(np.isfinite(change))[origins, None]

    def average(size: np.ndarray) -> np.ndarray:
        total = np.cumsum(np.nan_to_num(size))[origins, None]
        mean: np.ndarray = np.divide(total, pairs, out=np.full(total.shape, np.nan), where=total > 0)
        return mean

    return average(change), average(change**2)


def by_step(
    metric: Callable[..., float], actual: np.ndarray, *others: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """Return ``metric`` at every forecast step, shape (F,); all arrays have origins first and steps second."""
    steps = range(actual.shape[1])
    return np.array(
        [
            metric(actual[:, k], *(other[:, k] for other in others), mask=None if mask is None else mask[:, k])
            for k in steps
        ]
    )


def by_series(
    metric: Callable[..., float],
    series: np.ndarray,
    actual: np.ndarray,
    *others: np.ndarray,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Return ``metric`` of every series, shape (number of series,).

    Args:
        metric: any metric; settings such as ``level`` are bound with ``functools.partial``.
        series: index of the series of each row, shape (N,).
        actual: truth, N rows.
        *others: further arrays with N rows, in the order the metric takes them.
        mask: cells to score.

    Returns:
        The value for series 0, 1, …; NaN for one without rows.
    """
    result = np.full(int(series.max()) + 1 if len(series) else 0, np.nan)
    for index in np.unique(series):
        rows = series == index
        result[index] = metric(
            actual[rows], *(other[rows] for other in others), mask=None if mask is None else mask[rows]
        )
    return result


def residuals(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Return truth minus forecast in float64.

    Raises:
        ShapeError: the shapes differ.
    """
    actual, forecast = np.asarray(actual, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if actual.shape != forecast.shape:
        raise ShapeError(
            "A metric needs one forecast per true value.", expected=f"shape {actual.shape}", got=str(forecast.shape)
        )
    left: np.ndarray = actual - forecast
    return left


def scored(actual: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return which cells are scored: those with a known truth, that ``mask`` does not leave out."""
    known: np.ndarray = np.isfinite(actual)
    return known if mask is None else known & mask


def mean_of(cells: np.ndarray, actual: np.ndarray, mask: np.ndarray | None) -> float:
    """Return the mean of ``cells`` where they are scored; NaN where none is."""
    chosen = cells[scored(actual, mask)]
    return float(chosen.mean()) if chosen.size else float("nan")


def positive(scale: float | np.ndarray) -> np.ndarray:
    """Return a scale with NaN where it is 0, so that what is divided by it is undefined instead of infinite."""
    scale = np.asarray(scale, dtype=np.float64)
    return np.where(scale > 0, scale, np.nan)


def with_last_axis(values: np.ndarray, actual: np.ndarray, size: int, where: str) -> np.ndarray:
    """Return ``values`` in float64, one of ``size`` per cell along the last axis.

    Raises:
        ShapeError: they have another shape.
    """
    values = np.asarray(values, dtype=np.float64)
    expected = (*np.shape(actual), size)
    if values.shape != expected:
        raise ShapeError(f"{where}: the forecasts do not match.", expected=f"shape {expected}", got=str(values.shape))
    return values


def _check_season(season: int) -> None:
    if season < 1:
        raise NurtValueError("A season is a number of observations.", expected="season >= 1", got=str(season))
