"""Losses in window units, over the cells whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["LOSSES", "Loss"]

Loss = Callable[[Tensor, Tensor, tuple[float, ...]], Tensor]


def _mean_over_known(losses: Tensor, known: Tensor) -> Tensor:
    """Mean of ``losses`` where ``known``; a batch without any known cell costs nothing."""
    # Zeroing by `where` rather than by product keeps NaN out of the gradient.
    return torch.where(known, losses, 0.0).sum() / known.sum().clamp(min=1)


def pinball(quantiles: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Mean pinball loss over cells and levels [koenker1978regression].

    Args:
        quantiles: forecasts, shape (B, F, Q).
        target: truth, NaN where missing, shape (B, F).
        levels: the Q probabilities.
    """
    known = ~target.isnan()
    error = target.nan_to_num().unsqueeze(-1) - quantiles
    probability = torch.tensor(levels, dtype=quantiles.dtype, device=quantiles.device)
    return _mean_over_known(torch.maximum(probability * error, (probability - 1) * error).mean(dim=-1), known)


def squared(quantiles: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Mean squared error of the middle forecast; shapes as for :func:`pinball`."""
    known = ~target.isnan()
    return _mean_over_known((target.nan_to_num() - quantiles[..., levels.index(0.5)]).square(), known)


def absolute(quantiles: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Mean absolute error of the middle forecast; shapes as for :func:`pinball`."""
    known = ~target.isnan()
    return _mean_over_known((target.nan_to_num() - quantiles[..., levels.index(0.5)]).abs(), known)


LOSSES: dict[str, Loss] = {"quantile": pinball, "squared": squared, "absolute": absolute}
