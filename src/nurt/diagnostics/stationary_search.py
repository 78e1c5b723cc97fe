r"""Minima of how far a step moves a state, from many starts at once.

    q(s) = ½‖F(s) - s‖²,      ∇q = Aᵀ(F(s) - s),      A = J - I,      J = ∂F/∂s

Each update solves (AᵀA + μ I) d = -∇q [marquardt1963algorithm]: with μ near 0 it is Newton's step towards F(s) = s,
with a large μ a short step down the gradient, which is what is left where no fixed point is near. Every start has a
damping μ of its own; an update that does not lower q is not taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Minima", "minima"]

# The speed that rounding leaves of a fixed point, per unit of the state's norm.
ROUNDING = 1e-14
# ‖∇q‖/‖F(s) - s‖ below which a state that still moves is a minimum of q.
FLAT = 1e-6
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e12


class Minima(NamedTuple):
    """Where the starts ended.

    Attributes:
        states: (N, n).
        settled: which of them are minima of q, (N,); the others were still on their way.
    """

    states: Tensor
    settled: Tensor


def minima(
    step: Callable[[Tensor], Tensor],
    derivatives: Callable[[Tensor], tuple[Tensor, Tensor]],
    starts: Tensor,
    updates: int,
) -> Minima:
    """Return the minima of q to which ``starts`` lead.

    Args:
        step: F, from states (N, n) to those after a step.
        derivatives: F and its Jacobians (N, n, n) at once.
        starts: (N, n), float64.
        updates: at most so many of each start.
    """
    states, damping = starts.clone(), torch.full_like(starts[:, 0], FIRST_DAMPING)
    settled = torch.zeros(len(starts), dtype=torch.bool, device=starts.device)
    unit = torch.eye(starts.shape[1], dtype=starts.dtype, device=starts.device)
    for _ in range(updates):
        active = (~settled).nonzero().squeeze(1)
        if not len(active):
            break
        here = states[active]
        after, jacobians = derivatives(here)
        move, slope = after - here, jacobians - unit
        gradient = (slope.mT @ move.unsqueeze(-1)).squeeze(-1)
        done = _settled(here, move, gradient) | (damping[active] > MOST_DAMPING)
        settled[active] = done
        damped = slope.mT @ slope + damping[active][:, None, None] * unit
        there = here - torch.linalg.solve_ex(damped, gradient)[0]
        lower = _speed(step(there) - there) < _speed(move)
        states[active] = torch.where((lower & ~done).unsqueeze(1), there, here)
        damping[active] = torch.where(lower, (damping[active] / 10).clamp(min=LEAST_DAMPING), damping[active] * 10)
    return Minima(states, settled)


def _settled(states: Tensor, move: Tensor, gradient: Tensor) -> Tensor:
    speed = _speed(move)
    fixed = speed <= ROUNDING * (1 + torch.linalg.vector_norm(states, dim=1))
    return torch.logical_or(fixed, torch.linalg.vector_norm(gradient, dim=1) <= FLAT * speed)


def _speed(move: Tensor) -> Tensor:
    speed: Tensor = torch.linalg.vector_norm(move, dim=1)
    return speed
