"""Errors of forecasts: points, quantiles, samples, intervals, directions.

Every metric takes the truth first and returns one float, the mean over the scored cells. A cell whose truth is
missing (NaN) is never scored; ``mask`` leaves out further cells. A missing *forecast* of a scored cell is not left
out in silence: the metric becomes NaN. What is undefined is NaN too, never infinite.

Any metric is had per forecast step with :func:`by_step` and per series with :func:`by_series`::

    by_step(mae, actual, forecast)                              # (F,)
    by_step(partial(pinball, level=0.9), actual, quantile)      # (F,)

Arrays may have any shape as long as truth and forecast agree; (N, F), origins × steps, is usual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from nurt.errors import NurtValueError, ShapeError
from nurt.results import Result

__all__ = [
    "Direction",
    "Scale",
    "by_series",
    "by_step",
    "coverage",
    "crps_normal",
    "crps_quantiles",
    "crps_samples",
    "cutoff_scales",
    "directional_accuracy",
    "interval_loss",
    "interval_score",
    "mae",
    "mase",
    "msis",
    "pinball",
    "pinball_loss",
    "rmse",
    "rmsse",
    "skill",
    "smape",
    "training_scale",
    "wql",
]


def mae(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the mean absolute error, in the units of the target."""
    return _mean(np.abs(_error(actual, forecast)), actual, mask)


def rmse(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the root of the mean squared error over all scored cells, in the units of the target."""
    return float(np.sqrt(_mean(_error(actual, forecast) ** 2, actual, mask)))


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
    return _mean(np.abs(_error(actual, forecast)) / _positive(scale), actual, mask)


def rmsse(
    actual: np.ndarray, forecast: np.ndarray, squared_scale: float | np.ndarray, *, mask: np.ndarray | None = None
) -> float:
    """Return the root mean squared scaled error of one series, without unit; ``squared_scale`` is ``Scale.squared``."""
    return float(np.sqrt(_mean(_error(actual, forecast) ** 2 / _positive(squared_scale), actual, mask)))


def smape(actual: np.ndarray, forecast: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the symmetric percentage error 100·mean of ``2|e|/(|y|+|ŷ|)``, in 0..200; a cell with 0/0 counts 0."""
    error = np.abs(_error(actual, forecast))
    size = np.abs(actual) + np.abs(forecast)
    return 200.0 * _mean(np.divide(error, size, out=np.where(size == 0, 0.0, np.nan), where=size > 0), actual, mask)


def skill(model_error: float, baseline_error: float) -> float:
    """Return 1 - model/baseline: above 0 the model is better; NaN where the baseline makes no error."""
    return 1.0 - model_error / baseline_error if baseline_error > 0 else float("nan")


def pinball_loss(actual: np.ndarray, quantile: np.ndarray, level: float) -> np.ndarray:
    """Return max(q(y-ŷ), (q-1)(y-ŷ)) of every cell, in the units of the target [koenker1978regression]."""
    if not 0.0 < level < 1.0:
        raise NurtValueError("pinball_loss: a quantile level is a probability.", expected="0 < q < 1", got=str(level))
    error = _error(actual, quantile)
    return np.maximum(level * error, (level - 1.0) * error)


def pinball(actual: np.ndarray, quantile: np.ndarray, *, level: float, mask: np.ndarray | None = None) -> float:
    """Return the mean :func:`pinball_loss` of the quantile forecasts of one probability ``level``."""
    return _mean(pinball_loss(actual, quantile, level), actual, mask)


def wql(actual: np.ndarray, quantiles: np.ndarray, *, levels: Sequence[float], mask: np.ndarray | None = None) -> float:
    """Return the weighted quantile loss, without unit: the mean over q of ``2·Σρ_q/Σ|y|``.

    Args:
        actual: shape (...).
        quantiles: shape (..., Q), in the order of ``levels``.
        levels: the Q probabilities; 0.1, 0.2, …, 0.9 in most published tables.
        mask: cells to score, shape (...).
    """
    quantiles = _with_last_axis(quantiles, actual, len(levels), "wql")
    size = _mean(np.abs(actual), actual, mask)
    losses = [pinball(actual, quantiles[..., i], level=level, mask=mask) for i, level in enumerate(levels)]
    return 2.0 * float(np.mean(losses)) / size if size > 0 else float("nan")


def crps_quantiles(actual: np.ndarray, quantiles: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the CRPS approximated by K quantiles at the probabilities (j-½)/K, in the units of the target.

    ``quantiles`` has shape (..., K) and holds exactly these probabilities, ascending.
    """
    quantiles = np.asarray(quantiles, dtype=np.float64)
    count = quantiles.shape[-1]
    quantiles = _with_last_axis(quantiles, actual, count, "crps_quantiles")
    losses = [pinball(actual, quantiles[..., j], level=(j + 0.5) / count, mask=mask) for j in range(count)]
    return 2.0 * float(np.mean(losses))


def crps_samples(
    actual: np.ndarray, samples: np.ndarray, *, fair: bool = False, mask: np.ndarray | None = None
) -> float:
    """Return the CRPS of an ensemble, in the units of the target [gneiting2007strictly].

    Args:
        actual: shape (...).
        samples: shape (..., S).
        fair: divide the spread by 2S(S-1) instead of 2S², which removes the penalty on small ensembles.
        mask: cells to score.

    Raises:
        NurtValueError: ``fair`` with a single sample.
    """
    samples = np.asarray(samples, dtype=np.float64)
    count = samples.shape[-1]
    if fair and count < 2:
        raise NurtValueError("crps_samples: the fair CRPS is undefined for one sample.", expected="S >= 2", got="1")
    samples = np.sort(_with_last_axis(samples, actual, count, "crps_samples"), axis=-1)
    distance = np.abs(samples - np.asarray(actual)[..., None]).mean(axis=-1)
    # Sorted, the double sum over pairs is a single one: Σ_r Σ_s |x_s - x_r| = 2 Σ_i (2i - S - 1) x_(i).
    spread = samples @ (2.0 * np.arange(1, count + 1) - count - 1) * 2.0
    return _mean(distance - spread / (2.0 * count * (count - 1 if fair else count)), actual, mask)


def crps_normal(actual: np.ndarray, mean: np.ndarray, sd: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the CRPS of normal forecasts, in the units of the target [gneiting2007strictly]; sd = 0 gives ``|e|``."""
    sd = np.broadcast_to(np.asarray(sd, dtype=np.float64), np.shape(actual))
    if np.any(sd < 0):
        raise NurtValueError("crps_normal: a standard deviation is negative.", expected="sd >= 0", got=str(sd.min()))
    error = _error(actual, mean)
    z = np.divide(error, sd, out=np.zeros_like(error), where=sd > 0)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    spread = sd * (z * (2.0 * special.ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return _mean(np.where(sd == 0, np.abs(error), spread), actual, mask)


def coverage(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the share of cells with lower ≤ y ≤ upper, 0..1; to be compared with the nominal level."""
    inside = np.where((_error(actual, lower) >= 0) & (_error(actual, upper) <= 0), 1.0, 0.0)
    return _mean(np.where(np.isnan(lower) | np.isnan(upper), np.nan, inside), actual, mask)


def interval_loss(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, level: float) -> np.ndarray:
    """Return width plus 2/α times the miss of every cell, α = 1 - level/100 [gneiting2007strictly]."""
    if not 0.0 < level < 100.0:
        raise NurtValueError("interval_loss: a level is given in per cent.", expected="0 < level < 100", got=str(level))
    penalty = 2.0 / (1.0 - level / 100.0)
    below, above = np.maximum(-_error(actual, lower), 0.0), np.maximum(_error(actual, upper), 0.0)
    return np.asarray(upper - lower + penalty * (below + above))


def interval_score(
    actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, level: float, mask: np.ndarray | None = None
) -> float:
    """Return the mean :func:`interval_loss` of intervals of ``level`` per cent, in the units of the target."""
    return _mean(interval_loss(actual, lower, upper, level), actual, mask)


def msis(
    actual: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    scale: float | np.ndarray,
    *,
    level: float,
    mask: np.ndarray | None = None,
) -> float:
    """Return the mean scaled interval score of one series, without unit; ``scale`` as in :func:`mase`."""
    return _mean(interval_loss(actual, lower, upper, level) / _positive(scale), actual, mask)


@dataclass(frozen=True)
class Direction(Result):
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
) -> Direction:
    """Compare the sign of the predicted with that of the actual change since the last observed value.

    Args:
        actual: truth, shape (N, F) or (N,).
        forecast: forecasts, same shape.
        last: value at each origin, broadcast against ``actual`` ((N, 1) for (N, F)).
        mask: cells to score.
    """
    predicted = np.sign(forecast - last)
    happened = np.sign(_error(actual, np.broadcast_to(last, np.shape(actual))))
    known = _scored(actual, mask)
    judged = known & (predicted != 0) & (happened != 0)
    share = _mean(np.where(np.isnan(predicted), np.nan, predicted == happened), actual, judged)
    return Direction(share, int(judged.sum()), int((known & ~judged).sum()))


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
        metric: any metric of this module; settings such as ``level`` are bound with ``functools.partial``.
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


def _error(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    actual, forecast = np.asarray(actual, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if actual.shape != forecast.shape:
        raise ShapeError(
            "A metric needs one forecast per true value.", expected=f"shape {actual.shape}", got=str(forecast.shape)
        )
    error: np.ndarray = actual - forecast
    return error


def _scored(actual: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    known: np.ndarray = np.isfinite(actual)
    return known if mask is None else known & mask


def _mean(cells: np.ndarray, actual: np.ndarray, mask: np.ndarray | None) -> float:
    chosen = cells[_scored(actual, mask)]
    return float(chosen.mean()) if chosen.size else float("nan")


def _positive(scale: float | np.ndarray) -> np.ndarray:
    scale = np.asarray(scale, dtype=np.float64)
    return np.where(scale > 0, scale, np.nan)


def _with_last_axis(values: np.ndarray, actual: np.ndarray, size: int, where: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    expected = (*np.shape(actual), size)
    if values.shape != expected:
        raise ShapeError(f"{where}: the forecasts do not match.", expected=f"shape {expected}", got=str(values.shape))
    return values


def _check_season(season: int) -> None:
    if season < 1:
        raise NurtValueError("A season is a number of observations.", expected="season >= 1", got=str(season))
