"""What a native call writes into its recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.kernels.native.call import CELLS, Call, Given, Left
from nurt.kernels.native.memory import kept_piece, places, stepwise
from nurt.kernels.recording import Recording, enter
from nurt.kernels.recurrence import Weights, positions_within

__all__ = ["GradientRooms", "batch_sizes_of", "gradient_rooms", "new_recordings", "record_forward", "record_gradients"]


def new_recordings(call: Call) -> list[Recording]:
    """Return recordings for a call, entered into the open block."""
    made = [
        Recording(call.cell, layer, "backward" if reverse else "forward", constants=call.constants)
        for layer in range(call.layers)
        for reverse in call.reverse
    ]
    enter(made)
    return made


def record_forward(call: Call, given: Given, left: Left, recordings: Sequence[Recording]) -> None:
    """Fill in what the forward call computed and kept."""
    spec, directions = CELLS[call.cell], len(call.reverse)
    units, width = call.sizes.hidden, call.sizes.outputs
    batch_sizes = batch_sizes_of(given.lengths) if call.packed and given.lengths is not None else None
    below = given.inputs.detach()
    for layer, place in enumerate(places(call, given, keep=True)):
        outputs = left.outputs.detach()
        if place.outputs is not None:
            assert left.kept is not None
            outputs = kept_piece(call, left.kept, place.outputs, directions * width)
        for direction, record in enumerate(recordings[layer * directions : (layer + 1) * directions]):
            side = layer * directions + direction
            record.lengths, record.batch_sizes = given.lengths, batch_sizes
            record.inputs, record.weights = below, _weights(call.cell, given, side)
            record.initial = _moment((given.hidden, given.cell_state), side)
            record.hidden = outputs[..., direction * width : (direction + 1) * width]
            begin = place.sides[direction]
            if "gates" in begin:
                assert left.kept is not None
                blocks = kept_piece(call, left.kept, begin["gates"], len(spec.recorded) * units)
                record.gates = dict(zip(spec.recorded, torch.split(blocks, units, dim=-1), strict=True))
            if "cells" in begin:
                assert left.kept is not None
                record.cell = kept_piece(call, left.kept, begin["cells"], units)
        below = outputs if given.masks is None or layer + 1 == call.layers else _dropped(call, given, outputs, layer)


class GradientRooms(NamedTuple):
    """Room for gradients that only a recording wants.

    Attributes:
        between: of the outputs of every layer but the highest, D·P numbers per step.
        totals: of the hidden and the cell state, per layer and direction.
    """

    between: list[Tensor]
    totals: list[tuple[Tensor, Tensor | None]]


def gradient_rooms(call: Call, given: Given) -> GradientRooms:
    """Return room for the direct gradients between layers and for the total gradients."""
    units, width = call.sizes.hidden, call.sizes.outputs
    directions, has_cell = len(call.reverse), CELLS[call.cell].has_cell
    return GradientRooms(
        [stepwise(given.inputs, directions * width) for _ in range(call.layers - 1)],
        [
            (stepwise(given.inputs, width), stepwise(given.inputs, units) if has_cell else None)
            for _ in range(call.layers * directions)
        ],
    )


def record_gradients(
    call: Call, given: Given, grads: Sequence[Tensor | None], rooms: GradientRooms, recordings: Sequence[Recording]
) -> None:
    """Fill in what the backward call was given, of the highest layer and the final states, and what it found."""
    width, directions = call.sizes.outputs, len(call.reverse)
    direct = [*rooms.between, _without_padding(call, given, grads[0])]
    for side, record in enumerate(recordings):
        layer, direction = divmod(side, directions)
        record.grad_hidden, record.grad_cell = rooms.totals[side]
        outputs, columns = direct[layer], slice(direction * width, (direction + 1) * width)
        record.grad_outputs = torch.zeros_like(rooms.totals[side][0]) if outputs is None else outputs[..., columns]
        record.grad_final = _moment(grads[1:], side)


def batch_sizes_of(lengths: Tensor) -> Tensor:
    """Return how many rows of falling ``lengths`` are alive at each step, as a packed sequence wants it."""
    steps = torch.arange(int(lengths[0]))
    return (steps.unsqueeze(1) < lengths).sum(1)


def _weights(cell: str, given: Given, side: int) -> Weights:
    """Return the weights of one layer and direction as they are now: an optimizer may change them in place."""
    names = CELLS[cell].fields
    fields = given.weights[side * len(names) : (side + 1) * len(names)]
    copies = (None if weight is None else weight.detach().clone() for weight in fields)
    return Weights(**dict(zip(names, copies, strict=True)))  # type: ignore[arg-type]  # the first two are never None


def _moment(states: Sequence[Tensor | None], side: int) -> dict[str, Tensor]:
    """Return hidden and cell state of one layer and direction by name, without those that are absent."""
    named = zip(("hidden", "cell"), states, strict=True)
    return {name: state[side].detach() for name, state in named if state is not None}


def _without_padding(call: Call, given: Given, grad: Tensor | None) -> Tensor | None:
    """Return the gradient of the outputs with zeros past the ends, where the outputs do not depend on anything."""
    if grad is None or call.packed or given.lengths is None:
        return None if grad is None else grad.detach()
    within = positions_within(given.lengths, grad.shape[1])
    return grad.detach().masked_fill(~within.unsqueeze(-1), 0)


def _dropped(call: Call, given: Given, outputs: Tensor, layer: int) -> Tensor:
    """Return what of ``outputs`` dropout lets through to the layer above."""
    assert given.masks is not None
    mask = given.masks[layer]
    keeping = mask if call.packed else mask.transpose(0, 1)
    return outputs * (keeping.to(outputs.dtype) * call.scale)
