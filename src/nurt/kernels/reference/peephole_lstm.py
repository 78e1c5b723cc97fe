r"""LSTM whose gates also see the cell state [gers2000recurrent]: peepholes, one weight per unit.

    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi + w_ci ⊙ c_{t-1})    input gate
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf + w_cf ⊙ c_{t-1})    forget gate
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)                  candidate
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho + w_co ⊙ c_t)        output gate
    h_t = o_t ⊙ tanh(c_t)

x_t (B, I); gates, c_t and h_t (B, H); W_ih (4H, I) and W_hh (4H, H) stack i, f, g, o; w_c (3H,) stacks w_ci, w_cf,
w_co, each (H,). The output gate sees the new cell state, the other two the old one. torch has no such layer; ONNX has,
with the gates in the order i, o, f, c and the peepholes in the order i, o, f.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, present, recurrent_gradients
from nurt.kernels.reference.lstm import LSTMState

__all__ = ["PEEPHOLE_LSTM"]


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 4H)."""
    _, _, _, o, cell = _gates(projected, state, weights, mask)
    return LSTMState(o * torch.tanh(cell), cell)


def adjoint(
    projected: Tensor, state: LSTMState, weights: Weights, grad: LSTMState, mask: Tensor | None = None
) -> StepGradients[LSTMState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    i, f, g, o, cell = _gates(projected, state, weights, mask)
    w_ci, w_cf, w_co = _peepholes(weights)
    tanh_c = torch.tanh(cell)
    dh = grad.hidden
    da_o = dh * tanh_c * o * (1 - o)
    dc = grad.cell + dh * o * (1 - tanh_c**2) + w_co * da_o
    da_i = dc * g * i * (1 - i)
    da_f = dc * state.cell * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da = torch.cat([da_i, da_f, da_g, da_o], dim=-1)
    before = LSTMState(fed_back(da @ weights.weight_hh, mask), dc * f + w_ci * da_i + w_cf * da_f)
    learned = recurrent_gradients(da, fed_back(state.hidden, mask), weights)
    dw_c = torch.cat([da_i * state.cell, da_f * state.cell, da_o * cell], dim=-1).sum(0)
    return StepGradients(da, before, learned | {"weight_ch": dw_c})


def sums(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation functions of :func:`advance` are applied to, (B, H) each."""
    return _sums(projected, state, weights, mask)[0]


def _sums(
    projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None
) -> tuple[dict[str, Tensor], Tensor]:
    """Return what is activated, and c_t: one tensor, so that what flows back to it comes by the output gate too."""
    w_ci, w_cf, w_co = _peepholes(weights)
    a = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    a_i, a_f = a_i + w_ci * state.cell, a_f + w_cf * state.cell
    cell = torch.sigmoid(a_f) * state.cell + torch.sigmoid(a_i) * torch.tanh(a_g)
    return {"input": a_i, "forget": a_f, "candidate": a_g, "output": a_o + w_co * cell}, cell


def _gates(
    projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return i_t, f_t, g_t, o_t and c_t, which the output gate looks at, each (B, H)."""
    activated, cell = _sums(projected, state, weights, mask)
    a_i, a_f, a_g, a_o = activated.values()
    return torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o), cell


def _peepholes(weights: Weights) -> tuple[Tensor, Tensor, Tensor]:
    """Return w_ci, w_cf, w_co, each (H,)."""
    w_ci, w_cf, w_co = present("peephole_lstm", "weight_ch", weights.weight_ch).chunk(3)
    return w_ci, w_cf, w_co


PEEPHOLE_LSTM = Recurrence(
    name="peephole_lstm", order="ifgo", state=LSTMState, advance=advance, adjoint=adjoint, sums=sums
)
