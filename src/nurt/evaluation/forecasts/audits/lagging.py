"""Which shift of the truth the changes of a forecast follow best, for all steps and shifts together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.evaluation.forecasts.audits.truth import Truth

__all__ = ["Following"]

FEWEST_PAIRS = 8
# Changes this small beside the typical change of the truth are rounding; their correlation with anything is noise.
STANDS_STILL = 1e-9
# Shifts per matrix product: a few copies of (N, SHIFTS) must fit in memory for long back-tests.
SHIFTS = 128


@dataclass(frozen=True)
class Following:
    """How closely the changes of each step's forecast follow those of the truth, shift by shift.

    Args:
        correlations: of step k with the truth ``first + i`` observations after the origin, (F, shifts); NaN where
            fewer than 8 pairs are known or one side stands still.
        first: smallest shift; negative means before the origin.
    """

    correlations: np.ndarray
    first: int

    @classmethod
    def of(cls, forecasts: np.ndarray, truth: Truth, first: int) -> Following:
        """Correlate ``forecasts`` (N, F), in units of the truth, at every shift from ``first`` to F."""
        moved = np.column_stack([truth.change(column) for column in forecasts.T])
        shifts = range(first, forecasts.shape[1] + 1)
        parts = [shifts[start : start + SHIFTS] for start in range(0, len(shifts), SHIFTS)]
        found = [_pairwise(moved, np.column_stack([truth.change(truth.shifted(s)) for s in part])) for part in parts]
        return cls(np.concatenate(found, axis=1), first)

    def lag(self, h: int, most: int) -> int | None:
        """Return the lag j in 0..most whose shift h - j step ``h`` follows best, the smaller of equals."""
        at = h - self.first
        by_lag = self.correlations[h - 1, at - most : at + 1][::-1]
        # Rounded, because lags that explain a periodic series equally well differ in their last digits.
        return None if np.isnan(by_lag).all() else int(np.nanargmax(by_lag.round(12)))


def _pairwise(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return correlations of the columns of ``one`` (N, F) and ``other`` (N, S) over rows known in both, (F, S)."""
    known_one, x = _centred(one)
    known_other, y = _centred(other)
    count = known_one.T @ known_other
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = (x.T @ known_other) / count, (known_one.T @ y) / count
        spread_x = ((x**2).T @ known_other) / count - mean_x**2
        spread_y = (known_one.T @ y**2) / count - mean_y**2
        found: np.ndarray = ((x.T @ y) / count - mean_x * mean_y) / np.sqrt(spread_x * spread_y)
    moves = np.minimum(spread_x, spread_y) > STANDS_STILL**2
    return np.where((count >= FEWEST_PAIRS) & moves, found, np.nan)


def _centred(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which values are known, as 0.0 and 1.0, and the values less their column's mean, 0.0 where unknown."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return known.astype(float), np.where(known, values - mean, 0.0)
