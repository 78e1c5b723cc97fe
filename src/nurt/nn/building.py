"""A stack from a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nurt.errors import NurtValueError
from nurt.nn.cells import CELLS, AbstractCell, ElmanCell
from nurt.nn.cells.base import positive_size
from nurt.nn.layers import AbstractLayer, Bidirectional, Recurrent, Stack

__all__ = ["build"]

CellFactory = Callable[[int, int], AbstractCell[Any]]


def build(
    cell: str | CellFactory,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    dropout: float = 0.0,
    *,
    bidirectional: bool = False,
    nonlinearity: str | None = None,
) -> Stack:
    """Build layers of one kind of cell.

    Args:
        cell: a key of ``nurt.nn.CELLS``, for example "lstm"; or a callable ``(input_size, hidden_size) -> cell`` for
            any other.
        input_size: I, features of an input of the lowest layer.
        hidden_size: H, of every cell.
        num_layers: L.
        dropout: probability between layers, see :class:`Stack`.
        bidirectional: whether each layer also runs backwards; its outputs then have 2·H features.
        nonlinearity: "tanh" (the default), "relu" or "sigmoid", for "elman" alone.

    Returns:
        ``outputs (B, T, ·), state = stack(inputs (B, T, I))``.

    Raises:
        NurtValueError, NurtTypeError: unknown cell, or an argument out of range or not used by that cell.

    Example:
        >>> outputs, state = build("lstm", 1, 50, num_layers=3, dropout=0.2)(torch.randn(32, 60, 1))
        >>> outputs.shape
        torch.Size([32, 60, 50])
    """
    make = _factory(cell, nonlinearity)
    layers: list[AbstractLayer] = []
    for _ in range(positive_size("nurt.nn.build", "num_layers", num_layers)):
        features = layers[-1].output_size if layers else input_size
        if bidirectional:
            layers.append(Bidirectional(make(features, hidden_size), make(features, hidden_size)))
        else:
            layers.append(Recurrent(make(features, hidden_size)))
    return Stack(layers, dropout)


def _factory(cell: str | CellFactory, nonlinearity: str | None) -> CellFactory:
    if nonlinearity is not None:
        if cell != "elman":
            raise NurtValueError(
                "nurt.nn.build: `nonlinearity` is an option of the cell 'elman' alone.",
                expected="nonlinearity=None",
                got=f"{nonlinearity!r} with {cell!r}",
            )
        return lambda features, hidden: ElmanCell(features, hidden, nonlinearity=nonlinearity)
    if callable(cell):
        return cell
    if cell not in CELLS:
        raise NurtValueError(
            "nurt.nn.build: unknown cell.",
            expected=f"one of {', '.join(map(repr, CELLS))}, or a callable (input_size, hidden_size) -> cell",
            got=repr(cell),
        )
    return CELLS[cell]
