r"""Gated recurrent unit in its original form [cho2014learning]: the reset gate acts before the product.

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

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back
from nurt.kernels.reference.gru import GRUState

__all__ = ["RESET_BEFORE_GRU"]


def advance(projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None = None) -> GRUState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 3H)."""
    _, z, n = _gates(projected, state, weights, mask)
    return GRUState((1 - z) * n + z * state.hidden)


def adjoint(
    projected: Tensor, state: GRUState, weights: Weights, grad: GRUState, mask: Tensor | None = None
) -> StepGradients[GRUState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    r, z, n = _gates(projected, state, weights, mask)
    seen = fed_back(state.hidden, mask)
    w_rz, w_n = _rows(weights.weight_hh)
    dh = grad.hidden
    da_n = dh * (1 - z) * (1 - n**2)
    dq = da_n @ w_n
    da_r = dq * seen * r * (1 - r)
    da_z = dh * (state.hidden - n) * z * (1 - z)
    da_rz = torch.cat([da_r, da_z], dim=-1)
    da = torch.cat([da_rz, da_n], dim=-1)
    before = GRUState(fed_back(da_rz @ w_rz + dq * r, mask) + dh * z)
    learned = {"weight_hh": torch.cat([da_rz.T @ seen, da_n.T @ (r * seen)])}
    return StepGradients(da, before, learned if weights.bias_hh is None else learned | {"bias_hh": da.sum(0)})


def sums(projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation functions of :func:`advance` are applied to, (B, H) each."""
    seen = fed_back(state.hidden, mask)
    w_rz, w_n = _rows(weights.weight_hh)
    b_rz, b_n = (None, None) if weights.bias_hh is None else _rows(weights.bias_hh)
    in_r, in_z, in_n = projected.chunk(3, dim=-1)
    back_r, back_z = F.linear(seen, w_rz, b_rz).chunk(2, dim=-1)
    reset = in_r + back_r
    candidate = in_n + F.linear(torch.sigmoid(reset) * seen, w_n, b_n)
    return {"reset": reset, "update": in_z + back_z, "candidate": candidate}


def _gates(projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return r_t, z_t and n_t, each (B, H)."""
    a_r, a_z, a_n = sums(projected, state, weights, mask).values()
    return torch.sigmoid(a_r), torch.sigmoid(a_z), torch.tanh(a_n)


def _rows(stacked: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of r and z, which meet h_{t-1}, and those of n, which meet r_t ⊙ h_{t-1}."""
    gated = 2 * len(stacked) // 3
    return stacked[:gated], stacked[gated:]


RESET_BEFORE_GRU = Recurrence(
    name="reset_before_gru", order="rzn", state=GRUState, advance=advance, adjoint=adjoint, sums=sums
)
