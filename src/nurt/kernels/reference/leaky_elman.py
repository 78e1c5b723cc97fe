r"""Elman's recurrence [elman1990finding] with leaky integrator units.

    h_t = (1 - α) ⊙ h_{t-1} + α ⊙ tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   0 < α ≤ 1

x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H), b (H,); α is one number, a constant of the equation. With α = 1 it is
Elman's recurrence; the smaller α, the slower the units: without inputs the state decays as (1 - α)^t. torch has no
such layer.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.kernels.recurrence import Recurrence, StepGradients, Weights, fed_back, recurrent_gradients
from nurt.kernels.reference.elman import ElmanState

__all__ = ["LEAKY_ELMAN", "leaky_elman"]


@lru_cache(maxsize=64)
def leaky_elman(leak: float) -> Recurrence[ElmanState]:
    """Return the recurrence with α = ``leak``."""

    def advance(projected: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None = None) -> ElmanState:
        """Return the state after ``projected`` = W_ih x_t + b_ih, (B, H)."""
        candidate = torch.tanh(sums(projected, state, weights, mask)["candidate"])
        return ElmanState((1 - leak) * state.hidden + leak * candidate)

    def adjoint(
        projected: Tensor, state: ElmanState, weights: Weights, grad: ElmanState, mask: Tensor | None = None
    ) -> StepGradients[ElmanState]:
        """Return the gradients of the arguments of ``advance`` from ``grad``, the total gradient of its result."""
        candidate = torch.tanh(sums(projected, state, weights, mask)["candidate"])
        da = leak * grad.hidden * (1 - candidate**2)
        before = ElmanState(fed_back(da @ weights.weight_hh, mask) + (1 - leak) * grad.hidden)
        return StepGradients(da, before, recurrent_gradients(da, fed_back(state.hidden, mask), weights))

    return Recurrence(
        name="leaky_elman",
        order="h",
        state=ElmanState,
        advance=advance,
        adjoint=adjoint,
        sums=sums,
        constants=(leak,),
        family=leaky_elman,
    )


def sums(projected: Tensor, state: ElmanState, weights: Weights, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Return what the activation function is applied to, (B, H)."""
    return {"candidate": projected + F.linear(fed_back(state.hidden, mask), weights.weight_hh, weights.bias_hh)}


LEAKY_ELMAN = leaky_elman(0.5)
