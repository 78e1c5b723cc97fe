"""The native operators under ``torch.vmap``: one call after the other.

A batch of gradients cannot join the batch of rows: gradients of weights are sums over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["per_member"]


def per_member(operator: Callable[..., Sequence[Tensor]]) -> Callable[..., tuple[Any, Any]]:
    """Return the rule by which ``operator`` serves a batch: it is called for each of its members.

    Args:
        operator: from tensors, lists of tensors and constants to a tuple or list of tensors.
    """

    def rule(info: Any, in_dims: Sequence[Any], *arguments: Any) -> tuple[list[Tensor], list[int]]:
        members = [
            operator(*[_member(value, axis, place) for value, axis in zip(arguments, in_dims, strict=True)])
            for place in range(info.batch_size)
        ]
        results = [torch.stack(list(found)) for found in zip(*members, strict=True)]
        return results, [0] * len(results)

    return rule


def _member(value: Any, axis: Any, place: int) -> Any:
    """Return what of an argument belongs to one member of the batch; ``axis`` is None where all share it."""
    if isinstance(value, list | tuple) and isinstance(axis, list | tuple):
        return [_member(one, of_one, place) for one, of_one in zip(value, axis, strict=True)]
    return value if axis is None else value.select(axis, place)
