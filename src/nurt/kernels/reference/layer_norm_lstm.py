r"""Layer-normalised LSTM (ba2016layer, equations 20 to 22 of its supplement).

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

from nurt.kernels.recurrence import EPSILON, Recurrence, Weights, fed_back, present
from nurt.kernels.reference.lstm import LSTMState

__all__ = ["LAYER_NORM_LSTM"]


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = LN(W_ih x_t; α_ih) + b_ih, (B, 4H)."""
    present("layer_norm_lstm", "norm_ih", weights.norm_ih)
    gain_hh = present("layer_norm_lstm", "norm_hh", weights.norm_hh)
    gain_cell = present("layer_norm_lstm", "norm_cell", weights.norm_cell)
    sums = F.linear(fed_back(state.hidden, mask), weights.weight_hh)
    gates = projected + F.layer_norm(sums, sums.shape[-1:], gain_hh, weights.bias_hh, EPSILON)
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=-1)
    kept = torch.sigmoid(forget_gate) * state.cell
    cell = kept + torch.sigmoid(input_gate) * torch.tanh(candidate)
    normal = F.layer_norm(cell, cell.shape[-1:], gain_cell, weights.norm_cell_bias, EPSILON)
    return LSTMState(torch.sigmoid(output_gate) * torch.tanh(normal), cell)


LAYER_NORM_LSTM = Recurrence(name="layer_norm_lstm", gates=4, state=LSTMState, advance=advance)
