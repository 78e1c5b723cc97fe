"""The time loop in plain torch, differentiated by autograd: slow, short, and the oracle of every other rung."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nurt.kernels.options import PLAIN, StepOptions
from nurt.kernels.recording import Recording, enter
from nurt.kernels.recurrence import Recurrence, StateT, Weights, project
from nurt.kernels.reference import scan
from nurt.kernels.reference.carry import crossing, partly_kept
from nurt.kernels.reference.ends import alive_steps, where_alive, without_padding, zero_unless
from nurt.kernels.reference.watching import Watch
from nurt.kernels.rung import SCAN, Request, Rung

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
    fed = without_padding(inputs, alive)
    projected = project(fed, weights)
    watch = _watch(recurrence.name, fed, state, alive, lengths, options, reverse=reverse)
    if watch is not None:
        watch.recording.weights = _copied(weights)

    def step(gates: Tensor, state: StateT) -> StateT:
        return recurrence.advance(gates, state, weights, options.hidden_mask)

    return _scan(step, projected, state, alive, options, watch, reverse=reverse)


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
    fed = without_padding(inputs, alive)
    watch = _watch("", fed, state, alive, lengths, options, reverse=reverse)
    return _scan(step, fed, state, alive, options, watch, reverse=reverse)


def _scan(
    step: Callable[[Tensor, StateT], StateT],
    sequence: Tensor,
    state: StateT,
    alive: Tensor | None,
    options: StepOptions,
    watch: Watch | None,
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
        if watch is not None:
            watch.see(t, new)
        state = new if alive is None else where_alive(alive[:, t], new, state)
        outputs[t] = new.hidden if alive is None else zero_unless(alive[:, t], new.hidden)
    stacked = torch.stack(outputs, dim=1)
    return (stacked, state) if watch is None else watch.end(stacked, state)


def _watch(
    name: str,
    inputs: Tensor,
    state: StateT,
    alive: Tensor | None,
    lengths: Tensor | None,
    options: StepOptions,
    *,
    reverse: bool,
) -> Watch | None:
    """Return what watches this call where a block records; ``inputs`` are without padding."""
    record = Recording(name, direction="backward" if reverse else "forward", lengths=lengths, options=options)
    if not enter([record]):
        return None
    names = getattr(state, "_fields", ())
    record.inputs, record.initial = inputs.detach(), dict(zip(names, (field.detach() for field in state), strict=True))
    return Watch(record, alive, inputs.shape[1])


def _copied(weights: Weights) -> Weights:
    """Return the weights as they are now: an optimizer may change them in place."""
    named = weights._asdict().items()
    return Weights(**{name: weight.detach().clone() for name, weight in named if weight is not None})


def refuse(request: Request) -> str | None:
    """Refuse to record inside transforms and to record a scan; plain torch runs everything else everywhere."""
    if "recording" not in request.options:
        return None
    if request.recurrence == SCAN:
        return "the scan records nothing"
    return "a transform of torch.func cannot be recorded" if "transformed" in request.options else None


RUNG = Rung(name="reference", summary="the readable loop in plain torch", refuse=refuse, run=run, scan=scan.run)
