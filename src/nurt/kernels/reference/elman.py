r"""Elman's recurrence [elman1990finding], with tanh, the rectifier or the logistic function.

    h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   f = tanh, max(0, ·) or σ

x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H), b (H,). The same as torch.nn.RNN, which has no σ; Elman had.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, recurrent_gradients

__all__ = ["ELMAN_RELU", "ELMAN_SIGMOID", "ELMAN_TANH", "ElmanState"]


class ElmanState(NamedTuple):
    """State of Elman's recurrence: ``hidden`` (B, H)."""

    hidden: Tensor


def sums(projected: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation function is applied to, (B, H)."""
    a = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    return {"hidden": a}


def advance_tanh(projected: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None = None) -> ElmanState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
    return ElmanState(torch.tanh(sums(projected, state, weights, mask)["hidden"]))


def advance_relu(projected: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None = None) -> ElmanState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
    return ElmanState(torch.relu(sums(projected, state, weights, mask)["hidden"]))


def advance_sigmoid(projected: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None = None) -> ElmanState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
    return ElmanState(torch.sigmoid(sums(projected, state, weights, mask)["hidden"]))


def adjoint_tanh(
    projected: Tensor, state: ElmanState, weights: Weights, grad: ElmanState, mask: Tensor | None = None
) -> StepGradients[ElmanState]:
    """Return the gradients of the arguments of :func:`advance_tanh` from ``grad``, that of its result."""
    h = advance_tanh(projected, state, weights, mask).hidden
    return _through_the_sum(grad.hidden * (1 - h**2), state, weights, mask)


def adjoint_relu(
    projected: Tensor, state: ElmanState, weights: Weights, grad: ElmanState, mask: Tensor | None = None
) -> StepGradients[ElmanState]:
    """Return the gradients of the arguments of :func:`advance_relu` from ``grad``, that of its result."""
    h = advance_relu(projected, state, weights, mask).hidden
    return _through_the_sum(grad.hidden * (h > 0), state, weights, mask)


def adjoint_sigmoid(
    projected: Tensor, state: ElmanState, weights: Weights, grad: ElmanState, mask: Tensor | None = None
) -> StepGradients[ElmanState]:
    """Return the gradients of the arguments of :func:`advance_sigmoid` from ``grad``, that of its result."""
    h = advance_sigmoid(projected, state, weights, mask).hidden
    return _through_the_sum(grad.hidden * h * (1 - h), state, weights, mask)


def _through_the_sum(da: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None) -> StepGradients[ElmanState]:
    """Return the gradients from ``da``, that of W_ih x_t + b_ih + W_hh h_{t-1} + b_hh."""
    dh = fed_back(da @ weights.weight_hh, mask)
    return StepGradients(da, ElmanState(dh), recurrent_gradients(da, fed_back(state.hidden, mask), weights))


ELMAN_TANH = Recurrence(
    name="elman_tanh", order="h", state=ElmanState, advance=advance_tanh, adjoint=adjoint_tanh, sums=sums
)
ELMAN_RELU = Recurrence(
    name="elman_relu", order="h", state=ElmanState, advance=advance_relu, adjoint=adjoint_relu, sums=sums
)
ELMAN_SIGMOID = Recurrence(
    name="elman_sigmoid", order="h", state=ElmanState, advance=advance_sigmoid, adjoint=adjoint_sigmoid, sums=sums
)
