"""Checks of the drop-in layers. Each error also derives from the type that torch.nn raises in its place."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn.cells.base import positive_size
from nurt.nn.checking import check_dense, check_same_kind

__all__ = [
    "LayerShapeError",
    "LayerTypeError",
    "check_constructor",
    "check_data",
    "check_hx",
    "check_hx_kind",
    "check_padded",
]


class LayerShapeError(ShapeError, RuntimeError):
    """Inputs or states of a drop-in layer have the wrong shape; also the RuntimeError that torch raises."""


class LayerTypeError(NurtTypeError, ValueError, RuntimeError, AttributeError):
    """Inputs or states have the wrong type, dtype or device; torch raises any of the three built-ins here."""


def check_constructor(
    where: str,
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bias: bool,
    batch_first: bool,
    dropout: float,
    proj_size: int,
) -> None:
    """Refuse what torch's constructor refuses.

    Raises:
        NurtTypeError: a size is not an int, a switch not a bool.
        NurtValueError: a value out of range.
    """
    for name, switch in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(switch, bool):
            raise NurtTypeError(f"{where}: `{name}` is not a bool.", expected="True or False", got=repr(switch))
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        positive_size(where, name, size)
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= dropout <= 1:
        raise NurtValueError(f"{where}: `dropout` is no probability.", expected="a number 0 to 1", got=repr(dropout))
    if not isinstance(proj_size, int):
        raise NurtTypeError(f"{where}: `proj_size` is not a whole number.", expected="an int", got=repr(proj_size))
    if not 0 <= proj_size < hidden_size:
        raise NurtValueError(
            f"{where}: `proj_size` is out of range.",
            expected=f"0 for no projection, or 1 to {hidden_size - 1}, below hidden_size={hidden_size}",
            got=str(proj_size),
        )


def check_padded(where: str, input: object, features: int, *, batch_first: bool, like: Tensor) -> Tensor:
    """Return ``input`` if it is a batched or unbatched tensor that fits the layer.

    Args:
        where: name of the layer.
        input: as given.
        features: I.
        batch_first: layout, for the message.
        like: a weight, for dtype and device.

    Raises:
        LayerTypeError: not a tensor, or of another dtype or device than the weights.
        LayerShapeError: the wrong number of axes or features, or no time step.
    """
    if not isinstance(input, Tensor):
        raise LayerTypeError(
            f"{where}: `input` is not a tensor.", expected="a Tensor or PackedSequence", got=type(input).__name__
        )
    check_dense(where, "input", input, LayerTypeError)
    order = "(B, T, {})" if batch_first else "(T, B, {})"
    if input.dim() not in (2, 3):
        raise LayerShapeError(
            f"{where}: `input` has the wrong number of axes.",
            expected=f"{order.format('I')}, or (T, I) for a single sequence",
            got=str(tuple(input.shape)),
        )
    if input.shape[-1] != features:
        shape = order.format(features) if input.dim() == 3 else f"(T, {features})"
        raise LayerShapeError(
            f"{where}: the last axis of `input` does not match the layer.",
            expected=f"{shape}, because input_size={features} and batch_first={batch_first}",
            got=str(tuple(input.shape)),
            cure=f"Pass inputs with {features} features, or build the layer with input_size={input.shape[-1]}.",
        )
    if input.shape[1 if batch_first and input.dim() == 3 else 0] == 0:
        raise LayerShapeError(f"{where}: `input` has no time step.", expected="T of at least 1", got="T=0")
    check_same_kind(where, "input", input, like, error=LayerTypeError)
    return input


def check_data(where: str, data: Tensor, features: int, *, like: Tensor) -> None:
    """Refuse the data of a packed sequence that does not fit the layer.

    Raises:
        LayerShapeError: not (sum of lengths, ``features``).
        LayerTypeError: of another dtype or device than ``like``, a weight.
    """
    check_dense(where, "input", data, LayerTypeError)
    if data.dim() != 2 or data.shape[1] != features:
        raise LayerShapeError(
            f"{where}: the data of the packed `input` does not match the layer.",
            expected=f"(sum of lengths, {features}), because input_size={features}",
            got=str(tuple(data.shape)),
        )
    check_same_kind(where, "input", data, like, error=LayerTypeError)


def check_hx(where: str, names: Sequence[str], hx: Sequence[object], shapes: Sequence[Sequence[int]]) -> None:
    """Refuse initial states of the wrong shape.

    Args:
        where: name of the layer.
        names: of the states, as torch calls them.
        hx: as given.
        shapes: expected, one per state.

    Raises:
        LayerTypeError: not tensors, or not as many as the layer has states.
        LayerShapeError: another shape.
    """
    if len(hx) != len(names):
        raise LayerTypeError(
            f"{where}: `hx` holds the wrong number of states.",
            expected=f"({', '.join(names)})",
            got=f"{len(hx)} of them",
        )
    for name, given, shape in zip(names, hx, shapes, strict=True):
        if not isinstance(given, Tensor):
            raise LayerTypeError(
                f"{where}: `{name}` of `hx` is not a tensor.", expected="a Tensor", got=type(given).__name__
            )
        check_dense(where, f"{name} of hx", given, LayerTypeError)
        if given.shape != torch.Size(shape):
            kind = "a single sequence" if len(shape) == 2 else "a batch"
            raise LayerShapeError(
                f"{where}: `{name}` of `hx` has the wrong shape.",
                expected=f"{tuple(shape)}, (layers·directions, {'' if len(shape) == 2 else 'B, '}features) of {kind}",
                got=str(tuple(given.shape)),
                cure="States do not follow batch_first.",
            )


def check_hx_kind(where: str, names: Sequence[str], hx: Sequence[Tensor], like: Tensor) -> None:
    """Refuse initial states of another dtype or device than ``like``, the inputs.

    Raises:
        LayerTypeError: they differ.
    """
    for name, given in zip(names, hx, strict=True):
        check_same_kind(where, f"{name} of hx", given, like, other="input", error=LayerTypeError)
