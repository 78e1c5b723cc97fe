"""Clipping by the global norm: when all gradients together are too long, all are shortened by the same factor.

Algorithm 1 of [pascanu2013difficulty]: with g the gradients of all parameters as one vector and c the limit,
g ← g·c/‖g‖ if ‖g‖ > c. The direction is kept. A step below the limit is not touched, not even by a rounding. It bounds
the harm of an exploding gradient and does nothing for a vanishing one.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["clip_to_norm", "global_norm", "global_norm_beyond_range"]


def global_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the Euclidean norm of all gradients together, a scalar; parameters without a gradient count as 0.

    Squares are taken in the dtype of the gradients, so a norm above the root of its range (about 1e19 in float32)
    comes out infinite though no gradient is; :func:`global_norm_beyond_range` tells the two apart.
    """
    return torch.nn.utils.get_total_norm(_gradients(parameters))


def global_norm_beyond_range(parameters: Iterable[nn.Parameter]) -> float:
    """Return the same norm by way of the largest entry, m·‖g/m‖: not finite only if a gradient is not."""
    gradients = [gradient.double() for gradient in _gradients(parameters)]
    largest = max((float(gradient.abs().amax()) for gradient in gradients if gradient.numel()), default=0.0)
    if largest == 0.0 or not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
        return float(torch.nn.utils.get_total_norm(gradients))
    return largest * float(torch.nn.utils.get_total_norm([gradient / largest for gradient in gradients]))


def clip_to_norm(parameters: Iterable[nn.Parameter], limit: float, norm: float) -> bool:
    """Shorten all gradients in place so that their global norm is ``limit``, if it exceeds that.

    Args:
        parameters: parameters whose gradients are clipped together.
        limit: the largest norm, above 0.
        norm: the norm as it is.

    Returns:
        Whether the gradients were shortened.
    """
    if norm <= limit:
        return False
    for gradient in _gradients(parameters):
        gradient.mul_(limit / norm)
    return True


def _gradients(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]
