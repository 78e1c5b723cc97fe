"""Networks built from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from nurt.kernels.randomness import borrowing

__all__ = ["seeded"]

N = TypeVar("N", bound=nn.Module)


def seeded(build: Callable[[], N], seed: int) -> N:
    """Return the network that ``build`` gives under a seed; the caller's random state is left as it was.

    Layers of torch draw their weights from the global generator, which belongs to one builder at a time.
    """
    with borrowing(torch.Generator().manual_seed(seed)):
        return build()
