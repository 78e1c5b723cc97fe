"""The masks of dropout between layers: under one seed, what torch drops."""

from __future__ import annotations

import torch
from torch import Tensor

from nurt.kernels.coins import throw_coins

__all__ = ["draw_masks", "scale"]


def scale(probability: float) -> float:
    """Return what the kept numbers are multiplied by, so that their mean stays."""
    return 0.0 if probability == 1.0 else 1.0 / (1.0 - probability)


def draw_masks(inputs: Tensor, between: int, width: int, probability: float, lengths: Tensor | None) -> Tensor:
    """Return what is kept, bool, (between, T, B, width), or (between, sum of lengths, width) for packed inputs.

    Torch draws in the order of memory, one layer after the other: step by step, and of rows of different lengths,
    longest first, only those still alive.

    Args:
        inputs: (B, T, I), or the data of a packed sequence.
        between: L - 1.
        width: D·H.
        probability: of dropping.
        lengths: of padded rows; None when every row has T steps or the inputs are packed.
    """
    shape = inputs.shape[:1] if inputs.dim() == 2 else (inputs.shape[1], inputs.shape[0])
    # Drawn where nothing can be kept either, torch's numbers would move.
    if probability == 1.0:
        return torch.zeros((between, *shape, width), dtype=torch.bool)
    if lengths is None:
        return throw_coins((between, *shape, width), 1.0 - probability)
    time, batch = shape
    ends, order = lengths.sort(descending=True, stable=True)
    steps = torch.arange(time).unsqueeze(1)
    places = (steps * batch + order)[steps < ends]
    masks = torch.zeros((between, time * batch, width), dtype=torch.bool)
    for mask in masks.unbind(0):
        mask[places] = throw_coins((len(places), width), 1.0 - probability)
    return masks.view(between, time, batch, width)
