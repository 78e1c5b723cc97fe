r"""LSTM with coupled input and forget gate, "CIFG" [greff2017lstm]: what is forgotten makes room for what comes.

    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)       forget gate; the input gate is 1 - f_t
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)    candidate
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)       output gate
    c_t = f_t ⊙ c_{t-1} + (1 - f_t) ⊙ g_t
    h_t = o_t ⊙ tanh(c_t)

x_t (B, I); gates, c_t and h_t (B, H); W_ih (3H, I) and W_hh (3H, H) stack f, g, o. The paper's version also has
peepholes, and computes i_t and takes 1 - i_t to forget: the same function with the rows of f negated, as ONNX has it
under ``input_forget``. torch has no such layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, recurrent_gradients
from nurt.kernels.reference.lstm import LSTMState

__all__ = ["CIFG_LSTM"]


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 3H)."""
    f, g, o = _gates(projected, state, weights, mask)
    cell = f * state.cell + (1 - f) * g
    return LSTMState(o * torch.tanh(cell), cell)


def adjoint(
    projected: Tensor, state: LSTMState, weights: Weights, grad: LSTMState, mask: Tensor | None = None
) -> StepGradients[LSTMState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    f, g, o = _gates(projected, state, weights, mask)
    tanh_c = torch.tanh(f * state.cell + (1 - f) * g)
    dh = grad.hidden
    dc = grad.cell + dh * o * (1 - tanh_c**2)
    da_f = dc * (state.cell - g) * f * (1 - f)
    da_g = dc * (1 - f) * (1 - g**2)
    da_o = dh * tanh_c * o * (1 - o)
    da = torch.cat([da_f, da_g, da_o], dim=-1)
    before = LSTMState(fed_back(da @ weights.weight_hh, mask), dc * f)
    return StepGradients(da, before, recurrent_gradients(da, fed_back(state.hidden, mask), weights))


def sums(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation functions of :func:`advance` are applied to, (B, H) each."""
    a = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    return dict(zip(("forget", "candidate", "output"), a.chunk(3, dim=-1), strict=True))


def _gates(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return f_t, g_t, o_t, each (B, H)."""
    a_f, a_g, a_o = sums(projected, state, weights, mask).values()
    return torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)


CIFG_LSTM = Recurrence(name="cifg_lstm", order="fgo", state=LSTMState, advance=advance, adjoint=adjoint, sums=sums)
