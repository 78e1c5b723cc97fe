"""Tests of the difference between two forecasters: of loss, of direction, and adjusted for many tests at once.

The Diebold-Mariano test [diebold1995comparing] with the correction of Harvey, Leybourne and Newbold
[harvey1997testing] asks whether two series of losses have the same mean although neighbouring origins overlap. For
nested models (a network that contains the naive forecast) it is conservative. The Pesaran-Timmermann test
[pesaran1992simple] asks whether directions are called better than by independent guessing with the same shares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from nurt.errors import NurtValueError, ShapeError
from nurt.results import Result

__all__ = [
    "IDENTICAL",
    "DieboldMariano",
    "PesaranTimmermann",
    "Weights",
    "diebold_mariano",
    "hln_statistic",
    "holm",
    "overlap",
    "pesaran_timmermann",
]

Weights = Literal["rectangular", "bartlett"]

IDENTICAL = "identical forecasts"
"""The reason given where two forecasters never differ."""


@dataclass(frozen=True)
class DieboldMariano(Result):
    """A test of equal loss.

    Args:
        statistic: with the Harvey-Leybourne-Newbold correction; negative when the first forecaster is better; NaN
            where undefined.
        p_value: two-sided, Student t with N-1 degrees of freedom; NaN where undefined.
        mean_difference: mean loss of the first minus the second, in the units of the loss.
        origins: N, origins with both losses known.
        overlap: h, the number of origins whose forecast paths overlap; autocovariances up to h-1 enter.
        weights: weights of the autocovariances that were used; "bartlett" also where "rectangular" gave a variance
            that is not positive.
        reason: why a number is missing, or why the weights were changed; None otherwise.
    """

    statistic: float
    p_value: float
    mean_difference: float
    origins: int
    overlap: int
    weights: Weights
    reason: str | None = None

    @property
    def first_is_better(self) -> bool | None:
        """Whether a one-sided test at 5 % finds the first forecaster better; None where undefined."""
        return None if math.isnan(self.p_value) else self.statistic < 0 and self.p_value / 2 < 0.05


def overlap(steps_ahead: int, spacing: int = 1) -> int:
    """Return h = ⌊(k-1)/s⌋ + 1, the forecast step k in units of origins that lie s observations apart."""
    if steps_ahead < 1 or spacing < 1:
        raise NurtValueError(
            "overlap: steps and spacing count observations.",
            expected="both >= 1",
            got=f"steps_ahead={steps_ahead}, spacing={spacing}",
        )
    return (steps_ahead - 1) // spacing + 1


def diebold_mariano(
    first: np.ndarray,
    second: np.ndarray,
    *,
    steps_ahead: int = 1,
    spacing: int = 1,
    weights: Weights = "rectangular",
) -> DieboldMariano:
    """Test whether two forecasters have the same expected loss.

    Args:
        first: loss per origin in time order, shape (N,), for example absolute errors of step k or their mean over
            the path; NaN where an origin is missing, which keeps its place so that lags stay lags. Losses of
            several series are averaged per origin before, never stacked.
        second: the losses of the other forecaster on the same origins.
        steps_ahead: k, or F for losses of whole paths.
        spacing: s, observations between neighbouring origins.
        weights: "rectangular" (the usual form) or "bartlett" (1 - j/h, never negative).

    Returns:
        The test; where it is undefined, NaN and a reason.

    Raises:
        ShapeError: the losses do not pair up.

    Example:
        >>> test = diebold_mariano(np.array([1.0, 2.0] * 10), np.array([1.5, 2.1] * 10))
        >>> test.statistic < 0, round(test.p_value, 6)
        (True, 3e-06)
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ShapeError(
            "diebold_mariano: the losses must pair up, one per origin.",
            expected=f"two arrays of shape {first.shape[:1]}",
            got=f"{first.shape} and {second.shape}",
        )
    difference = first - second
    h = overlap(steps_ahead, spacing)
    known = difference[np.isfinite(difference)]
    count = len(known)
    mean = float(known.mean()) if count else math.nan
    needed = max(10, 2 * h)
    reason = None
    if count < needed:
        reason = f"too few origins: {count}, at least {needed} are needed"
    elif not known.any():
        reason = IDENTICAL
    elif np.ptp(known) <= 1e-12 * np.abs(known).max():
        reason = "the difference is the same at every origin, so it has no variance to be tested against"
    if reason is not None:
        return DieboldMariano(math.nan, math.nan, mean, count, h, weights, reason)
    statistic, used = hln_statistic(difference, h, weights)
    if used != weights:
        reason = "Bartlett weights, because the rectangular variance is not positive"
    p_value = 2.0 * float(special.stdtr(count - 1, -abs(statistic)))
    return DieboldMariano(statistic, p_value, mean, count, h, used, reason)


def hln_statistic(difference: np.ndarray, overlap: int, weights: Weights = "rectangular") -> tuple[float, Weights]:
    """Return the corrected statistic of a loss difference, without any guard on the number of origins.

    With γ_j = (1/N) Σ_i (d_i - d̄)(d_{i-j} - d̄) over the pairs that are both known,
    V = (γ_0 + 2 Σ_{j<h} w_j γ_j)/N and HLN = d̄/√V · √((N + 1 - 2h + h(h-1)/N)/N) [harvey1997testing].

    Args:
        difference: d, shape (origins,); NaN where an origin is missing.
        overlap: h.
        weights: w_j = 1 ("rectangular") or 1 - j/h ("bartlett", [newey1987simple]).

    Returns:
        The statistic, and the weights used: Bartlett's where the rectangular V is not positive.
    """
    count = int(np.isfinite(difference).sum())
    mean = float(np.nanmean(difference))
    # A gap becomes 0 after centring, so every product over it vanishes from the sums.
    centred = np.nan_to_num(difference - mean)
    lags = np.arange(1, min(overlap, len(centred)))
    autocovariances = np.array([centred[j:] @ centred[:-j] for j in lags]) / count
    share = 1.0 if weights == "rectangular" else 1.0 - lags / overlap
    variance = float(centred @ centred / count + 2.0 * np.sum(share * autocovariances)) / count
    if variance <= 0 and weights == "rectangular":
        return hln_statistic(difference, overlap, "bartlett")
    correction = (count + 1 - 2 * overlap + overlap * (overlap - 1) / count) / count
    return mean / math.sqrt(variance) * math.sqrt(correction), weights


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust p-values of several tests so that one false alarm among all stays rare [holm1979simple].

    The i-th smallest of m becomes the maximum over j ≤ i of min(1, (m-j+1)·p_(j)). A missing p-value (None or NaN)
    stays None and does not count in m.

    Example:
        >>> [round(p, 2) for p in holm((0.01, 0.04, 0.03))]
        [0.03, 0.06, 0.06]
    """
    known = [i for i, p in enumerate(p_values) if p is not None and not math.isnan(p)]
    values = np.array([p_values[i] for i in known], dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.minimum(1.0, values[order] * np.arange(len(values), 0, -1))
    adjusted: list[float | None] = [None] * len(p_values)
    for rank, value in zip(order, np.maximum.accumulate(steps), strict=True):
        adjusted[known[rank]] = float(value)
    return tuple(adjusted)


@dataclass(frozen=True)
class PesaranTimmermann(Result):
    """A test of directions.

    Args:
        hit_share: share of changes whose sign was right, 0..1.
        expected_share: share that independent guessing with the same shares of rises would reach.
        statistic: standard normal under independence; NaN where undefined.
        p_value: one-sided, small when directions are called better than by guessing; NaN where undefined.
        cells: n, changes judged.
        excluded: changes left out because the actual or the predicted one is zero or missing.
        reason: why the test is undefined, or None.
    """

    hit_share: float
    expected_share: float
    statistic: float
    p_value: float
    cells: int
    excluded: int
    reason: str | None = None


def pesaran_timmermann(actual_change: np.ndarray, predicted_change: np.ndarray) -> PesaranTimmermann:
    """Test whether predicted and actual directions are independent [pesaran1992simple].

    Valid for independent cells: for forecasts k steps ahead use origins at least k observations apart.

    Args:
        actual_change: y_{t+k} - y_t, shape (n,).
        predicted_change: ŷ_{t+k} - y_t, shape (n,).

    Returns:
        The test; NaN with a reason where predictions all go one way.
    """
    judged = np.isfinite(actual_change) & np.isfinite(predicted_change)
    judged &= (actual_change != 0) & (predicted_change != 0)
    excluded = int((~judged).sum())
    rises, predicted = actual_change[judged] > 0, predicted_change[judged] > 0
    n = len(rises)
    if n == 0:
        return PesaranTimmermann(math.nan, math.nan, math.nan, math.nan, 0, excluded, "no change can be judged")
    hits, p_y, p_x = (float(np.mean(flags)) for flags in (rises == predicted, rises, predicted))
    expected = p_y * p_x + (1 - p_y) * (1 - p_x)
    variance = expected * (1 - expected) / n
    y_var, x_var = p_y * (1 - p_y), p_x * (1 - p_x)
    expected_variance = ((2 * p_y - 1) ** 2 * x_var + (2 * p_x - 1) ** 2 * y_var) / n + 4 * y_var * x_var / n**2
    reason = None
    if p_x in (0.0, 1.0):
        reason = "every predicted change has the same sign"
    elif variance <= expected_variance:
        reason = "the variance of the hit share is not positive"
    if reason is not None:
        return PesaranTimmermann(hits, expected, math.nan, math.nan, n, excluded, reason)
    statistic = (hits - expected) / math.sqrt(variance - expected_variance)
    return PesaranTimmermann(hits, expected, statistic, float(special.ndtr(-statistic)), n, excluded)
