"""The recurrence as a function that keeps a state here and there and runs pieces again on the way back.

Forwards, the segments follow each other without a graph; the state before each is kept. Backwards there are two ways:

- *exact*: from the last segment to the first, each is run again with a graph, and the gradient of its first state is
  passed to the segment before;
- *truncated*: for each segment the window that ends with it is run again from its kept first state; the gradient of
  the segment's outputs goes back through the window and ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nurt.errors import UnavailableError
from nurt.kernels import StepOptions
from nurt.kernels.batched_gradients import one_by_one
from nurt.nn.gradients.ambient import AmbientState, drawing_from, generator_states
from nurt.nn.gradients.method import Cuts

__all__ = ["Advance", "Walk", "recomputed", "turned", "with_masks"]

Grads = Sequence[Tensor | None]


def recomputed(
    walk: Walk, cuts: Cuts, inputs: Tensor, fields: Sequence[Tensor], learned: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run ``walk`` over all of ``inputs``, its gradient cut or recomputed as ``cuts`` say.

    Args:
        walk: the recurrence.
        cuts: where it is cut.
        inputs: (B, T, I).
        fields: of the initial state, (B, ·) each.
        learned: tensors of the recurrence that may need a gradient.

    Returns:
        The outputs (B, T, ·) and the fields of the final state.
    """
    outputs, *final = _Recomputed.apply(walk, cuts, len(fields), inputs, *fields, *learned)  # type: ignore[no-untyped-call]
    return outputs, tuple(final)


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, walk: Walk, cuts: Cuts, count: int, inputs: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        fields, learned = tensors[:count], tensors[count:]
        ctx.walk, ctx.cuts, ctx.count = walk, cuts, count
        ctx.ambient, ctx.drawn = AmbientState.of_now(inputs.device.type), []
        firsts = range(0, inputs.shape[1], cuts.every)
        kept = [field.new_empty(len(firsts), *field.shape) for field in fields]
        outputs = inputs.new_empty(0)
        for segment, first in enumerate(firsts):
            for place, field in zip(kept, fields, strict=True):
                place[segment] = field
            if walk.draws:
                ctx.drawn.append(generator_states(inputs.device))
            last = min(first + cuts.every, inputs.shape[1])
            piece, fields = walk.between(first, last, inputs[:, first:last], fields, learned)
            if segment == 0:
                outputs = _room(piece, inputs.shape[1])
            outputs[:, first:last] = piece
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs, *tensors, *kept)
        return outputs, *fields

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[3:]
        given, kept = saved[: len(wanted)], saved[len(wanted) :]

        def back(grads: Grads) -> Grads:
            # Autograd records the backward pass exactly when its own gradient may be asked for.
            if torch.is_grad_enabled():
                if ctx.cuts.window is not None:
                    raise _no_second_derivative()
                return _with_graph(ctx, given, wanted, grads)
            way = _WayBack(ctx, given, wanted, kept)
            if ctx.cuts.window is None:
                way.exactly(grads)
            else:
                way.truncated(grads, ctx.cuts.window)
            return way.found

        return None, None, None, *one_by_one(grads, back)


class _WayBack:
    """One backward pass: what is given, and the gradients found so far."""

    def __init__(self, ctx: Any, given: Sequence[Tensor], wanted: Sequence[bool], kept: Sequence[Tensor]) -> None:
        self.walk: Walk = ctx.walk
        self.every: int = ctx.cuts.every
        self.ambient: AmbientState = ctx.ambient
        self.drawn: Sequence[Sequence[Tensor]] = ctx.drawn
        self.inputs, self.kept, self.wanted = given[0], kept, wanted
        self.fields = slice(1, 1 + ctx.count)
        self.learned = [
            tensor.detach().requires_grad_(want)
            for tensor, want in zip(given[1 + ctx.count :], wanted[1 + ctx.count :], strict=True)
        ]
        self.found: list[Tensor | None] = [None] * len(wanted)
        if wanted[0]:
            self.found[0] = torch.zeros_like(self.inputs)

    def segments(self) -> Iterator[tuple[int, int]]:
        """Yield the first step of each segment and the first after it, the last segment first."""
        steps = self.inputs.shape[1]
        for first in reversed(range(0, steps, self.every)):
            yield first, min(first + self.every, steps)

    def exactly(self, grads: Grads) -> None:
        """Hand the gradient of the state from segment to segment."""
        outputs, *state = grads
        for first, last in self.segments():
            piece = None if outputs is None else outputs[:, first:last]
            state = self._through(first, first, last, piece, state)
        self._found_state(state)

    def truncated(self, grads: Grads, window: int) -> None:
        """Take the gradient of each segment back to the beginning of its window."""
        outputs, *state = grads
        for first, last in self.segments():
            piece = None if outputs is None else outputs[:, first:last]
            begin = max(0, first + self.every - window)
            reached = self._through(begin, first, last, piece, self._of_rows_ending(state, first, last))
            if begin == 0:
                self._found_state(reached)
        if self.walk.lengths is not None:
            empty = self.walk.lengths == 0
            self._found_state([None if grad is None else _rows(grad, empty) for grad in state])

    def _of_rows_ending(self, state: Grads, first: int, last: int) -> Grads:
        """Return the gradient of the final state of the rows whose last step lies in a segment."""
        if self.walk.lengths is None:
            return state if last == self.inputs.shape[1] else [None] * len(state)
        here = (self.walk.lengths > first) & (self.walk.lengths <= last)
        if not bool(here.any()):
            return [None] * len(state)
        return [None if grad is None else _rows(grad, here) for grad in state]

    def _through(self, begin: int, first: int, last: int, outputs: Tensor | None, state: Grads) -> list[Tensor | None]:
        """Run steps ``begin`` .. ``last`` - 1 again and take gradients back through them.

        Args:
            begin: a step before which a state was kept.
            first: the first step whose output has a gradient.
            last: the first step after the piece.
            outputs: gradient of the outputs from ``first`` on, None for zero.
            state: gradient of the fields of the state after the piece.

        Returns:
            The gradient of the fields of the state before ``begin``; the other gradients are added to ``found``.
        """
        if outputs is None and all(grad is None for grad in state):
            return [None] * len(self.kept)
        inputs = self.inputs[:, begin:last].detach().requires_grad_(self.wanted[0])
        segment = begin // self.every
        fields = [field[segment].detach().requires_grad_() for field in self.kept]

        def again() -> tuple[Tensor, tuple[Tensor, ...]]:
            same = drawing_from(self.drawn[segment], inputs.device) if self.drawn else nullcontext()
            with torch.enable_grad(), same:
                made, final = self.walk.between(begin, last, inputs, fields, self.learned)
                return made[:, first - begin :], final

        made, final = self.ambient.run(again)
        of_inputs, *rest = _gradients((made, *final), (outputs, *state), (inputs, *fields, *self.learned))
        if self.found[0] is not None and of_inputs is not None:
            self.found[0][:, begin:last] += of_inputs
        count = len(fields)
        self._found(self.fields.stop, rest[count:])
        return rest[:count]

    def _found_state(self, grads: Grads) -> None:
        self._found(self.fields.start, grads)

    def _found(self, place: int, grads: Grads) -> None:
        """Add gradients to what was found, from ``place`` on."""
        for at, grad in enumerate(grads, start=place):
            if grad is not None and self.wanted[at]:
                before = self.found[at]
                self.found[at] = grad if before is None else before + grad


def _with_graph(ctx: Any, given: Sequence[Tensor], wanted: Sequence[bool], grads: Grads) -> list[Tensor | None]:
    """Return exact gradients that can be differentiated: everything run again at once, nothing cut."""
    # Views, so that a gradient does not run on from one argument into another that it was made of.
    inputs, *rest = [tensor.view_as(tensor) for tensor in given]
    fields, learned = rest[: ctx.count], rest[ctx.count :]

    def again() -> tuple[Tensor, tuple[Tensor, ...]]:
        same = drawing_from(ctx.drawn[0], inputs.device) if ctx.drawn else nullcontext()
        with same:
            walk: Walk = ctx.walk
            return walk.between(0, inputs.shape[1], inputs, fields, learned)

    made, final = ctx.ambient.run(again)
    asked = [tensor for tensor, want in zip((inputs, *rest), wanted, strict=True) if want]
    found = iter(_gradients((made, *final), grads, asked, create_graph=True))
    return [next(found) if want else None for want in wanted]


def _gradients(
    results: Sequence[Tensor], grads: Grads, arguments: Sequence[Tensor], *, create_graph: bool = False
) -> list[Tensor | None]:
    """Return the gradients of ``arguments``, None for those that need none or that no result depends on."""
    pairs = [
        (result, grad) for result, grad in zip(results, grads, strict=True) if grad is not None and result.requires_grad
    ]
    asked = [argument for argument in arguments if argument.requires_grad]
    if not pairs or not asked:
        return [None] * len(arguments)
    made, weights = zip(*pairs, strict=True)
    found = iter(torch.autograd.grad(made, asked, weights, create_graph=create_graph, allow_unused=True))
    return [next(found) if argument.requires_grad else None for argument in arguments]


def _room(piece: Tensor, steps: int) -> Tensor:
    """Return an empty tensor (B, ``steps``, ·) that lies in memory as ``piece`` (B, ·, ·) does.

    A dropout above draws its mask in the order of memory, so another order would be another mask.
    """
    batch, _, *rest = piece.shape
    if piece.stride(1) > piece.stride(0):
        return piece.new_empty(steps, batch, *rest).transpose(0, 1)
    return piece.new_empty(batch, steps, *rest)


def _rows(grad: Tensor, rows: Tensor) -> Tensor:
    """Return ``grad`` (B, ·) with zeros in all other rows."""
    return torch.where(rows.to(grad.device).unsqueeze(1), grad, torch.zeros_like(grad))


def _no_second_derivative() -> UnavailableError:
    return UnavailableError(
        "nurt.nn.Truncated: a second derivative was asked for (create_graph=True).",
        expected="a gradient that is used as it is",
        got="create_graph=True",
        cure="A truncated gradient is the gradient of no function. Use Exact() or Checkpointed(...) here.",
    )


Advance = Callable[[Tensor, Any, Sequence[Tensor], Tensor | None, bool, StepOptions], tuple[Tensor, Any]]
"""(inputs, state, learned tensors, lengths, reverse, options) → (outputs, state)."""


@dataclass(frozen=True)
class Walk:
    """A recurrence, the ends of its rows, and its options; time is each row's own.

    Args:
        advance: runs the recurrence.
        make_state: makes a state of its fields.
        lengths: steps of each row, (B,); None when every row has T.
        options: of the whole sequence.
        draws: whether a step may draw random numbers, which a later run must draw again.
    """

    advance: Advance
    make_state: Callable[..., Any]
    lengths: Tensor | None
    options: StepOptions
    draws: bool

    def between(
        self, first: int, last: int, inputs: Tensor, fields: Sequence[Tensor], learned: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run steps ``first`` .. ``last`` - 1 on ``inputs`` (B, last - first, I), from the state ``fields``."""
        lengths = None if self.lengths is None else (self.lengths - first).clamp(0, last - first)
        options = with_masks(self.options, lambda mask: mask[:, first:last])
        outputs, state = self.advance(inputs, self.make_state(*fields), learned, lengths, False, options)
        return outputs, tuple(state)


def turned(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``sequence`` (B, T, ·) with each row's own steps in the opposite order; padding stays."""
    if lengths is None:
        return sequence.flip(1)
    steps = torch.arange(sequence.shape[1], device=sequence.device)
    ends = lengths.to(sequence.device).unsqueeze(1)
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    rows = torch.arange(sequence.shape[0], device=sequence.device).unsqueeze(1)
    return sequence[rows, places]


def with_masks(options: StepOptions, change: Callable[[Tensor], Tensor]) -> StepOptions:
    """Return ``options`` with ``change`` made to the masks that have steps, (B, T, ·)."""
    shares = (options.keep_hidden, options.keep_cell)
    if not any(isinstance(share, Tensor) for share in shares):
        return options
    hidden, cell = (change(share) if isinstance(share, Tensor) else share for share in shares)
    return replace(options, keep_hidden=hidden, keep_cell=cell)
