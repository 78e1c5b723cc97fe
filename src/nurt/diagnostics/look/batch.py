"""Statistics of one curve over a batch: its mean and quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BatchCurve", "add_curve", "over_batch"]

LOW, HIGH = 0.05, 0.95
# Stands for infinity while quantiles are taken, which would else be ∞ - ∞.
_FAR = 1e300


@dataclass(frozen=True, eq=False)
class BatchCurve(Result):
    """A curve over the rows of a batch; NaN where no row has a value.

    Args:
        mean: (K,).
        low: 5 % quantile, (K,).
        median: (K,).
        high: 95 % quantile, (K,).
        rows: how many rows have a value, (K,).
    """

    mean: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray
    rows: np.ndarray


def over_batch(values: Tensor) -> BatchCurve:
    """Return the statistics of the rows of ``values`` (B, K); NaN marks what a row does not have.

    Example:
        >>> over_batch(torch.tensor([[1.0, 2.0], [3.0, float("nan")]])).mean
        array([2., 2.])
    """
    values = values.double()
    known = ~values.isnan()
    low, median, high = torch.nanquantile(_finite(values), torch.tensor([LOW, 0.5, HIGH], dtype=values.dtype), dim=0)
    mean = values.nanmean(dim=0)
    curves = {"mean": mean, "low": low, "median": median, "high": high}
    return BatchCurve(**{name: _restored(one).numpy() for name, one in curves.items()}, rows=known.sum(0).numpy())


def add_curve(figure: go.Figure, x: np.ndarray, curve: BatchCurve, name: str, colour: str) -> None:
    """Draw the median of a batch as a line within the band of its quantiles."""
    from nurt.plotting import translucent

    edge = {"width": 0, "color": colour}
    figure.add_scatter(x=x, y=curve.high, line=edge, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=x, y=curve.low, line=edge, fill="tonexty", fillcolor=translucent(colour, 0.2), showlegend=False,
        hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(x=x, y=curve.median, name=name, line={"color": colour, "width": 2})


def _finite(values: Tensor) -> Tensor:
    """Return ``values`` with infinities far out instead."""
    return values.clamp(-_FAR, _FAR)


def _restored(values: Tensor) -> Tensor:
    return torch.where(values.abs() >= _FAR / 2, values.sign() * torch.inf, values)
