"""The identity whose gradient is clamped element by element."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["clip_gradient"]


def clip_gradient(values: Tensor, bound: float) -> Tensor:
    """Return ``values``; what comes back through them as a gradient is clamped to [-bound, bound].

    The clamp is differentiable in its turn, with a slope of 0 where it cuts. NaN stays NaN.
    """
    clipped: Tensor = _ClipGradient.apply(values, bound)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return clipped


class _ClipGradient(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, bound: float) -> Tensor:  # noqa: ARG004 - for the gradient alone
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:  # noqa: ARG004 - torch's order
        ctx.bound = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.clamp(-ctx.bound, ctx.bound), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, bound: None) -> Tensor:  # noqa: ARG004 - one per argument of forward
        return tangent.view_as(tangent)
