"""The time loop in plain torch, differentiated by autograd: slow, short, and the oracle of every other rung."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nurt.kernels.options import PLAIN, StepOptions
from nurt.kernels.recurrence import Recurrence, StateT, Weights, project
from nurt.kernels.reference import scan
from nurt.kernels.reference.carry import crossing, partly_kept
from nurt.kernels.reference.ends import alive_steps, where_alive, without_padding, zero_unless
from nurt.kernels.rung import Request, Rung

__all__ = ["RUNG", "run", "run_own_step"]


def run(
    recurrence: Recurrence[StateT],
    inputs: Tensor,
    state: StateT,
    weights: Weights,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions = PLAIN,
) -> tuple[Tensor, StateT]:
    """Run a known recurrence; arguments and results as for :class:`~nurt.kernels.rung.Kernel`.

    The inputs of all steps are projected in one product before the loop.
    """
    alive = alive_steps(inputs, lengths)
    projected = project(without_padding(inputs, alive), weights)

    def step(gates: Tensor, state: StateT) -> StateT:
        return recurrence.advance(gates, state, weights, options.hidden_mask)

    return _scan(step, projected, state, alive, options, reverse=reverse)


def run_own_step(
    step: Callable[[Tensor, StateT], StateT],
    inputs: Tensor,
    state: StateT,
    *,
    lengths: Tensor | None,
    reverse: bool,
    options: StepOptions = PLAIN,
) -> tuple[Tensor, StateT]:
    """Run any step ``(x (B, I), state) -> state``; the rest as for :class:`~nurt.kernels.rung.Kernel`.

    ``options`` hold no mask of the hidden state: only the step itself knows where that is fed back.
    """
    alive = alive_steps(inputs, lengths)
    return _scan(step, without_padding(inputs, alive), state, alive, options, reverse=reverse)


def _scan(
    step: Callable[[Tensor, StateT], StateT],
    sequence: Tensor,
    state: StateT,
    alive: Tensor | None,
    options: StepOptions,
    *,
    reverse: bool,
) -> tuple[Tensor, StateT]:
    """Return ``step`` folded over axis 1 of ``sequence`` (B, T, ·): all outputs (B, T, ·) and the last state.

    Run backwards, a row meets its padding first and keeps its initial state until its own last element.
    """
    # One unbind has one backward; indexing step by step would fill a whole (B, T, ·) gradient for every step.
    moments = sequence.unbind(1)
    outputs: list[Tensor] = list(moments)
    for t in reversed(range(len(moments))) if reverse else range(len(moments)):
        before = crossing(state, options.gradient_clip)
        new = partly_kept(before, step(moments[t], before), options, t)
        state = new if alive is None else where_alive(alive[:, t], new, state)
        outputs[t] = new.hidden if alive is None else zero_unless(alive[:, t], new.hidden)
    return torch.stack(outputs, dim=1), state


def refuse(request: Request) -> str | None:
    """Refuse to record; plain torch runs everything else everywhere."""
    return "the reference loop records nothing" if "recording" in request.options else None


RUNG = Rung(name="reference", summary="the readable loop in plain torch", refuse=refuse, run=run, scan=scan.run)
