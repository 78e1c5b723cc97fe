r"""Gated recurrent unit [cho2014learning], in the form that resets after the product [appleyard2016optimizing].

    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)             reset gate
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)             update gate
    n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))  candidate
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

x_t (B, I), gates and h_t (B, H); W_ih (3H, I) and W_hh (3H, H) stack r, z, n. The same as torch.nn.GRU and cuDNN.
The original resets h_{t-1} before the product, W_hn (r_t ⊙ h_{t-1}). Because b_hn stands inside the bracket it is
not redundant with b_in.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, recurrent_gradients

__all__ = ["GRU", "GRUState"]


class GRUState(NamedTuple):
    """State of a GRU: ``hidden`` (B, H)."""

    hidden: Tensor


def advance(projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None = None) -> GRUState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 3H)."""
    _, z, n, _ = _gates(projected, state, weights, mask)
    return GRUState((1 - z) * n + z * state.hidden)


def adjoint(
    projected: Tensor, state: GRUState, weights: Weights, grad: GRUState, mask: Tensor | None = None
) -> StepGradients[GRUState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    r, z, n, m = _gates(projected, state, weights, mask)
    dh = grad.hidden
    da_n = dh * (1 - z) * (1 - n**2)
    dm = da_n * r
    da_r = da_n * m * r * (1 - r)
    da_z = dh * (state.hidden - n) * z * (1 - z)
    back = torch.cat([da_r, da_z, dm], dim=-1)
    return StepGradients(
        torch.cat([da_r, da_z, da_n], dim=-1),
        GRUState(fed_back(back @ weights.weight_hh, mask) + dh * z),
        recurrent_gradients(back, fed_back(state.hidden, mask), weights),
    )


def sums(projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation functions of :func:`advance` are applied to, (B, H) each."""
    return _sums(projected, state, weights, mask)[0]


def _gates(
    projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return r_t, z_t, n_t and m_t = W_hn h_{t-1} + b_hn, each (B, H)."""
    a, m = _sums(projected, state, weights, mask)
    return torch.sigmoid(a["reset"]), torch.sigmoid(a["update"]), torch.tanh(a["candidate"]), m


def _sums(
    projected: Tensor, state: GRUState, weights: Weights, mask: Tensor | None
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the sums by name, and m_t."""
    reset_in, update_in, candidate_in = projected.chunk(3, dim=-1)
    back = F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)
    reset_back, update_back, m = back.chunk(3, dim=-1)
    reset = reset_in + reset_back
    return {"reset": reset, "update": update_in + update_back, "candidate": candidate_in + torch.sigmoid(reset) * m}, m


GRU = Recurrence(name="gru", order="rzn", state=GRUState, advance=advance, adjoint=adjoint, sums=sums)
