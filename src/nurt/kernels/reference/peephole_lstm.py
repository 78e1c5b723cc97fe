r"""LSTM whose gates also see the cell state (gers2000recurrent): peepholes, one weight per unit.

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

from nurt.kernels.recurrence import Recurrence, Weights, fed_back, present
from nurt.kernels.reference.lstm import LSTMState

__all__ = ["PEEPHOLE_LSTM"]


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 4H)."""
    gates = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=-1)
    peephole = present("peephole_lstm", "weight_ch", weights.weight_ch)
    to_input, to_forget, to_output = peephole.chunk(3)
    kept = torch.sigmoid(forget_gate + to_forget * state.cell) * state.cell
    cell = kept + torch.sigmoid(input_gate + to_input * state.cell) * torch.tanh(candidate)
    return LSTMState(torch.sigmoid(output_gate + to_output * cell) * torch.tanh(cell), cell)


PEEPHOLE_LSTM = Recurrence(name="peephole_lstm", gates=4, state=LSTMState, advance=advance)
