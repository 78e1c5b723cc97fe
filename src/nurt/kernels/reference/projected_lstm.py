r"""LSTM with a projected hidden state [sak2014long].

The gates and c_t are those of the LSTM; the hidden state that is put out and fed back is

    h_t = W_hr (o_t ⊙ tanh(c_t))

h_t (B, proj_size), c_t (B, H), W_hr (proj_size, H), W_hh (4H, proj_size). The same as torch.nn.LSTM with
``proj_size``; of the paper's two projections only the recurrent one, and no peepholes.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, present
from nurt.kernels.reference import lstm

__all__ = ["PROJECTED_LSTM"]


def advance(projected: Tensor, state: lstm.LSTMState, weights: Weights, mask: Tensor | None = None) -> lstm.LSTMState:
    """Return the state after ``projected`` = W_ih x_t + b_ih, (B, 4H)."""
    projection = present("projected_lstm", "weight_hr", weights.weight_hr)
    wide, cell = lstm.advance(projected, state, weights, mask)
    return lstm.LSTMState(F.linear(wide, projection), cell)


def adjoint(
    projected: Tensor, state: lstm.LSTMState, weights: Weights, grad: lstm.LSTMState, mask: Tensor | None = None
) -> StepGradients[lstm.LSTMState]:
    """Return the gradients of the arguments of :func:`advance` from ``grad``, the total gradient of its result."""
    projection = present("projected_lstm", "weight_hr", weights.weight_hr)
    wide = lstm.advance(projected, state, weights, mask).hidden
    d_wide = grad.hidden @ projection
    inner = lstm.adjoint(projected, state, weights, lstm.LSTMState(d_wide, grad.cell), mask)
    return StepGradients(inner.projected, inner.state, {**inner.weights, "weight_hr": grad.hidden.T @ wide})


PROJECTED_LSTM = Recurrence(
    name="projected_lstm", order="ifgo", state=lstm.LSTMState, advance=advance, adjoint=adjoint, sums=lstm.sums
)
