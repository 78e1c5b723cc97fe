"""Refuses what would make the engine read past a tensor: assigned weights, for example, are checked nowhere else."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, ShapeError
from nurt.kernels.native_calls import CELLS, FIELDS, Call, Given

__all__ = ["check"]


def check(call: Call, given: Given) -> None:
    """Check the tensors of a call against each other.

    Raises:
        ShapeError: shapes that do not fit each other.
        NurtTypeError: another dtype, device or layout than the inputs'.
    """
    sizes, dtype = given.sizes(), given.inputs.dtype
    expected = _shapes(call.cell, call.layers, len(call.reverse), sizes.batch, sizes.features, sizes.hidden)
    if len(given.weights) != len(expected) - 2:
        raise ShapeError(
            f"nurt.kernels: a {call.cell} of {call.layers} layers has the wrong number of weights.",
            expected=f"{len(expected) - 2}, absent biases counted",
            got=str(len(given.weights)),
        )
    for index, (tensor, shape) in enumerate(zip(given.differentiable[1:], expected, strict=True)):
        if tensor is None:
            continue
        if tensor.shape != shape:
            raise _misshapen(call, given, index, tensor, shape)
        if tensor.dtype is not dtype or not tensor.is_cpu or tensor.layout is not torch.strided:
            raise NurtTypeError(
                f"nurt.kernels: `{_name(index)}` of a {call.cell} is of another kind than the inputs.",
                expected=f"a dense {dtype} tensor on {given.inputs.device}",
                got=f"{tensor.dtype}, {tensor.device}, {tensor.layout}",
                cure="Convert one of them; nothing is converted silently.",
            )


@lru_cache(maxsize=1024)
def _shapes(
    cell: str, layers: int, directions: int, batch: int, features: int, hidden_size: int
) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of ``given.differentiable`` after the inputs."""
    state, rows = (layers * directions, batch, hidden_size), CELLS[cell].gates * hidden_size
    # As FIELDS, for the lowest layer and for those above it.
    lowest = ((rows, features), (rows, hidden_size), (rows,), (rows,))
    above = ((rows, directions * hidden_size), *lowest[1:])
    return (state, state, *lowest * directions, *above * (directions * (layers - 1)))


def _misshapen(call: Call, given: Given, index: int, tensor: Tensor, shape: tuple[int, ...]) -> ShapeError:
    sizes = given.sizes()
    where = f" of layer {(index - 2) // (len(FIELDS) * len(call.reverse))}" if index >= 2 and call.layers > 1 else ""
    return ShapeError(
        f"nurt.kernels: `{_name(index)}`{where} of a {call.cell} has the wrong shape.",
        expected=f"{shape}, because B={sizes.batch}, I={sizes.features} and H={sizes.hidden}",
        got=str(tuple(tensor.shape)),
        cure="Pass weights, biases and states of the same layer and batch as the inputs.",
    )


def _name(index: int) -> str:
    """Return the name of a tensor by its place after the inputs in ``given.differentiable``."""
    return ("hidden", "cell_state")[index] if index < 2 else FIELDS[(index - 2) % len(FIELDS)]
