"""Gradients of gradients: the stack again by the hand-written adjoint, differentiable to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nurt.errors import UnavailableError
from nurt.kernels.native_calls import CELLS, Call, Given
from nurt.kernels.native_recording import batch_sizes_of
from nurt.kernels.options import StepOptions
from nurt.kernels.recurrence import Weights
from nurt.kernels.reference import RECURRENCES, adjoint

__all__ = ["differentiable_gradients"]


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
    recurrence = RECURRENCES.get(call.cell)
    if recurrence is None:
        raise UnavailableError(
            f"nurt.kernels: the native engine has no second derivatives of {call.cell}.",
            expected=f"one of {', '.join(name for name in CELLS if name in RECURRENCES)}",
            got=call.cell,
            cure="Call backward without create_graph.",
        )
    directions, lengths = len(call.reverse), given.lengths
    padded, packed = _layout(call, given)
    spec, (batch, _, _, units, width) = CELLS[call.cell], given.sizes(call.cell)
    states = [
        given.inputs.new_zeros(call.layers * directions, batch, size) if field is None else field
        for field, size in ((given.hidden, width), (given.cell_state, units))[: 2 if spec.has_cell else 1]
    ]
    moments = list(zip(*states, strict=True))
    options = StepOptions(*given.carry, gradient_clip=call.gradient_clip)
    values, finals = padded(given.inputs), []
    for layer in range(call.layers):
        if layer and given.masks is not None:
            mask = given.masks[layer - 1]
            keeping = padded(mask if call.packed else mask.transpose(0, 1))
            values = values * (keeping.to(values.dtype) * call.scale)
        sides = []
        for direction, reverse in enumerate(call.reverse):
            side = layer * directions + direction
            fields = len(spec.fields)
            named = zip(spec.fields, given.weights[side * fields : (side + 1) * fields], strict=True)
            weights = Weights(**dict(named))  # type: ignore[arg-type]  # the first two are never None
            outputs, final = adjoint.run(
                recurrence,
                values,
                recurrence.state(*moments[side]),
                weights,
                lengths=lengths,
                reverse=reverse,
                options=options,
            )
            sides.append(outputs)
            finals.append(final)
        values = torch.cat(sides, dim=-1)
    return [packed(values), *(torch.stack(fields) for fields in zip(*finals, strict=True))]


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
