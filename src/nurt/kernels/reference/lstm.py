r"""Long short-term memory [hochreiter1997long] with the forget gate of [gers2000learning].

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)       input gate
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)       forget gate
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)    candidate
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)       output gate
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    h_t = o_t ⊙ tanh(c_t)

x_t (B, I); gates, c_t and h_t (B, H); W_ih (4H, I) and W_hh (4H, H) stack i, f, g, o. The same as torch.nn.LSTM:
no peepholes, two biases per gate (their sum is what counts).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, recurrent_gradients

__all__ = ["LSTM", "LSTMState"]


class LSTMState(NamedTuple):
    """State of an LSTM: ``hidden`` (B, H), or (B, proj_size) when projected, and ``cell`` (B, H)."""

    hidden: Tensor
    cell: Tensor


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 4H)."""
    i, f, g, o = _gates(projected, state, weights, mask)
    cell = f * state.cell + i * g
    return LSTMState(o * torch.tanh(cell), cell)


def adjoint(
    projected: Tensor, state: LSTMState, weights: Weights, grad: LSTMState, mask: Tensor | None = None
) -> StepGradients[LSTMState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    i, f, g, o = _gates(projected, state, weights, mask)
    tanh_c = torch.tanh(f * state.cell + i * g)
    dh = grad.hidden
    dc = grad.cell + dh * o * (1 - tanh_c**2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * state.cell * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_o = dh * tanh_c * o * (1 - o)
    da = torch.cat([da_i, da_f, da_g, da_o], dim=-1)
    before = LSTMState(fed_back(da @ weights.weight_hh, mask), dc * f)
    return StepGradients(da, before, recurrent_gradients(da, fed_back(state.hidden, mask), weights))


def sums(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation functions of :func:`advance` are applied to, (B, H) each."""
    a = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    return dict(zip(("input", "forget", "candidate", "output"), a.chunk(4, dim=-1), strict=True))


def _gates(
    projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return i_t, f_t, g_t, o_t, each (B, H)."""
    a_i, a_f, a_g, a_o = sums(projected, state, weights, mask).values()
    return torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)


LSTM = Recurrence(name="lstm", order="ifgo", state=LSTMState, advance=advance, adjoint=adjoint, sums=sums)
