"""The time loop in plain torch, differentiated by autograd: slow, short, and the oracle of every other rung."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from nurt.kernels.options import PLAIN, StepOptions
from nurt.kernels.recurrence import Recurrence, StateT, Weights, project, remade
from nurt.kernels.reference.gradient_clip import clip_gradient
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
    alive = _alive(inputs, lengths)
    projected = project(_without_padding(inputs, alive), weights)

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
    alive = _alive(inputs, lengths)
    return _scan(step, _without_padding(inputs, alive), state, alive, options, reverse=reverse)


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
        before = _crossing(state, options.gradient_clip)
        new = _partly_kept(before, step(moments[t], before), options, t)
        state = new if alive is None else _where(alive[:, t], new, state)
        outputs[t] = new.hidden if alive is None else _zero_unless(alive[:, t], new.hidden)
    return torch.stack(outputs, dim=1), state


def _crossing(state: StateT, bound: float | None) -> StateT:
    """Return ``state`` as the next step sees it; what that step sends back is clamped.

    A row past its end does not come this way, so its gradient reaches its last step as it is.
    """
    return state if bound is None else remade(state, (clip_gradient(field, bound) for field in state))


def _partly_kept(before: StateT, new: StateT, options: StepOptions, t: int) -> StateT:
    """Return the state after zoneout: k ⊙ before + (1 - k) ⊙ new."""
    mixed = {}
    for name, keep in (("hidden", options.keep_hidden), ("cell", options.keep_cell)):
        if keep is not None:
            share = keep[:, t] if isinstance(keep, Tensor) else keep
            mixed[name] = share * getattr(before, name) + (1 - share) * getattr(new, name)
    if not mixed:
        return new
    kept: StateT = cast(Any, new)._replace(**mixed)
    return kept


def _alive(inputs: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Return whether step t of row b lies before its end, bool (B, T); None when all do."""
    if lengths is None:
        return None
    steps = torch.arange(inputs.shape[1], device=inputs.device)
    return steps < lengths.to(inputs.device).unsqueeze(1)


def _without_padding(inputs: Tensor, alive: Tensor | None) -> Tensor:
    """Return ``inputs`` with zeros past the ends.

    Dropping the results there is not enough: the gradient of a dropped NaN is 0 · NaN.
    """
    return inputs if alive is None else _zero_unless(alive, inputs)


def _zero_unless(alive: Tensor, values: Tensor) -> Tensor:
    return values.masked_fill(~_widened(alive, values), 0)


def _where(alive: Tensor, new: StateT, old: StateT) -> StateT:
    """Return the new state where a row is alive and the old one where it has ended."""
    pairs = zip(new, old, strict=True)
    return remade(new, (torch.where(_widened(alive, after), after, before) for after, before in pairs))


def _widened(mask: Tensor, values: Tensor) -> Tensor:
    """Return ``mask`` with trailing axes of one, so that it broadcasts over ``values``."""
    return mask.reshape(mask.shape + (1,) * (values.dim() - mask.dim()))


def refuse(request: Request) -> str | None:  # noqa: ARG001 - one signature for every rung
    """Refuse nothing: plain torch runs everything everywhere."""
    return None


RUNG = Rung(name="reference", summary="the readable loop in plain torch", refuse=refuse, run=run)
