"""How a state is carried from step to step: zoneout, and the bound on the gradient that crosses."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from nurt.kernels.recurrence import StateT, remade
from nurt.kernels.rung import StepOptions

__all__ = ["clip_gradient", "crossing", "crossing_adjoint", "partly_kept", "partly_kept_adjoint"]


def crossing(state: StateT, bound: float | None) -> StateT:
    """Return ``state`` as the next step sees it; what that step sends back is clamped.

    A row past its end does not come this way, so its gradient reaches its last step as it is.
    """
    return state if bound is None else remade(state, (clip_gradient(field, bound) for field in state))


def crossing_adjoint(grad: StateT, bound: float | None) -> StateT:
    """Return what of ``grad``, the gradient of the state that the next step saw, reaches the state before it."""
    return grad if bound is None else remade(grad, (field.clamp(-bound, bound) for field in grad))


def partly_kept(before: StateT, new: StateT, options: StepOptions, t: int) -> StateT:
    """Return the state after zoneout: k ⊙ before + (1 - k) ⊙ new."""
    return _replaced(
        new,
        {
            name: share * getattr(before, name) + (1 - share) * getattr(new, name)
            for name, share in _shares(options, t).items()
        },
    )


def partly_kept_adjoint(grad: StateT, options: StepOptions, t: int) -> tuple[StateT, dict[str, Tensor]]:
    """Return what of ``grad``, the gradient of the state after zoneout, falls to each of its two parts.

    Returns:
        The gradient of the new state, and by name those of the fields of the state before that were kept in part.
    """
    shares = _shares(options, t)
    new = _replaced(grad, {name: (1 - share) * getattr(grad, name) for name, share in shares.items()})
    return new, {name: share * getattr(grad, name) for name, share in shares.items()}


def _shares(options: StepOptions, t: int) -> dict[str, Tensor | float]:
    """Return k of step t for each field that is kept in part."""
    keeps = {"hidden": options.keep_hidden, "cell": options.keep_cell}
    return {name: keep[:, t] if isinstance(keep, Tensor) else keep for name, keep in keeps.items() if keep is not None}


def _replaced(state: StateT, fields: dict[str, Tensor]) -> StateT:
    # Every state is a NamedTuple, which no protocol can say.
    changed: StateT = cast(Any, state)._replace(**fields)
    return changed


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
