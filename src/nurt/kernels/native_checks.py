"""Refuses what would make the engine read past a tensor: assigned weights, for example, are checked nowhere else."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, ShapeError
from nurt.kernels.native_calls import CELLS, NOTHING, Call, Given, Sizes

__all__ = ["check", "weight_shapes"]


def check(call: Call, given: Given) -> None:
    """Check the tensors of a call against each other.

    Raises:
        ShapeError: shapes that do not fit each other.
        NurtTypeError: another dtype, device or layout than the inputs'.
    """
    sizes, dtype = given.sizes(call.cell), given.inputs.dtype
    expected = _shapes(call.cell, call.layers, len(call.reverse), sizes)
    if len(given.weights) != len(expected) - 2:
        raise ShapeError(
            f"nurt.kernels: a {call.cell} of {call.layers} layers has the wrong number of weights.",
            expected=f"{len(expected) - 2}, absent biases counted",
            got=str(len(given.weights)),
        )
    for index, (tensor, shape) in enumerate(zip(given.differentiable[1:], expected, strict=True)):
        if tensor is None:
            continue
        # The kind first: the shape of another layout may not even be asked for.
        if tensor.layout is not torch.strided or tensor.dtype is not dtype or not tensor.is_cpu:
            raise _foreign(call, _named(call, index)[0], tensor, given.inputs)
        if tensor.shape != shape:
            raise _misshapen(call, sizes, *_named(call, index), tensor, shape)
    if given.carry is not NOTHING:
        _check_carry(call, given, sizes)


def _check_carry(call: Call, given: Given, sizes: Sizes) -> None:
    batch, time = sizes.batch, given.inputs.shape[1]
    shapes = ((batch, sizes.outputs), (batch, time, sizes.outputs), (batch, time, sizes.hidden))
    for name, tensor, shape in zip(given.carry._fields, given.carry, shapes, strict=True):
        if tensor is None:
            continue
        if tensor.layout is not torch.strided or tensor.dtype is not given.inputs.dtype or not tensor.is_cpu:
            raise _foreign(call, name, tensor, given.inputs)
        if tensor.shape != shape:
            raise _misshapen(call, sizes, name, "", tensor, shape)


@lru_cache(maxsize=1024)
def _shapes(cell: str, layers: int, directions: int, sizes: Sizes) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of ``given.differentiable`` after the inputs."""
    batch, _, features, units, columns = sizes
    hidden, cell_state = (layers * directions, batch, columns), (layers * directions, batch, units)
    lowest = tuple(weight_shapes(cell, features, units, columns).values())
    above = tuple(weight_shapes(cell, directions * columns, units, columns).values())
    return (hidden, cell_state, *lowest * directions, *above * (directions * (layers - 1)))


def weight_shapes(cell: str, features: int, units: int, columns: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the learned tensors of one direction of one layer, by name.

    Args:
        cell: a name in :data:`~nurt.kernels.native_calls.CELLS`.
        features: I.
        units: H.
        columns: P, the size of the hidden state.
    """
    rows = CELLS[cell].gates * units
    shapes = {
        "weight_ih": (rows, features),
        "weight_hh": (rows, columns),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
        "weight_hr": (columns, units),
        "weight_ch": (3 * units,),
        "norm_ih": (rows,),
        "norm_hh": (rows,),
        "norm_cell": (units,),
        "norm_cell_bias": (units,),
    }
    return {name: shapes[name] for name in CELLS[cell].fields}


def _misshapen(call: Call, sizes: Sizes, name: str, where: str, tensor: Tensor, shape: tuple[int, ...]) -> ShapeError:
    return ShapeError(
        f"nurt.kernels: `{name}`{where} of a {call.cell} has the wrong shape.",
        expected=f"{shape}, because B={sizes.batch}, I={sizes.features} and H={sizes.hidden}",
        got=str(tuple(tensor.shape)),
        cure="Pass weights, biases and states of the same layer and batch as the inputs.",
    )


def _foreign(call: Call, name: str, tensor: Tensor, inputs: Tensor) -> NurtTypeError:
    return NurtTypeError(
        f"nurt.kernels: `{name}` of a {call.cell} is of another kind than the inputs.",
        expected=f"a dense {inputs.dtype} tensor on {inputs.device}",
        got=f"{tensor.dtype}, {tensor.device}, {tensor.layout}",
        cure="Convert one of them; nothing is converted silently.",
    )


def _named(call: Call, index: int) -> tuple[str, str]:
    """Return the name of a tensor by its place after the inputs in ``given.differentiable``, and its layer."""
    if index < 2:
        return ("hidden", "cell_state")[index], ""
    fields = CELLS[call.cell].fields
    layer, place = divmod(index - 2, len(fields) * len(call.reverse))
    return fields[place % len(fields)], f" of layer {layer}" if call.layers > 1 else ""
