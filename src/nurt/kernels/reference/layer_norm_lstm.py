r"""Layer-normalised LSTM ([ba2016layer], equations 20 to 22 of its supplement).

    (a_i, a_f, a_g, a_o) = LN(W_ih x_t; α_ih) + b_ih + LN(W_hh h_{t-1}; α_hh) + b_hh
    i_t, f_t, g_t, o_t = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    h_t = o_t ⊙ tanh(LN(c_t; α_c) + b_c)

    LN(a; α) = α ⊙ (a - mean(a)) / √(var(a) + ε),   ε = 1e-5, the variance divided by the number of elements

x_t (B, I); gates, c_t and h_t (B, H); W_ih (4H, I) and W_hh (4H, H) stack i, f, g, o; α_ih, α_hh, b_ih and b_hh (4H,);
α_c and b_c (H,). Mean and variance are those of one row of the batch: of all 4H sums together, not gate by gate, for
the input and the recurrent sums apart; and of the H elements of c_t. The state c_t that is carried on is not
normalised. The paper's b, β_1 and β_2 only count as their sum; here they are b_ih + b_hh. torch has no such layer.

The input share does not wait for the step before; it is normalised in :func:`nurt.kernels.recurrence.project`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.layer_norm import layer_norm, layer_norm_adjoint
from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, present
from nurt.kernels.reference.lstm import LSTMState

__all__ = ["LAYER_NORM_LSTM"]


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = LN(W_ih x_t; α_ih) + b_ih, (B, 4H)."""
    _, _, _, o, cell, normal = _gates(projected, state, weights, mask)
    return LSTMState(o * torch.tanh(normal), cell)


def adjoint(
    projected: Tensor, state: LSTMState, weights: Weights, grad: LSTMState, mask: Tensor | None = None
) -> StepGradients[LSTMState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    i, f, g, o, cell, normal = _gates(projected, state, weights, mask)
    _, gain_hh, gain_cell = _gains(weights)
    dh, tanh_n = grad.hidden, torch.tanh(normal)
    dn = dh * o * (1 - tanh_n**2)
    through_cell, d_gain_cell = layer_norm_adjoint(cell, gain_cell, dn)
    dc = grad.cell + through_cell
    da_i = dc * g * i * (1 - i)
    da_f = dc * state.cell * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_o = dh * tanh_n * o * (1 - o)
    da = torch.cat([da_i, da_f, da_g, da_o], dim=-1)
    seen = fed_back(state.hidden, mask)
    d_sums, d_gain_hh = layer_norm_adjoint(F.linear(seen, weights.weight_hh), gain_hh, da)
    before = LSTMState(fed_back(d_sums @ weights.weight_hh, mask), dc * f)
    learned = {"weight_hh": d_sums.T @ seen, "norm_hh": d_gain_hh, "norm_cell": d_gain_cell}
    # The biases stand outside the norms.
    biases = {"bias_hh": da.sum(0), "norm_cell_bias": dn.sum(0)}
    learned |= {name: value for name, value in biases.items() if getattr(weights, name) is not None}
    return StepGradients(da, before, learned)


def sums(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation functions of :func:`advance` are applied to, (B, H) each."""
    _, gain_hh, _ = _gains(weights)
    recurrent = F.linear(fed_back(state.hidden, mask), weights.weight_hh)
    a = projected + layer_norm(recurrent, gain_hh, weights.bias_hh)
    return dict(zip(("input", "forget", "candidate", "output"), a.chunk(4, dim=-1), strict=True))


def _gates(
    projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return i_t, f_t, g_t, o_t, c_t and n_t = LN(c_t; α_c) + b_c, each (B, H)."""
    _, _, gain_cell = _gains(weights)
    a_i, a_f, a_g, a_o = sums(projected, state, weights, mask).values()
    i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
    cell = f * state.cell + i * g
    return i, f, g, o, cell, layer_norm(cell, gain_cell, weights.norm_cell_bias)


def _gains(weights: Weights) -> tuple[Tensor, Tensor, Tensor]:
    """Return α_ih, α_hh, α_c."""
    return (
        present("layer_norm_lstm", "norm_ih", weights.norm_ih),
        present("layer_norm_lstm", "norm_hh", weights.norm_hh),
        present("layer_norm_lstm", "norm_cell", weights.norm_cell),
    )


LAYER_NORM_LSTM = Recurrence(
    name="layer_norm_lstm", order="ifgo", state=LSTMState, advance=advance, adjoint=adjoint, sums=sums
)
