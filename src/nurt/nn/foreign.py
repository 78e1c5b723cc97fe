"""Weights of other libraries: Keras' lists and ONNX's tensors, to layers of nurt and back.

Both have torch's equations; what differs is the order of the gates, which way a matrix lies, and how biases are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import Weights
from nurt.nn.layer_weights import built_layer, taken_weights

__all__ = ["from_keras", "from_onnx", "to_keras", "to_onnx"]

Array = NDArray[Any]
# Per recurrence: the kind of Keras' layer, its gates as letters of nurt's order, and nurt's order.
_KERAS = {
    "lstm": ("LSTM", "ifgo", "ifgo"),
    "gru": ("GRU", "zrn", "rzn"),
    "reset_before_gru": ("GRU", "zrn", "rzn"),
    "elman_tanh": ("SimpleRNN", "h", "h"),
    "elman_relu": ("SimpleRNN", "h", "h"),
    "elman_sigmoid": ("SimpleRNN", "h", "h"),
}
_ONNX = {
    "lstm": ("LSTM", "iofg", "ifgo"),
    "gru": ("GRU", "zrn", "rzn"),
    "reset_before_gru": ("GRU", "zrn", "rzn"),
    "elman_tanh": ("RNN", "h", "h"),
    "elman_relu": ("RNN", "h", "h"),
    "elman_sigmoid": ("RNN", "h", "h"),
}
# By the number of arrays of one of Keras' layers: whether it has biases, and its directions.
_COUNTS = {2: (False, 1), 3: (True, 1), 4: (False, 2), 6: (True, 2)}


def from_keras(kind: str, weights: Sequence[Any], *, activation: str = "tanh", reset_after: bool = True) -> nn.Module:
    """Return nurt's layer with the weights of Keras' LSTM, GRU or SimpleRNN layers.

    Args:
        kind: "LSTM", "GRU" or "SimpleRNN", the class in Keras.
        weights: ``layer.get_weights()``, or a list of those, lowest layer first. Per direction a kernel (I, G·H), a
            recurrent kernel (H, G·H) and, with ``use_bias``, a bias (G·H,), (2, G·H) for a GRU with ``reset_after``.
            Gates stand side by side: i, f, c, o of an LSTM, z, r, h of a GRU. Those of a Bidirectional layer are the
            forward ones and then the backward ones; its outputs side by side (``merge_mode="concat"``) are nurt's.
        activation: of a SimpleRNN: "tanh", "relu" or "sigmoid". The other kinds have Keras' defaults.
        reset_after: as the GRU was built; Keras' own default is True.

    Returns:
        A drop-in layer with ``batch_first=True``, or, where torch has no such layer (a GRU with ``reset_after=False``,
        "sigmoid"), layers of cells. Keras' one bias becomes ``bias_ih``.

    Raises:
        NurtValueError: an unknown kind or activation.
        ShapeError, NurtTypeError: arrays that do not fit each other.

    Example:
        >>> arrays = [np.zeros((3, 20)), np.zeros((5, 20)), np.zeros(20)]
        >>> from_keras("LSTM", arrays)
        LSTM(3, 5, batch_first=True)
    """
    where = "nurt.nn.from_keras"
    name = _recurrence(where, {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "elman"}, kind, activation, reset_after)
    _, theirs, ours = _KERAS[name]
    lists = [weights] if len(weights) and isinstance(weights[0], np.ndarray | Tensor) else list(weights)
    layers = []
    for arrays in lists:
        if len(arrays) not in _COUNTS:
            raise ShapeError(f"{where}: not the arrays of one layer.", expected="2, 3, 4 or 6", got=str(len(arrays)))
        biased, directions = _COUNTS[len(arrays)]
        step = len(arrays) // directions
        sides = []
        for first in range(0, len(arrays), step):
            kernel, recurrent, *rest = (_tensor(where, one) for one in arrays[first : first + step])
            if kernel.dim() != 2 or recurrent.dim() != 2:
                raise ShapeError(
                    f"{where}: a kernel is no matrix.", expected="(I, G·H) and (H, G·H)", got=str(tuple(kernel.shape))
                )
            bias_ih = bias_hh = None
            if biased:
                pair = rest[0] if rest[0].dim() == 2 else torch.stack([rest[0], torch.zeros_like(rest[0])])
                bias_ih, bias_hh = (_reordered(one, theirs, ours) for one in pair)
            weight_ih, weight_hh = (_reordered(one.T, theirs, ours) for one in (kernel, recurrent))
            sides.append(Weights(weight_ih, weight_hh, bias_ih, bias_hh))
        layers.append(sides)
    return built_layer(where, name, layers)


def to_keras(layer: nn.Module) -> list[list[Array]]:
    """Return what ``set_weights`` of Keras' layers takes, one list per layer, lowest first.

    A layer in two directions gives the list of a Bidirectional layer. The two biases become one, their sum, but for
    the GRU, whose Keras twin has ``reset_after=True`` and both; ``ResetBeforeGRUCell`` is the one with
    ``reset_after=False``.

    Args:
        layer: a drop-in layer without projection, or Recurrent, Bidirectional or Stack of Elman, LSTM or GRU cells.

    Raises:
        UnavailableError: Keras has no such layer.
        NurtTypeError: no layer of nurt.

    Example:
        >>> [array.shape for array in to_keras(GRU(3, 5))[0]]
        [(3, 15), (5, 15), (2, 15)]
    """
    name, layers = taken_weights("nurt.nn.to_keras", layer, _KERAS)
    _, theirs, ours = _KERAS[name]
    lists = []
    for sides in layers:
        arrays = []
        for side in sides:
            arrays += [_reordered(side[place], ours, theirs).T for place in (0, 1)]  # type: ignore[arg-type]  # there
            if side.bias_ih is not None and side.bias_hh is not None:
                one, other = (_reordered(bias, ours, theirs) for bias in (side.bias_ih, side.bias_hh))
                arrays.append(torch.stack([one, other]) if name == "gru" else one + other)
        lists.append([array.detach().cpu().numpy().copy() for array in arrays])
    return lists


def from_onnx(
    operator: str,
    layers: Sequence[Mapping[str, ArrayLike]] | Mapping[str, ArrayLike],
    *,
    activation: str = "tanh",
    linear_before_reset: bool = False,
) -> nn.Module:
    """Return nurt's layer with the weights of ONNX's LSTM, GRU or RNN nodes.

    Args:
        operator: "LSTM", "GRU" or "RNN".
        layers: the tensors of one node by their names in ONNX, or of several, lowest first: "W" (D, G·H, I),
            "R" (D, G·H, H), and "B" (D, 2·G·H), first the biases of W, then those of R, or none. Gates stand one above
            the other: i, o, f, c of an LSTM, z, r, h of a GRU.
        activation: of an RNN: "tanh", "relu" or "sigmoid". The other operators have their default ones.
        linear_before_reset: attribute of the GRU; 0 is ONNX's default, 1 is torch's GRU.

    Returns:
        As for :func:`from_keras`.

    Raises:
        NurtValueError: an unknown operator or activation.
        ShapeError, NurtTypeError: tensors that do not fit each other.

    Example:
        >>> node = {"W": np.zeros((1, 15, 3)), "R": np.zeros((1, 15, 5)), "B": np.zeros((1, 30))}
        >>> from_onnx("GRU", node, linear_before_reset=True)
        GRU(3, 5, batch_first=True)
    """
    where = "nurt.nn.from_onnx"
    names = {"LSTM": "lstm", "GRU": "gru", "RNN": "elman"}
    name = _recurrence(where, names, operator, activation, bool(linear_before_reset))
    _, theirs, ours = _ONNX[name]
    nodes = [layers] if isinstance(layers, Mapping) else list(layers)
    found = []
    for node in nodes:
        tensors = {key: _tensor(where, node[key]) for key in ("W", "R", "B") if node.get(key) is not None}
        if not {"W", "R"} <= tensors.keys() or any(tensors[key].dim() != 3 for key in ("W", "R")):
            raise ShapeError(
                f"{where}: not the tensors of a node.", expected="W (D, G·H, I) and R (D, G·H, H)", got=str(list(node))
            )
        sides = []
        for direction in range(len(tensors["W"])):
            weight_ih, weight_hh = (_reordered(tensors[key][direction], theirs, ours) for key in ("W", "R"))
            biases: list[Tensor | None] = [None, None]
            if "B" in tensors:
                biases = [_reordered(half, theirs, ours) for half in tensors["B"][direction].chunk(2)]
            sides.append(Weights(weight_ih, weight_hh, *biases))
        found.append(sides)
    return built_layer(where, name, found)


def to_onnx(layer: nn.Module) -> list[dict[str, Array]]:
    """Return the tensors of ONNX's nodes, "W", "R" and, where there are biases, "B", one dictionary per layer.

    The operator is LSTM, GRU with ``linear_before_reset`` 1 (0 for ``ResetBeforeGRUCell``), or RNN; shapes and gates
    as for :func:`from_onnx`. A whole model goes to ONNX by :func:`nurt.nn.export.onnx`.

    Args:
        layer: as for :func:`to_keras`.

    Raises:
        UnavailableError: ONNX has no such node.
        NurtTypeError: no layer of nurt.

    Example:
        >>> {name: tensor.shape for name, tensor in to_onnx(LSTM(3, 5, bidirectional=True))[0].items()}
        {'W': (2, 20, 3), 'R': (2, 20, 5), 'B': (2, 40)}
    """
    name, layers = taken_weights("nurt.nn.to_onnx", layer, _ONNX)
    _, theirs, ours = _ONNX[name]

    def joined(parts: list[Tensor]) -> Array:
        return torch.stack(parts).detach().cpu().numpy().copy()

    nodes = []
    for sides in layers:
        node = {
            "W": joined([_reordered(side.weight_ih, ours, theirs) for side in sides]),
            "R": joined([_reordered(side.weight_hh, ours, theirs) for side in sides]),
        }
        biases = [[_reordered(bias, ours, theirs) for bias in side[2:4] if bias is not None] for side in sides]
        if all(biases):
            node["B"] = joined([torch.cat(pair) for pair in biases])
        nodes.append(node)
    return nodes


def _recurrence(where: str, names: Mapping[str, str], kind: str, activation: str, after: bool) -> str:
    """Return nurt's name of a recurrence of another library."""
    if kind not in names:
        raise NurtValueError(f"{where}: unknown kind of layer.", expected=" or ".join(map(repr, names)), got=repr(kind))
    name = names[kind]
    if name == "elman":
        name = f"elman_{activation}"
        if name not in _ONNX:
            raise NurtValueError(
                f"{where}: unknown `activation`.", expected="'tanh', 'relu' or 'sigmoid'", got=repr(activation)
            )
    elif activation != "tanh":
        raise NurtValueError(
            f"{where}: a {kind} has its standard activations here.", expected="'tanh'", got=repr(activation)
        )
    return "reset_before_gru" if name == "gru" and not after else name


def _tensor(where: str, given: Any) -> Tensor:
    tensor = torch.as_tensor(given) if isinstance(given, np.ndarray | Tensor) else torch.as_tensor(np.asarray(given))
    if not tensor.is_floating_point():
        raise NurtTypeError(
            f"{where}: weights are no floating-point numbers.", expected="floats", got=str(tensor.dtype)
        )
    return tensor


def _reordered(rows: Tensor, given: str, wanted: str) -> Tensor:
    """Return the blocks of rows, one per gate, in another order."""
    if len(rows) % len(given):
        raise ShapeError(
            "nurt.nn: an array does not hold a whole number of gates.",
            expected=f"a multiple of {len(given)} along the gates",
            got=str(len(rows)),
        )
    blocks = dict(zip(given, rows.chunk(len(given)), strict=True))
    return torch.cat([blocks[gate] for gate in wanted])
