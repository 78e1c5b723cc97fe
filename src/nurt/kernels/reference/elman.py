r"""Elman's recurrence (elman1990finding), with tanh or the rectifier.

    h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   f = tanh or max(0, ·)

x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H), b (H,). The same as torch.nn.RNN.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, Weights

__all__ = ["ELMAN_RELU", "ELMAN_TANH", "ElmanState"]


class ElmanState(NamedTuple):
    """State of Elman's recurrence: ``hidden`` (B, H)."""

    hidden: Tensor


def advance_tanh(projected: Tensor, state: ElmanState, weights: Weights) -> ElmanState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
    return ElmanState(torch.tanh(projected + F.linear(state.hidden, weights.weight_hh, weights.bias_hh)))


def advance_relu(projected: Tensor, state: ElmanState, weights: Weights) -> ElmanState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
    return ElmanState(torch.relu(projected + F.linear(state.hidden, weights.weight_hh, weights.bias_hh)))


ELMAN_TANH = Recurrence(name="elman_tanh", gates=1, state=ElmanState, advance=advance_tanh)
ELMAN_RELU = Recurrence(name="elman_relu", gates=1, state=ElmanState, advance=advance_relu)
