"""The dense weights of a whole layer, per layer and direction: taken from a layer, or a layer made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, ShapeError, UnavailableError
from nurt.kernels import Weights
from nurt.nn.cells import ElmanCell, ResetBeforeGRUCell
from nurt.nn.cells.base import DenseCell
from nurt.nn.compat import GRU, LSTM, RNN
from nurt.nn.dropin import AbstractDropIn
from nurt.nn.layers import AbstractLayer, Bidirectional, Recurrent, Stack

__all__ = ["built_layer", "taken_weights"]


def built_layer(where: str, name: str, layers: list[list[Weights]]) -> nn.Module:
    """Return a layer with these weights.

    Args:
        where: name of the call, for messages.
        name: of the recurrence.
        layers: per layer, per direction; rows in nurt's order of gates.

    Returns:
        A drop-in layer with ``batch_first=True``, or layers of cells where torch has none.

    Raises:
        ShapeError: weights that do not fit each other.
    """
    first = layers[0][0]
    shape = len(layers), first.weight_hh.shape[1], first.bias_ih is not None, len(layers[0])
    depth, hidden, bias, directions = shape
    kinds: dict[str, Callable[..., AbstractDropIn]] = {"lstm": LSTM, "gru": GRU, "elman_tanh": RNN, "elman_relu": RNN}
    features = first.weight_ih.shape[1]
    options: dict[str, Any] = {"bias": bias, "dtype": first.weight_ih.dtype}
    layer: nn.Module
    targets: list[list[Weights]]
    if name in kinds:
        if name == "elman_relu":
            options["nonlinearity"] = "relu"
        layer = drop_in = kinds[name](
            features, hidden, depth, batch_first=True, bidirectional=directions == 2, **options
        )
        targets = drop_in._weights()
    else:
        if name == "elman_sigmoid":
            options["nonlinearity"] = "sigmoid"
        kind: Any = ElmanCell if name == "elman_sigmoid" else ResetBeforeGRUCell
        widths = [features] + [hidden * directions] * (depth - 1)
        cells = [[kind(width, hidden, **options) for _ in range(directions)] for width in widths]
        parts = [Recurrent(*sides) if directions == 1 else Bidirectional(*sides) for sides in cells]
        layer = parts[0] if depth == 1 else Stack(parts)
        targets = [[cell.weights for cell in sides] for sides in cells]
    with torch.no_grad():
        for sides, own in zip(layers, targets, strict=True):
            if len(sides) != len(own):
                raise ShapeError(f"{where}: layers differ in directions.", expected=str(len(own)), got=str(len(sides)))
            for given, target in zip(sides, own, strict=True):
                for field, one, other in zip(Weights._fields, given, target, strict=True):
                    _copy(where, field, one, other)
    return layer


def _copy(where: str, field: str, given: Tensor | None, target: Tensor | None) -> None:
    if given is None and target is None:
        return
    if given is None or target is None or given.shape != target.shape:
        raise ShapeError(
            f"{where}: the arrays do not fit each other.",
            expected=f"{field} {'absent' if target is None else tuple(target.shape)}",
            got="absent" if given is None else str(tuple(given.shape)),
        )
    target.copy_(given)


def taken_weights(where: str, layer: nn.Module, known: Mapping[str, Any]) -> tuple[str, list[list[Weights]]]:
    """Return the recurrence of a layer and its weights, per layer, per direction.

    Raises:
        NurtTypeError: no layer of nurt.
        UnavailableError: its recurrence is not among those ``known``, or it is no stack of dense layers.
    """
    if isinstance(layer, AbstractDropIn):
        names, weights = {layer.recurrence.name}, layer._weights()
    elif isinstance(layer, AbstractLayer):
        cells = [_cells(where, part) for part in (layer.layers if isinstance(layer, Stack) else [layer])]
        names, weights = (
            {cell.recurrence.name for sides in cells for cell in sides},
            [[cell.weights for cell in sides] for sides in cells],
        )
    else:
        raise NurtTypeError(
            f"{where}: no layer of nurt.",
            expected="RNN, LSTM, GRU, Recurrent, Bidirectional or Stack",
            got=type(layer).__name__,
            cure="Convert a layer of torch with nurt.nn.from_torch.",
        )
    if len(names) > 1 or not names <= known.keys():
        raise UnavailableError(
            f"{where}: there is no such layer on the other side.",
            expected=f"layers of one of {', '.join(known)}",
            got=", ".join(sorted(names)),
        )
    return names.pop(), weights


def _cells(where: str, layer: nn.Module) -> list[DenseCell[Any]]:
    found: list[Any] = []
    if isinstance(layer, Recurrent) and not layer.reverse:
        found = [layer.cell]
    elif isinstance(layer, Bidirectional):
        found = [layer.forward_cell, layer.backward_cell]
    if not found or not all(isinstance(cell, DenseCell) for cell in found):
        raise UnavailableError(
            f"{where}: there is no such layer on the other side.",
            expected="dense cells, forwards or in both directions",
            got=type(layer).__name__,
        )
    return found
