"""Where rows of different lengths end: one mask, and what it does to sequences and states."""

from __future__ import annotations

import torch
from torch import Tensor

from nurt.kernels.recurrence import StateT, remade

__all__ = ["alive_steps", "where_alive", "without_padding", "zero_unless"]


def alive_steps(inputs: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Return whether step t of row b lies before its end, bool (B, T); None when all do."""
    if lengths is None:
        return None
    steps = torch.arange(inputs.shape[1], device=inputs.device)
    return steps < lengths.to(inputs.device).unsqueeze(1)


def without_padding(inputs: Tensor, alive: Tensor | None) -> Tensor:
    """Return ``inputs`` with zeros past the ends.

    Dropping the results there is not enough: the gradient of a dropped NaN is 0 · NaN.
    """
    return inputs if alive is None else zero_unless(alive, inputs)


def zero_unless(alive: Tensor, values: Tensor) -> Tensor:
    """Return ``values`` (B, …) with zeros where a row has ended; ``alive`` covers their leading axes."""
    return values.masked_fill(~_widened(alive, values), 0)


def where_alive(alive: Tensor, new: StateT, old: StateT) -> StateT:
    """Return ``new`` where a row is alive, bool (B,), and ``old`` where it has ended."""
    pairs = zip(new, old, strict=True)
    return remade(new, (torch.where(_widened(alive, after), after, before) for after, before in pairs))


def _widened(mask: Tensor, values: Tensor) -> Tensor:
    """Return ``mask`` with trailing axes of one, so that it broadcasts over ``values``."""
    return mask.reshape(mask.shape + (1,) * (values.dim() - mask.dim()))
