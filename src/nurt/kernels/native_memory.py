"""Room for a native call, and how the one flat piece that is kept for the backward pass is divided.

Every tensor that the engine writes per step is time-major in memory: what one step touches lies together. The kept
piece holds, layer by layer, the gates and cell states of each direction and the outputs that go up to the next layer,
each as rows × columns, one row per step of each sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.kernels.native_calls import CELLS, Call, Given, Left

__all__ = ["Place", "gradient_room", "kept_piece", "places", "room", "stepwise"]


class Place(NamedTuple):
    """Where the pieces of one layer begin in the kept memory, in columns; None where there is no such piece.

    Attributes:
        gates: per direction.
        cells: per direction.
        outputs: of the layer; None for the highest, whose outputs are a tensor of their own.
    """

    gates: tuple[int | None, ...]
    cells: tuple[int | None, ...]
    outputs: int | None


@lru_cache(maxsize=1024)
def places(cell: str, layers: int, directions: int, hidden_size: int, keep: bool) -> tuple[Place, ...]:
    """Return the place of each layer; without ``keep`` lower outputs take turns in two pieces, and that is all."""
    width, result, end = directions * hidden_size, [], 0
    gates, cells = _columns(cell, hidden_size) if keep else (0, 0)
    for layer in range(layers):
        sides: list[tuple[int | None, int | None]] = []
        for _ in range(directions):
            sides.append((end if gates else None, end + gates if cells else None))
            end += gates + cells
        outputs = None
        if layer + 1 < layers:
            outputs = end if keep else layer % 2 * width
            end += width if keep else 0
        result.append(Place(tuple(side[0] for side in sides), tuple(side[1] for side in sides), outputs))
    return tuple(result)


def room(call: Call, given: Given, *, keep: bool) -> Left:
    """Return room for what a forward call leaves behind."""
    batch, rows, _, hidden_size = given.sizes()
    directions = len(call.reverse)
    state = (call.layers * directions, batch, hidden_size)
    spec, like = CELLS[call.cell], given.inputs
    width = directions * hidden_size
    if keep:
        gates, cells = _columns(call.cell, hidden_size)
        columns = call.layers * directions * (gates + cells) + (call.layers - 1) * width
    else:
        columns = min(call.layers - 1, 2) * width
    return Left(
        stepwise(like, width),
        like.new_empty(state),
        like.new_empty(state) if spec.has_cell else None,
        None if isinstance(columns, int) and columns == 0 else like.new_empty(rows * columns),
    )


def gradient_room(given: Given, wanted: Sequence[bool]) -> list[Tensor | None]:
    """Return room for the gradients of the ``wanted`` ones of ``given.differentiable``, in their order."""
    inputs, *rest = given.differentiable
    assert inputs is not None
    return [
        stepwise(inputs, inputs.shape[-1]) if wanted[0] else None,
        *[
            _contiguous_like(tensor) if asked and tensor is not None else None
            for tensor, asked in zip(rest, wanted[1:], strict=True)
        ],
    ]


def kept_piece(given: Given, kept: Tensor, begin: int, columns: int) -> Tensor:
    """Return the piece of ``kept`` that begins at column ``begin``, (B, T, columns) or packed."""
    rows = given.sizes().rows
    piece = kept[rows * begin : rows * (begin + columns)]
    if given.inputs.dim() == 2:
        return piece.view(rows, columns)
    batch, time, _ = given.inputs.shape
    return piece.view(time, batch, columns).transpose(0, 1)


def stepwise(inputs: Tensor, columns: int) -> Tensor:
    """Return room for ``columns`` numbers per step of ``inputs``."""
    if inputs.dim() == 2:
        return inputs.new_empty((inputs.shape[0], columns))
    batch, time, _ = inputs.shape
    return inputs.new_empty_strided((batch, time, columns), (columns, batch * columns, 1))


def _contiguous_like(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor) if tensor.is_contiguous() else tensor.new_empty(tensor.shape)


def _columns(cell: str, hidden_size: int) -> tuple[int, int]:
    """Return the columns of the gates and of the cell states that one direction of one layer keeps."""
    spec = CELLS[cell]
    return len(spec.recorded) * hidden_size, hidden_size if spec.has_cell else 0
