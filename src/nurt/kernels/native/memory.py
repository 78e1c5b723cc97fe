"""Memory of a native call, and how the one flat piece that is kept for the backward pass is divided.

Every tensor that the engine writes per step is time-major in memory: what one step touches lies together. The kept
piece holds, layer by layer, the gates and cell states of each direction and the outputs that go up to the next layer,
each as rows × columns, one row per step of each sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.kernels.native.call import CELLS, NOTHING, Call, Given, Left

__all__ = ["LayerPlaces", "extents", "gradient_room", "kept_piece", "places", "room", "stepwise"]


class LayerPlaces(NamedTuple):
    """Where the pieces of one layer begin in the kept memory, in columns.

    Attributes:
        sides: per direction, the pieces by their names in the engine's Side.
        outputs: of the layer; None for the highest, whose outputs are a tensor of their own.
    """

    sides: tuple[dict[str, int], ...]
    outputs: int | None


def places(call: Call, given: Given, *, keep: bool) -> tuple[LayerPlaces, ...]:
    """Return the places of each layer; without ``keep`` lower outputs take turns in two pieces, and that is all."""
    sizes = call.sizes
    pieces = _kept(call.cell, *_zoned(given)) if keep else ()
    return _places(call.layers, len(call.reverse), sizes.hidden, sizes.outputs, pieces, keep)


@lru_cache(maxsize=1024)
def _places(
    layers: int, directions: int, units: int, columns: int, pieces: tuple[_Piece, ...], keep: bool
) -> tuple[LayerPlaces, ...]:
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
        result.append(LayerPlaces(tuple(sides), outputs))
    return tuple(result)


def room(call: Call, given: Given, *, keep: bool) -> Left:
    """Return room for what a forward call returns and keeps."""
    batch, _, rows, _, units, outputs = call.sizes
    like, layers, directions = given.inputs, call.layers, len(call.reverse)
    sides, width = layers * directions, directions * outputs
    # Not cached by the sizes: under torch.compile they may be symbols.
    if keep:
        pieces = sum([blocks * units + more for _, blocks, more in _kept(call.cell, *_zoned(given))])
        columns = sides * pieces + (layers - 1) * width
    else:
        columns = min(layers - 1, 2) * width
    return Left(
        stepwise(like, width),
        like.new_empty((sides, batch, outputs)),
        like.new_empty((sides, batch, units)) if CELLS[call.cell].has_cell else None,
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


def kept_piece(call: Call, kept: Tensor, begin: int, columns: int) -> Tensor:
    """Return the piece of ``kept`` that begins at column ``begin``, (B, T, columns) or packed."""
    batch, time, rows, *_ = call.sizes
    piece = kept[rows * begin : rows * (begin + columns)]
    return piece.view(rows, columns) if call.packed else piece.view(time, batch, columns).transpose(0, 1)


def extents(dense: Iterable[Tensor | None], strided: Iterable[Tensor | None] = ()) -> list[int]:
    """Return address and bytes of each tensor that is present, one after the other: all that the engine may touch.

    Args:
        dense: tensors without gaps.
        strided: tensors with any strides, whose whole storage is given.
    """
    spans = [tensor for tensor in dense if tensor is not None]
    storages = []
    for tensor in strided:
        if tensor is None:
            continue
        if tensor.is_contiguous():
            spans.append(tensor)
        else:
            storages.append(tensor.untyped_storage())
    # Slices of the list, because a step of a tiny network takes as long as making it number by number.
    found = [0] * (2 * len(spans))
    found[::2] = [*map(Tensor.data_ptr, spans)]
    found[1::2] = [tensor.nbytes for tensor in spans]
    for storage in storages:
        found += (storage.data_ptr(), storage.nbytes())
    return found


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


def _zoned(given: Given) -> tuple[bool, bool]:
    """Return whether zoneout acts on the hidden and on the cell state."""
    carry = given.carry
    return (False, False) if carry is NOTHING else (carry.keep_hidden is not None, carry.keep_cell is not None)


@lru_cache(maxsize=128)
def _kept(cell: str, zoned_hidden: bool, zoned_cell: bool) -> tuple[_Piece, ...]:
    """Return the pieces that one direction of one layer keeps."""
    spec = CELLS[cell]
    pieces = [_Piece("gates", len(spec.recorded)), _Piece("cells", int(spec.has_cell))]
    # Where the outputs do not say what the step made.
    pieces.append(_Piece("made", int(spec.projected or (zoned_hidden and not spec.recorded))))
    pieces.append(_Piece("made_cells", int(spec.has_cell and zoned_cell)))
    # As normal_columns in problem.h.
    pieces.append(_Piece("normals", 8 if spec.normalised else 0, 4))
    return tuple(piece for piece in pieces if piece.blocks)
