r"""The linear recurrence.

    h_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh

x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H), b (H,). torch.nn has no such layer. Its gradient through k steps
is exactly (W_hh^k)^T, which makes it the yardstick for vanishing and exploding gradients [pascanu2013difficulty].
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, recurrent_gradients

__all__ = ["LINEAR", "LinearState"]


class LinearState(NamedTuple):
    """State of the linear recurrence: ``hidden`` (B, H)."""

    hidden: Tensor


def advance(projected: Tensor, state: LinearState, weights: Weights, mask: Tensor | None = None) -> LinearState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
    return LinearState(sums(projected, state, weights, mask)["hidden"])


def sums(projected: Tensor, state: LinearState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return the state under the name that sums have elsewhere, (B, H)."""
    return {"hidden": projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)}


def adjoint(
    projected: Tensor,  # noqa: ARG001 - one signature for all
    state: LinearState,
    weights: Weights,
    grad: LinearState,
    mask: Tensor | None = None,
) -> StepGradients[LinearState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    da, seen = grad.hidden, fed_back(state.hidden, mask)
    dh = fed_back(da @ weights.weight_hh, mask)
    return StepGradients(da, LinearState(dh), recurrent_gradients(da, seen, weights))


LINEAR = Recurrence(name="linear", order="h", state=LinearState, advance=advance, adjoint=adjoint, sums=sums)
