"""Copies of a network that an audit may handle freely: on the CPU, in float64, with dropout off."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import nn

    Module = TypeVar("Module", bound=nn.Module)

__all__ = ["fitted_copy", "structure_copy"]


def fitted_copy(module: Module) -> Module:
    """Return an independent copy of ``module`` with its weights as they are.

    For auditing what a trained network does. The copy lives on the CPU, in float64, in evaluation mode, and its
    parameters need no gradient; ``module`` is left alone.
    """
    return copy.deepcopy(module).cpu().double().eval().requires_grad_(False)


def structure_copy(module: Module, seed: int = 0) -> Module:
    """Return a copy of ``module`` whose parameters are drawn anew from N(0, 0.1²).

    For auditing what a network *can* do, whatever it has learnt: a head that starts at zero passes no gradient
    to its encoder, and a dead unit hides a path. Buffers stay as they are, and so does torch's global generator.

    Args:
        module: any network.
        seed: of the draw; the same seed gives the same copy.
    """
    import torch

    drawn = fitted_copy(module)
    generator = torch.Generator().manual_seed(seed)
    for parameter in drawn.parameters():
        parameter.data.normal_(0.0, 0.1, generator=generator)
    return drawn
