"""Errors of quantile, sample, normal and interval forecasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.metrics.points import mean_of, positive, residuals, with_last_axis

__all__ = [
    "coverage",
    "crps_normal",
    "crps_quantiles",
    "crps_samples",
    "interval_loss",
    "interval_score",
    "msis",
    "pinball",
    "pinball_loss",
    "wql",
]


def pinball_loss(actual: np.ndarray, quantile: np.ndarray, level: float) -> np.ndarray:
    """Return max(q(y-ŷ), (q-1)(y-ŷ)) of every cell, in the units of the target [koenker1978regression]."""
    if not 0.0 < level < 1.0:
        raise NurtValueError("pinball_loss: a quantile level is a probability.", expected="0 < q < 1", got=str(level))
    error = residuals(actual, quantile)
    return np.maximum(level * error, (level - 1.0) * error)


def pinball(actual: np.ndarray, quantile: np.ndarray, *, level: float, mask: np.ndarray | None = None) -> float:
    """Return the mean :func:`pinball_loss` of the quantile forecasts of one probability ``level``."""
    return mean_of(pinball_loss(actual, quantile, level), actual, mask)


def wql(actual: np.ndarray, quantiles: np.ndarray, *, levels: Sequence[float], mask: np.ndarray | None = None) -> float:
    """Return the weighted quantile loss, without unit: the mean over q of ``2·Σρ_q/Σ|y|``.

    Args:
        actual: shape (...).
        quantiles: shape (..., Q), in the order of ``levels``.
        levels: the Q probabilities; 0.1, 0.2, …, 0.9 in most published tables.
        mask: cells to score, shape (...).
    """
    quantiles = with_last_axis(quantiles, actual, len(levels), "wql")
    size = mean_of(np.abs(actual), actual, mask)
    losses = [pinball(actual, quantiles[..., i], level=level, mask=mask) for i, level in enumerate(levels)]
    return 2.0 * float(np.mean(losses)) / size if size > 0 else float("nan")


def crps_quantiles(actual: np.ndarray, quantiles: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the CRPS approximated by K quantiles at the probabilities (j-½)/K, in the units of the target.

    ``quantiles`` has shape (..., K) and holds exactly these probabilities, ascending.
    """
    quantiles = np.asarray(quantiles, dtype=np.float64)
    count = quantiles.shape[-1]
    quantiles = with_last_axis(quantiles, actual, count, "crps_quantiles")
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
    samples = np.sort(with_last_axis(samples, actual, count, "crps_samples"), axis=-1)
    distance = np.abs(samples - np.asarray(actual)[..., None]).mean(axis=-1)
    # Sorted, the double sum over pairs is a single one: Σ_r Σ_s |x_s - x_r| = 2 Σ_i (2i - S - 1) x_(i).
    spread = samples @ (2.0 * np.arange(1, count + 1) - count - 1) * 2.0
    return mean_of(distance - spread / (2.0 * count * (count - 1 if fair else count)), actual, mask)


def crps_normal(actual: np.ndarray, mean: np.ndarray, sd: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the CRPS of normal forecasts, in the units of the target [gneiting2007strictly]; sd = 0 gives ``|e|``."""
    sd = np.broadcast_to(np.asarray(sd, dtype=np.float64), np.shape(actual))
    if np.any(sd < 0):
        raise NurtValueError("crps_normal: a standard deviation is negative.", expected="sd >= 0", got=str(sd.min()))
    error = residuals(actual, mean)
    z = np.divide(error, sd, out=np.zeros_like(error), where=sd > 0)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    spread = sd * (z * (2.0 * special.ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi))
    return mean_of(np.where(sd == 0, np.abs(error), spread), actual, mask)


def coverage(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, mask: np.ndarray | None = None) -> float:
    """Return the share of cells with lower ≤ y ≤ upper, 0..1; to be compared with the nominal level."""
    inside = np.where((residuals(actual, lower) >= 0) & (residuals(actual, upper) <= 0), 1.0, 0.0)
    return mean_of(np.where(np.isnan(lower) | np.isnan(upper), np.nan, inside), actual, mask)


def interval_loss(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, level: float) -> np.ndarray:
    """Return width plus 2/α times the miss of every cell, α = 1 - level/100 [gneiting2007strictly]."""
    if not 0.0 < level < 100.0:
        raise NurtValueError("interval_loss: a level is given in per cent.", expected="0 < level < 100", got=str(level))
    penalty = 2.0 / (1.0 - level / 100.0)
    below, above = np.maximum(-residuals(actual, lower), 0.0), np.maximum(residuals(actual, upper), 0.0)
    return np.asarray(upper - lower + penalty * (below + above))


def interval_score(
    actual: np.ndarray, lower: np.ndarray, upper: np.ndarray, *, level: float, mask: np.ndarray | None = None
) -> float:
    """Return the mean :func:`interval_loss` of intervals of ``level`` per cent, in the units of the target."""
    return mean_of(interval_loss(actual, lower, upper, level), actual, mask)


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
    return mean_of(interval_loss(actual, lower, upper, level) / positive(scale), actual, mask)
