"""Standardising past covariates with what the training rows say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["CovariateScaling"]


@dataclass(frozen=True)
class CovariateScaling:
    """Mean and population standard deviation per covariate, C each; a constant column has scale 1."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, rows: Sequence[np.ndarray]) -> CovariateScaling:
        """Fit on training rows, one (T, C) array per series, NaN where missing."""
        stacked = np.concatenate(list(rows))
        observed = np.isfinite(stacked)
        count = np.maximum(observed.sum(axis=0), 1)
        mean = np.where(observed, stacked, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(observed, stacked - mean, 0.0) ** 2).sum(axis=0) / count)
        scale = np.where(spread > 1e-8 * np.maximum(1.0, np.abs(mean)), spread, 1.0)
        return cls(tuple(mean.tolist()), tuple(scale.tolist()))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return standardised values, shape (..., C); NaN stays NaN."""
        standardised: np.ndarray = (values - np.asarray(self.mean)) / np.asarray(self.scale)
        return standardised
