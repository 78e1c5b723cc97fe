r"""Layer normalisation (ba2016layer) backwards.

    x̂ = (x - μ) / s,   μ = mean(x),   s = √(mean((x - μ)²) + ε),   y = α ⊙ x̂ + β

Over N elements ∂x̂_j/∂x_i = (δ_ij - 1/N - x̂_i x̂_j / N) / s, exactly, with ε. So with u = α ⊙ dy

    dx = (u - mean(u) - x̂ ⊙ mean(u ⊙ x̂)) / s          dα = dy ⊙ x̂          dβ = dy
"""

from __future__ import annotations

import torch
from torch import Tensor

from nurt.kernels.recurrence import EPSILON

__all__ = ["layer_norm_adjoint"]


def layer_norm_adjoint(x: Tensor, gain: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x`` (…, N) and of ``gain`` (N,) from ``dy`` (…, N)."""
    centred = x - x.mean(-1, keepdim=True)
    s = torch.sqrt(centred.square().mean(-1, keepdim=True) + EPSILON)
    normal = centred / s
    u = gain * dy
    dx = (u - u.mean(-1, keepdim=True) - normal * (u * normal).mean(-1, keepdim=True)) / s
    return dx, (dy * normal).flatten(0, -2).sum(0)
