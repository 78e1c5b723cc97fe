"""The time loop in plain torch, differentiated by autograd: slow, short, and the oracle of every other rung."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nurt.kernels.batched_gradients import batched
from nurt.kernels.recording import Recording, batch_unrecorded, enter
from nurt.kernels.recurrence import (
    Recurrence,
    StateT,
    Weights,
    alive_steps,
    project,
    remade,
    where_alive,
    without_padding,
    zero_unless,
)
from nurt.kernels.reference import scan
from nurt.kernels.reference.carry import crossing, partly_kept
from nurt.kernels.rung import PLAIN, SCAN, Request, Rung, StepOptions

__all__ = ["RUNG", "Watch", "run", "run_own_step"]


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
        watch.recording.weights, watch.recording.constants = _copied(weights), recurrence.constants

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
    """Refuse to record inside transforms and traces and to record a scan; all else runs everywhere in plain torch."""
    if "recording" not in request.options:
        return None
    if request.recurrence == SCAN:
        return "the scan records nothing"
    if "traced" in request.options:
        return "a trace cannot be recorded"
    return "a transform of torch.func cannot be recorded" if "transformed" in request.options else None


RUNG = Rung(name="reference", summary="the readable loop in plain torch", refuse=refuse, run=run, scan=scan.run)


class Watch:
    """Fills a recording while the loop walks through time and autograd walks back.

    Args:
        recording: to be filled.
        alive: whether step t of row b lies before its end, bool (B, T); None when all do.
        steps: T.
    """

    def __init__(self, recording: Recording, alive: Tensor | None, steps: int) -> None:
        self.recording = recording
        self._alive = alive
        self._hidden: list[Tensor | None] = [None] * steps
        self._cell: list[Tensor | None] = [None] * steps

    def see(self, t: int, made: StateT) -> None:
        """Keep the state that step ``t`` made, and listen for its gradient."""
        cell = getattr(made, "cell", None)
        self._hidden[t] = self._within(t, made.hidden)
        self._cell[t] = None if cell is None else self._within(t, cell)
        # The sum of all that later steps and outputs send back arrives here at once.
        for name, value in (("grad_hidden", made.hidden), ("grad_cell", cell)):
            if value is not None and value.requires_grad:
                value.register_hook(self._listener(name, t))

    def end(self, outputs: Tensor, state: StateT) -> tuple[Tensor, StateT]:
        """Return what the loop returns, by way of a node at which the gradients from outside are seen first."""
        record = self.recording
        record.hidden = torch.stack([value for value in self._hidden if value is not None], dim=1)
        cells = [value for value in self._cell if value is not None]
        record.cell = torch.stack(cells, dim=1) if cells else None
        outputs, *fields = _Boundary.apply(self, getattr(state, "_fields", ()), outputs, *state)  # type: ignore[no-untyped-call]
        return outputs, remade(state, fields)

    def enter(self, outputs: Tensor | None, fields: dict[str, Tensor | None]) -> None:
        """Begin a backward pass with the gradients of the outputs and of the final state."""
        record = self.recording
        assert record.hidden is not None
        record.grad_hidden = torch.zeros_like(record.hidden)
        record.grad_cell = None if record.cell is None else torch.zeros_like(record.cell)
        if outputs is None:
            record.grad_outputs = torch.zeros_like(record.hidden)
        else:
            record.grad_outputs = outputs if self._alive is None else zero_unless(self._alive, outputs)
        record.grad_final = {name: grad for name, grad in fields.items() if grad is not None}

    def _within(self, t: int, value: Tensor) -> Tensor:
        return value.detach() if self._alive is None else zero_unless(self._alive[:, t], value.detach())

    def _listener(self, name: str, t: int) -> Callable[[Tensor | None], None]:
        def note(grad: Tensor | None) -> None:
            room = getattr(self.recording, name)
            # A function of one's own may send back nothing at all.
            if room is not None and grad is not None:
                room[:, t] = grad.detach()

        return note


class _Boundary(torch.autograd.Function):
    """The identity; everything that comes back through it is noted before any step sees it."""

    @staticmethod
    def forward(ctx: Any, watch: Watch, names: tuple[str, ...], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.watch, ctx.names = watch, names
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        if batched(grads):
            raise batch_unrecorded()
        outputs, *fields = (None if grad is None else grad.detach() for grad in grads)
        ctx.watch.enter(outputs, dict(zip(ctx.names, fields, strict=True)))
        return None, None, *grads
