"""A row's own time: sequences turned so that every row begins with the step that the recurrence takes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from nurt.kernels import StepOptions

__all__ = ["turned", "with_masks"]


def turned(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``sequence`` (B, T, ·) with each row's own steps in the opposite order; padding stays."""
    if lengths is None:
        return sequence.flip(1)
    steps = torch.arange(sequence.shape[1], device=sequence.device)
    ends = lengths.to(sequence.device).unsqueeze(1)
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    rows = torch.arange(sequence.shape[0], device=sequence.device).unsqueeze(1)
    return sequence[rows, places]


def with_masks(options: StepOptions, change: Callable[[Tensor], Tensor]) -> StepOptions:
    """Return ``options`` with ``change`` made to the masks that have steps, (B, T, ·)."""
    shares = (options.keep_hidden, options.keep_cell)
    if not any(isinstance(share, Tensor) for share in shares):
        return options
    hidden, cell = (change(share) if isinstance(share, Tensor) else share for share in shares)
    return replace(options, keep_hidden=hidden, keep_cell=cell)
