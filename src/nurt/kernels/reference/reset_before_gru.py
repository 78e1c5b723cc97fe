r"""Gated recurrent unit in its original form (cho2014learning): the reset gate acts before the product.

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)             reset gate
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)             update gate
    n_t = tanh(W_in x_t + b_in + W_hn (r_t ⊙ h_{t-1}) + b_hn)  candidate
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

x_t (B, I), gates and h_t (B, H); W_ih (3H, I) and W_hh (3H, H) stack r, z, n. The paper has no biases; here each gate
has two, which only count as their sum. torch and cuDNN reset after the product; ONNX has this form with
``linear_before_reset=0``. The product of the candidate waits for the reset gate, so a step takes two products in turn.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, Weights, fed_back
from nurt.kernels.reference.gru import GRUState

__all__ = ["RESET_BEFORE_GRU"]


def advance(projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None = None) -> GRUState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 3H)."""
    gated = 2 * state.hidden.shape[-1]
    bias = weights.bias_hh
    seen = fed_back(state.hidden, mask)
    gates = projected[:, :gated] + F.linear(seen, weights.weight_hh[:gated], None if bias is None else bias[:gated])
    reset, update = torch.sigmoid(gates).chunk(2, dim=-1)
    recurrent = F.linear(reset * seen, weights.weight_hh[gated:], None if bias is None else bias[gated:])
    candidate = torch.tanh(projected[:, gated:] + recurrent)
    return GRUState((1 - update) * candidate + update * state.hidden)


RESET_BEFORE_GRU = Recurrence(name="reset_before_gru", gates=3, state=GRUState, advance=advance)
