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
    """Where the pieces of one layer begin in the kept memory, in columns.

    Attributes:
        sides: per direction, the pieces by their names in the engine's Side.
        outputs: of the layer; None for the highest, whose outputs are a tensor of their own.
    """

    sides: tuple[dict[str, int], ...]
    outputs: int | None


def places(call: Call, given: Given, *, keep: bool) -> tuple[Place, ...]:
    """Return the place of each layer; without ``keep`` lower outputs take turns in two pieces, and that is all."""
    _, _, _, units, columns = given.sizes(call.cell)
    pieces = _kept(call, given) if keep else ()
    return _places(call.layers, len(call.reverse), units, columns, pieces, keep)


@lru_cache(maxsize=1024)
def _places(
    layers: int, directions: int, units: int, columns: int, pieces: tuple[_Piece, ...], keep: bool
) -> tuple[Place, ...]:
    width, result, end = directions * columns, [], 0
    for layer in range(layers):
        sides = []
        for _ in range(directions):
            side = {}
            for name, blocks, more in pieces:
                side[name] = end
                end += blocks * units + more
            sides.append(side)
        outputs = None
        if layer + 1 < layers:
            outputs = end if keep else layer % 2 * width
            end += width if keep else 0
        result.append(Place(tuple(sides), outputs))
    return tuple(result)


def room(call: Call, given: Given, *, keep: bool) -> Left:
    """Return room for what a forward call leaves behind."""
    batch, rows, _, units, width = given.sizes(call.cell)
    directions = len(call.reverse)
    spec, like = CELLS[call.cell], given.inputs
    width = directions * width
    if keep:
        pieces = sum([blocks * units + more for _, blocks, more in _kept(call, given)])
        columns = call.layers * directions * pieces + (call.layers - 1) * width
    else:
        columns = min(call.layers - 1, 2) * width
    sides = call.layers * directions
    return Left(
        stepwise(like, width),
        like.new_empty((sides, batch, width // directions)),
        like.new_empty((sides, batch, units)) if spec.has_cell else None,
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
    rows = given.inputs.shape[0] * (given.inputs.shape[1] if given.inputs.dim() == 3 else 1)
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


class _Piece(NamedTuple):
    """What one direction of one layer keeps: a name in the engine's Side, and H · ``blocks`` + ``more`` columns."""

    name: str
    blocks: int
    more: int = 0


def _kept(call: Call, given: Given) -> tuple[_Piece, ...]:
    """Return the pieces that one direction of one layer keeps."""
    return _kept_by(call.cell, given.carry.keep_hidden is not None, given.carry.keep_cell is not None)


@lru_cache(maxsize=128)
def _kept_by(cell: str, zoned_hidden: bool, zoned_cell: bool) -> tuple[_Piece, ...]:
    spec = CELLS[cell]
    pieces = [_Piece("gates", len(spec.recorded)), _Piece("cells", int(spec.has_cell))]
    # Where the outputs do not say what the step made.
    pieces.append(_Piece("made", int(spec.projected or (zoned_hidden and not spec.recorded))))
    pieces.append(_Piece("made_cells", int(spec.has_cell and zoned_cell)))
    if "norm_cell" in spec.extra:
        # As normal_columns in problem.h.
        pieces.append(_Piece("normals", 8, 4))
    return tuple(piece for piece in pieces if piece.blocks)
