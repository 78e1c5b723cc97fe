"""The native calls as functions that torch can differentiate, trace, compile and export.

In eager mode an ``autograd.Function`` makes the calls directly. Where torch looks at operators instead of running
them (``torch.compile``, ``torch.export``, fake tensors, any dispatch mode) the same calls are the custom operators
``nurt::recurrence`` and ``nurt::recurrence_backward``, because a compiler cannot follow an address. Both paths share
one gradient. Gradients of gradients: the stack again by the hand-written adjoint, differentiable to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nurt.errors import UnavailableError
from nurt.kernels.batched_gradients import batched, one_by_one
from nurt.kernels.native import engine
from nurt.kernels.native.batching import per_member
from nurt.kernels.native.call import CELLS, Call, Carry, Given, Left, new_call
from nurt.kernels.native.memory import gradient_room, room
from nurt.kernels.native.recording import batch_sizes_of
from nurt.kernels.recording import Recording, batch_unrecorded, recording_wanted
from nurt.kernels.recurrence import Recurrence, Weights
from nurt.kernels.reference import RECURRENCES, adjoint
from nurt.kernels.rung import StepOptions
from nurt.kernels.stack import each_side

__all__ = ["differentiable_gradients", "empty_where_absent", "looked_at", "run", "with_absent"]

ValueT = TypeVar("ValueT")
_PLAIN = frozenset({Tensor, torch.nn.Parameter, type(None)})


def run(
    call: Call, given: Given, recordings: Sequence[Recording] | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Run a stack of recurrences, differentiably where a tensor asks for it.

    Args:
        call: what to run.
        given: on what.
        recordings: one per layer and direction, filled on the way; None for no recording.

    Returns:
        Outputs, final hidden states, final cell states (None unless the cell has them).
    """
    tensors = given.differentiable
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    if torch.compiler.is_compiling() or looked_at(tensors):
        if recordings is not None:
            raise _unrecorded()
        outputs, hidden, cell, _ = torch.ops.nurt.recurrence(*_arguments(call, given), keep)
        return outputs, hidden, cell if CELLS[call.cell].has_cell else None
    if keep:
        result: tuple[Tensor, Tensor, Tensor | None] = _Engine.apply(  # type: ignore[no-untyped-call]
            call, recordings, given.lengths, given.masks, given.carry, *tensors
        )
        return result
    return engine.forward(call, given, keep=False, recordings=recordings)[:3]


def looked_at(tensors: Sequence[Tensor | None]) -> bool:
    """Return whether torch follows operators rather than running them."""
    # torch has no public name for the number of dispatch modes at work.
    if torch._C._len_torch_dispatch_stack() > 0:
        return True
    return not _PLAIN.issuperset(map(type, tensors))


def _unrecorded() -> UnavailableError:
    return UnavailableError(
        "nurt.kernels.recording: compiled or traced code cannot be recorded.",
        expected="eager code inside the recording block",
        got="a call that torch.compile, torch.export or a dispatch mode runs",
        cure="Call the layer without torch.compile while recording.",
    )


class _Engine(torch.autograd.Function):
    """The eager path."""

    @staticmethod
    def forward(
        ctx: Any,
        call: Call,
        recordings: Sequence[Recording] | None,
        lengths: Tensor | None,
        masks: Tensor | None,
        carry: Carry,
        inputs: Tensor,
        hidden: Tensor | None,
        cell_state: Tensor | None,
        *weights: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        given = Given(inputs, hidden, cell_state, weights, lengths, masks, carry)
        left = engine.forward(call, given, keep=True, recordings=recordings)
        # Nothing in `carry` has a gradient, so it makes no cycle with what is saved.
        ctx.call, ctx.recordings, ctx.carry = call, recordings, carry
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(left.outputs, left.kept, lengths, masks, inputs, hidden, cell_state, *weights)
        return left[:3]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        outputs, kept, lengths, masks, inputs, hidden, cell_state, *weights = ctx.saved_tensors
        given = Given(inputs, hidden, cell_state, tuple(weights), lengths, masks, ctx.carry)
        call, wanted = ctx.call, ctx.needs_input_grad[5:]
        # Autograd records the backward pass exactly when its own gradient may be asked for.
        differentiable = torch.is_grad_enabled()
        if ctx.recordings is not None and batched(grads):
            raise batch_unrecorded()

        def back(grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
            found: list[Tensor | None] = []
            if not differentiable or ctx.recordings is not None:
                found = engine.backward(call, given, Left(outputs, outputs, None, kept), grads, wanted, ctx.recordings)
            return differentiable_gradients(call, given, grads, wanted) if differentiable else found

        return None, None, None, None, None, *one_by_one(grads, back)


# From here on the same as operators. torch reads the schema, so absent results are empty tensors. Absent weights are
# left out of the list, because torch differentiates a list only where each of its members is a tensor.
_SCHEMA = (
    "Tensor inputs, Tensor? hidden, Tensor? cell_state, Tensor[] weights, Tensor? lengths, Tensor? masks, "
    "Tensor? hidden_mask, Tensor? keep_hidden, Tensor? keep_cell, str cell, int layers, bool[] reverse, bool packed, "
    "float scale, float? gradient_clip, float[]? constants, bool[] present"
)
_GIVEN = 6  # tensors before those of the carry in the schema
_CARRY = 9  # where these end
_OPTIONS = 17  # where the options end


def _arguments(call: Call, given: Given) -> tuple[Any, ...]:
    inputs, hidden, cell_state, weights, lengths, masks, carry = given
    options = (call.cell, call.layers, list(call.reverse), call.packed, call.scale)
    more = (call.gradient_clip, list(call.constants) or None, [weight is not None for weight in weights])
    there = [weight for weight in weights if weight is not None]
    return (inputs, hidden, cell_state, there, lengths, masks, *carry, *options, *more)


def _understood(arguments: Sequence[Any]) -> tuple[Call, Given]:
    inputs, hidden, cell_state, weights, lengths, masks = arguments[:_GIVEN]
    carry = Carry(*arguments[_GIVEN:_CARRY])
    cell, layers, reverse, packed, scale, clip, constants, present = arguments[_CARRY:_OPTIONS]
    given = Given(inputs, hidden, cell_state, with_absent(weights, present), lengths, masks, carry)
    return new_call(cell, given, layers, tuple(reverse), packed, scale, clip, tuple(constants or ())), given


def with_absent(weights: Sequence[ValueT], present: Sequence[bool]) -> tuple[ValueT | None, ...]:
    """Return ``weights`` with None in the places that are not ``present``."""
    remaining = iter(weights)
    return tuple([next(remaining) if there else None for there in present])


@torch.library.custom_op(
    "nurt::recurrence",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_SCHEMA}, bool keep) -> (Tensor, Tensor, Tensor, Tensor)",
)
def _recurrence(*arguments: Any) -> tuple[Tensor, ...]:
    # Compiled code may have been made outside the block that records.
    if recording_wanted():
        raise _unrecorded()
    call, given = _understood(arguments)
    return empty_where_absent(engine.forward(call, given, keep=arguments[-1], clear=True), given.inputs)


@_recurrence.register_fake
def _(*arguments: Any) -> tuple[Tensor, ...]:
    call, given = _understood(arguments)
    return empty_where_absent(room(call, given, keep=arguments[-1]), given.inputs)


@torch.library.custom_op(
    "nurt::recurrence_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_SCHEMA}, Tensor outputs, Tensor kept, Tensor?[] grads, bool[] wanted) -> Tensor[]",
)
def _recurrence_backward(*arguments: Any) -> list[Tensor]:
    (call, given), (outputs, kept, grads, wanted) = _understood(arguments), arguments[_OPTIONS:]
    left = Left(outputs, outputs, None, kept)
    return list(empty_where_absent(engine.backward(call, given, left, grads, wanted), given.inputs))


@_recurrence_backward.register_fake
def _(*arguments: Any) -> list[Tensor]:
    _, given = _understood(arguments)
    return list(empty_where_absent(gradient_room(given, arguments[-1]), given.inputs))


_recurrence.register_vmap(per_member(torch.ops.nurt.recurrence))
_recurrence_backward.register_vmap(per_member(torch.ops.nurt.recurrence_backward))


def empty_where_absent(values: Sequence[Tensor | None], like: Tensor) -> tuple[Tensor, ...]:
    """Return ``values`` as an operator must: an absent one is an empty tensor."""
    return tuple(like.new_empty(0) if value is None else value for value in values)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    call, given = _understood(inputs)
    ctx.call = call
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[3 if CELLS[call.cell].has_cell else 2 :])
    outputs, _, _, kept = output
    ctx.save_for_backward(outputs, kept, given.lengths, given.masks, *given.carry, *given.differentiable)


def _gradient(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
    outputs, kept, lengths, masks, *carried = ctx.saved_tensors
    (*carry, inputs, hidden, cell_state), weights = carried[:6], carried[6:]
    call, given = ctx.call, Given(inputs, hidden, cell_state, tuple(weights), lengths, masks, Carry(*carry))
    needs = ctx.needs_input_grad
    present = [weight is not None for weight in weights]
    wanted = [*needs[:3], *[bool(need) for need in with_absent(needs[3], present)]]

    def back(grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        if torch.is_grad_enabled():
            return differentiable_gradients(call, given, grads, wanted)
        found: list[Tensor] = torch.ops.nurt.recurrence_backward(
            *_arguments(call, given), outputs, kept, list(grads), wanted
        )
        return found

    found = back(grads[:3]) if torch.compiler.is_compiling() else one_by_one(grads[:3], back)
    of = [value if want else None for value, want in zip(found, wanted, strict=True)]
    of_weights = [value for value, there in zip(of[3:], present, strict=True) if there]
    return *of[:3], of_weights, *[None] * (_OPTIONS - 3)


_recurrence.register_autograd(_gradient, setup_context=_setup)


def differentiable_gradients(
    call: Call, given: Given, grads: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Return the gradients of ``given.differentiable`` as functions that can be differentiated again.

    Args:
        call: as in the forward call.
        given: as in the forward call, the masks of dropout included.
        grads: of the outputs, the final hidden and the final cell states; None for zero.
        wanted: of which of ``given.differentiable`` the gradients are asked for.

    Raises:
        UnavailableError: there is no adjoint of the recurrence.
    """
    # Views, so that a gradient does not run on from one argument into another that it was made of.
    inputs, hidden, cell_state, *weights = (None if t is None else t.view_as(t) for t in given.differentiable)
    assert inputs is not None
    given = given._replace(inputs=inputs, hidden=hidden, cell_state=cell_state, weights=tuple(weights))
    results = _by_the_adjoint(call, given)
    pairs = [(value, grad) for value, grad in zip(results, grads, strict=False) if grad is not None]
    tensors = given.differentiable
    asked = [tensor for tensor, want in zip(tensors, wanted, strict=True) if want and tensor is not None]
    found = iter(
        torch.autograd.grad(
            [value for value, _ in pairs],
            asked,
            [grad for _, grad in pairs],
            create_graph=True,
            materialize_grads=True,
        )
    )
    return [next(found) if want and tensor is not None else None for tensor, want in zip(tensors, wanted, strict=True)]


def _by_the_adjoint(call: Call, given: Given) -> list[Tensor]:
    """Return outputs and final states (L·D, B, ·)."""
    known = RECURRENCES.get(call.cell)
    if known is None:
        raise UnavailableError(
            f"nurt.kernels: the native engine has no second derivatives of {call.cell}.",
            expected=f"one of {', '.join(name for name in CELLS if name in RECURRENCES)}",
            got=call.cell,
            cure="Call backward without create_graph.",
        )
    recurrence: Recurrence[Any] = known.with_constants(call.constants)
    directions, spec, sizes = len(call.reverse), CELLS[call.cell], call.sizes
    padded, packed = _layout(call, given)
    states = [
        given.inputs.new_zeros(call.layers * directions, sizes.batch, size) if field is None else field
        for field, size in ((given.hidden, sizes.outputs), (given.cell_state, sizes.hidden))[
            : 2 if spec.has_cell else 1
        ]
    ]
    options = StepOptions(*given.carry, gradient_clip=call.gradient_clip)

    def between(values: Tensor, depth: int) -> Tensor:
        if given.masks is None:
            return values
        mask = given.masks[depth - 1]
        keeping = padded(mask if call.packed else mask.transpose(0, 1))
        return values * (keeping.to(values.dtype) * call.scale)

    def run_side(inputs: Tensor, state: Any, weights: Weights, reverse: bool) -> tuple[Tensor, Any]:
        return adjoint.run(recurrence, inputs, state, weights, lengths=given.lengths, reverse=reverse, options=options)

    outputs, finals = each_side(
        recurrence, _sides(call, given), padded(given.inputs), states, run_side, between, call.reverse
    )
    return [packed(outputs), *finals]


def _sides(call: Call, given: Given) -> list[list[Weights]]:
    """Return the weights per layer, per direction."""
    names, directions = CELLS[call.cell].fields, len(call.reverse)
    flat = [
        Weights(**dict(zip(names, given.weights[first : first + len(names)], strict=True)))  # type: ignore[arg-type]  # the first two are never None
        for first in range(0, len(given.weights), len(names))
    ]
    return [flat[first : first + directions] for first in range(0, len(flat), directions)]


def _layout(call: Call, given: Given) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Return how data become (B, T, ·) for the adjoint, and how they come back."""
    lengths = given.lengths
    if not call.packed or lengths is None:
        return (lambda values: values), (lambda values: values)
    sizes = batch_sizes_of(lengths)
    return (
        lambda values: pad_packed_sequence(PackedSequence(values, sizes), batch_first=True)[0],
        lambda values: pack_padded_sequence(values, lengths, batch_first=True).data,
    )
