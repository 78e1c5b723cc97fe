"""Initial weights."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["uniform_by_hidden_size"]


def uniform_by_hidden_size(parameters: Iterable[Tensor], hidden_size: int) -> None:
    """Fill each parameter, in the given order, with draws from U(-1/√H, 1/√H): torch's default for recurrences.

    Args:
        parameters: filled in place; the order decides which random numbers each one gets.
        hidden_size: H.
    """
    bound = 1 / math.sqrt(hidden_size)
    with torch.no_grad():
        for parameter in parameters:
            parameter.uniform_(-bound, bound)
