"""The two native calls: all layers and directions forward, and all of them backward. Nothing is differentiated here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nurt.kernels.native.call import CELLS, ENGINE, NOTHING, SCALARS, Call, Carry, Given, Left, check, instruction_set
from nurt.kernels.native.memory import extents, gradient_room, places, room
from nurt.kernels.native.recording import gradient_rooms, record_forward, record_gradients
from nurt.kernels.recording import Recording

__all__ = ["backward", "forward"]

# Attributes of the engine's Side that every cell has; what else a cell learns is a list.
_DENSE = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_DENSE_GRADIENTS = tuple(f"grad_{name}" for name in _DENSE)


def forward(
    call: Call,
    given: Given,
    *,
    keep: bool,
    clear: bool = False,
    recordings: Sequence[Recording] | None = None,
) -> Left:
    """Run all layers over all of time.

    Args:
        call: what to run.
        given: on what.
        keep: leave gates and cell states for a backward call.
        clear: also zero what is kept past the ends of the rows, which no backward call reads.
        recordings: one per layer and direction, to be filled.

    Returns:
        Outputs and final states, and what was kept.

    Raises:
        ShapeError, NurtTypeError: tensors that do not fit each other.
    """
    check(call, given)
    given = _readable(given)
    keep = keep or recordings is not None
    left = room(call, given, keep=keep)
    if call.sizes.batch > 0:
        stack = _described(call, given, left, keep=keep)
        stack.clear_past_end = clear or recordings is not None
        stack.final_hidden = left.hidden.data_ptr()
        if left.cell is not None:
            stack.final_cell = left.cell.data_ptr()
        stack.memory = _memory(given, left)
        ENGINE.forward(instruction_set(), stack)
    if recordings is not None:
        record_forward(call, given, left, recordings)
    return left


def backward(
    call: Call,
    given: Given,
    left: Left,
    grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
    recordings: Sequence[Recording] | None = None,
) -> list[Tensor | None]:
    """Run all layers backward over all of time.

    Args:
        call: as in the forward call.
        given: as in the forward call.
        left: what the forward call returned and kept.
        grads: of the outputs, the final hidden and the final cell states; None for zero.
        wanted: of which of ``given.differentiable`` the gradients are asked for.
        recordings: those of the forward call, to be filled with total gradients.

    Returns:
        The gradients of ``given.differentiable``, None where not wanted.
    """
    given = _readable(given)
    results = gradient_room(given, wanted)
    if call.sizes.batch == 0:
        return [None if result is None else result.zero_() for result in results]
    stack = _described(call, given, left, keep=True)
    # Held by name until the call returns: an address does not keep its tensor alive.
    grad_outputs = None if grads[0] is None else _streamed(grads[0])
    grad_hidden, grad_cell = _dense(grads[1]), _dense(grads[2])
    if grad_outputs is not None:
        stack.grad_outputs = _rows(grad_outputs)
    for name, tensor in (
        ("grad_final_hidden", grad_hidden),
        ("grad_final_cell", grad_cell),
        ("grad_inputs", results[0]),
        ("grad_initial_hidden", results[1]),
        ("grad_initial_cell", results[2]),
    ):
        if tensor is not None:
            setattr(stack, name, tensor.data_ptr())
    count = len(CELLS[call.cell].fields)
    for index in range(call.layers * len(call.reverse)):
        side = stack.side(*divmod(index, len(call.reverse)))
        found = results[3 + index * count : 3 + (index + 1) * count]
        _address(side, _DENSE_GRADIENTS, found)
        for place, tensor in enumerate(found[4:]):
            if tensor is not None:
                side.grad_learned(place, tensor.data_ptr())
    rooms = None if recordings is None else gradient_rooms(call, given)
    if rooms is not None:
        for layer, between in enumerate(rooms.between):
            stack.layer(layer).grad_outputs = between.data_ptr()
        for index, totals in enumerate(rooms.totals):
            _address(stack.side(*divmod(index, len(call.reverse))), ("total_grad_hidden", "total_grad_cell"), totals)
    more = [grad_hidden, grad_cell, *results]
    if rooms is not None:
        more += [*rooms.between, *[total for pair in rooms.totals for total in pair]]
    stack.memory = _memory(given, left) + extents(more, (grad_outputs,))
    ENGINE.backward(instruction_set(), stack)
    if recordings is not None and rooms is not None:
        record_gradients(call, given, grads, rooms, recordings)
    return results


def _described(call: Call, given: Given, left: Left, *, keep: bool) -> Any:
    """Return the call as the engine wants it, but for what belongs to one pass alone."""
    inputs, directions, spec = given.inputs, len(call.reverse), CELLS[call.cell]
    batch, time, rows, features, units, width = call.sizes
    stack = ENGINE.Stack(
        spec.code,
        SCALARS[inputs.dtype],
        torch.get_num_threads(),
        call.packed,
        batch,
        time,
        features,
        units,
        width,
        call.layers,
        call.reverse,
        0 if given.lengths is None else given.lengths.data_ptr(),
    )
    stack.inputs = _rows(inputs)
    stack.scale = call.scale
    if call.gradient_clip is not None:
        stack.gradient_clip = call.gradient_clip
    if call.constants:
        stack.constants = call.constants
    _address(stack, ("initial_hidden", "initial_cell"), (given.hidden, given.cell_state))
    count = len(spec.fields)
    kept = 0 if left.kept is None else left.kept.data_ptr()
    column = rows * inputs.element_size()
    for layer, place in enumerate(places(call, given, keep=keep)):
        level = stack.layer(layer)
        level.outputs = left.outputs.data_ptr() if place.outputs is None else kept + column * place.outputs
        if layer and given.masks is not None:
            level.mask = given.masks.data_ptr() + (layer - 1) * rows * directions * width
        for direction in range(directions):
            side = stack.side(layer, direction)
            first = (layer * directions + direction) * count
            _address(side, _DENSE, given.weights[first : first + 4])
            for index, tensor in enumerate(given.weights[first + 4 : first + count]):
                if tensor is not None:
                    side.learned(index, tensor.data_ptr())
            for name, begin in place.sides[direction].items():
                setattr(side, name, kept + column * begin)
    if given.carry is not NOTHING:
        _carry_over(stack.side(0, 0), given.carry)
    return stack


def _memory(given: Given, left: Left) -> list[int]:
    """Return where the tensors of both passes lie, for the engine to look whether its sizes fit them."""
    inputs, hidden, cell_state, weights, lengths, masks, carry = given
    dense = (*weights, hidden, cell_state, lengths, masks, carry.hidden_mask, *left)
    return extents(dense, (inputs,) if carry is NOTHING else (inputs, *carry[1:]))


def _carry_over(side: Any, carry: Carry) -> None:
    if carry.hidden_mask is not None:
        side.hidden_mask = carry.hidden_mask.data_ptr()
    if carry.keep_hidden is not None:
        side.keep_hidden = _rows(carry.keep_hidden)
    if carry.keep_cell is not None:
        side.keep_cell = _rows(carry.keep_cell)


def _address(target: Any, names: tuple[str, ...], tensors: Sequence[Tensor | None]) -> None:
    """Set the addresses of those of the first ``tensors`` that are present."""
    for name, tensor in zip(names, tensors, strict=False):
        if tensor is not None:
            setattr(target, name, tensor.data_ptr())


def _rows(tensor: Tensor) -> tuple[int, int, int]:
    strides = tensor.stride()
    return (tensor.data_ptr(), strides[0], strides[1] if len(strides) == 3 else 0)


def _readable(given: Given) -> Given:
    """Return ``given`` as the engine can read it; copied only where there are gaps."""
    inputs, hidden, cell_state, weights, lengths, masks, carry = given
    return Given(
        _streamed(inputs),
        _dense(hidden),
        _dense(cell_state),
        tuple([_dense(weight) for weight in weights]),
        lengths if lengths is None else lengths.contiguous(),
        masks,
        carry if carry is NOTHING else Carry(_dense(carry[0]), *[v if v is None else _streamed(v) for v in carry[1:]]),
    )


def _streamed(tensor: Tensor) -> Tensor:
    """Return ``tensor`` with a contiguous last axis."""
    tensor = tensor.resolve_neg()
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def _dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.resolve_neg().contiguous()
