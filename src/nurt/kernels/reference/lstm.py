r"""Long short-term memory (hochreiter1997long) with the forget gate of gers2000learning.

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

from nurt.kernels.recurrence import Recurrence, Weights, fed_back

__all__ = ["LSTM", "LSTMState"]


class LSTMState(NamedTuple):
    """State of an LSTM: ``hidden`` (B, H), or (B, proj_size) when projected, and ``cell`` (B, H)."""

    hidden: Tensor
    cell: Tensor


def advance(projected: Tensor, state: LSTMState, weights: Weights, mask: Tensor | None = None) -> LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 4H)."""
    gates = projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=-1)
    kept = torch.sigmoid(forget_gate) * state.cell
    cell = kept + torch.sigmoid(input_gate) * torch.tanh(candidate)
    return LSTMState(torch.sigmoid(output_gate) * torch.tanh(cell), cell)


LSTM = Recurrence(name="lstm", gates=4, state=LSTMState, advance=advance)
