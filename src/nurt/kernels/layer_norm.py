r"""Layer normalisation [ba2016layer] and its adjoint, the mean and the variance being those of the last axis.

    x̂ = (x - μ) / s,   μ = mean(x),   s = √(mean((x - μ)²) + ε),   y = α ⊙ x̂ + β

Over N elements ∂x̂_j/∂x_i = (δ_ij - 1/N - x̂_i x̂_j / N) / s, exactly, with ε. So with u = α ⊙ dy

    dx = (u - mean(u) - x̂ ⊙ mean(u ⊙ x̂)) / s          dα = Σ dy ⊙ x̂          dβ = Σ dy

The same numbers as torch's operator. That one is not used because its third derivatives are wrong (it takes μ and s for
constants there), while plain operations have derivatives of every order.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["EPSILON", "layer_norm", "layer_norm_adjoint"]

# Added to the variance, as torch.nn.LayerNorm does by default.
EPSILON = 1e-5


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor | None) -> Tensor:
    """Return α ⊙ x̂ + β for ``x`` (…, N), ``gain`` α (N,) and ``bias`` β (N,) or None for zero."""
    normal, _ = _normalised(x)
    return gain * normal if bias is None else gain * normal + bias


def layer_norm_adjoint(x: Tensor, gain: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x`` (…, N) and of ``gain`` (N,) from ``dy`` (…, N)."""
    normal, s = _normalised(x)
    u = gain * dy
    dx = (u - u.mean(-1, keepdim=True) - normal * (u * normal).mean(-1, keepdim=True)) / s
    return dx, (dy * normal).flatten(0, -2).sum(0)


def _normalised(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return x̂ (…, N) and s (…, 1)."""
    centred = x - x.mean(-1, keepdim=True)
    s = torch.sqrt(centred.square().mean(-1, keepdim=True) + EPSILON)
    return centred / s, s
