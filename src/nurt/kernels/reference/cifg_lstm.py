r"""LSTM with coupled input and forget gate, "CIFG" (greff2017lstm): what is forgotten makes room for what comes.

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

from nurt.kernels.recurrence import Recurrence, Weights, fed_back
from nurt.kernels.reference.lstm import LSTMState

__all__ = ["CIFG_LSTM"]


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 3H)."""
    gates = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    forget_gate, candidate, output_gate = gates.chunk(3, dim=-1)
    forget = torch.sigmoid(forget_gate)
    cell = forget * state.cell + (1 - forget) * torch.tanh(candidate)
    return LSTMState(torch.sigmoid(output_gate) * torch.tanh(cell), cell)


CIFG_LSTM = Recurrence(name="cifg_lstm", gates=3, state=LSTMState, advance=advance)
