"""Checks of what is handed to :func:`~nurt.nn.unroll` and the layers: sizes, lengths, states."""

from __future__ import annotations

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels.lengths import Lengths, whole_numbers
from nurt.kernels.recurrence import State, StateT, remade

__all__ = [
    "Lengths",
    "check_dense",
    "check_inputs",
    "check_lengths",
    "check_same_kind",
    "check_state",
    "field_names",
]


def _is_dense(tensor: Tensor) -> bool:
    """Return whether ``tensor`` is neither sparse, nor nested, nor laid out for another library."""
    return tensor.layout == torch.strided and not tensor.is_nested


def field_names(state: State) -> tuple[str, ...]:
    """Return the names of the fields of ``state``, none for a tuple without names."""
    names: tuple[str, ...] = getattr(state, "_fields", ())
    return names


def check_inputs(where: str, inputs: object, features: int) -> Tensor:
    """Return ``inputs`` if they are a tensor (B, T, ``features``) with at least one step.

    Raises:
        NurtTypeError: not a dense tensor.
        ShapeError: another shape.
    """
    if not isinstance(inputs, Tensor):
        raise NurtTypeError(f"{where}: `inputs` is not a tensor.", expected="a Tensor", got=type(inputs).__name__)
    check_dense(where, "inputs", inputs)
    if inputs.dim() != 3 or inputs.shape[2] != features:
        raise ShapeError(
            f"{where}: `inputs` has the wrong shape.",
            expected=f"(B, T, I) with I={features}",
            got=str(tuple(inputs.shape)),
            cure="Batch comes first, then time, then features; use transpose or unsqueeze to bring them there.",
        )
    if inputs.shape[1] == 0:
        raise ShapeError(
            f"{where}: `inputs` has no time step.", expected="T of at least 1", got=str(tuple(inputs.shape))
        )
    return inputs


def check_dense(where: str, name: str, given: Tensor, error: type[NurtTypeError] = NurtTypeError) -> None:
    """Refuse a tensor that is sparse, nested, or laid out for another library.

    Raises:
        NurtTypeError: it is; of the class ``error``.
    """
    if not _is_dense(given):
        raise error(
            f"{where}: `{name}` is not a dense tensor.",
            expected="a dense tensor",
            got="a nested one" if given.is_nested else str(given.layout),
            cure="Call .to_dense(); pad a nested one with .to_padded_tensor(0.0) and give `lengths`.",
        )


def check_same_kind(
    where: str,
    name: str,
    given: Tensor,
    like: Tensor,
    *,
    other: str = "weights",
    error: type[NurtTypeError] = NurtTypeError,
) -> None:
    """Refuse a tensor of another device or dtype than ``like``; autocast may mend the dtype.

    Args:
        where: name of the call.
        name: of what is given.
        given: the tensor.
        like: one of the ``other``.
        other: what it must agree with.
        error: class of the error.

    Raises:
        NurtTypeError: they differ; of the class ``error``.
    """
    if given.device != like.device:
        raise error(
            f"{where}: `{name}` and the {other} lie on different devices.",
            expected=str(like.device),
            got=str(given.device),
            cure="Move one of them with .to(device).",
        )
    if given.dtype != like.dtype and not torch.is_autocast_enabled(like.device.type):
        raise error(
            f"{where}: `{name}` and the {other} have different dtypes.",
            expected=str(like.dtype),
            got=str(given.dtype),
            cure=f"Convert it with .to({like.dtype}), or the {other} with .to({given.dtype}).",
        )


def check_state(where: str, state: object, template: StateT) -> StateT:
    """Return ``state`` as a state like ``template``; a plain tuple with the right fields will do.

    Raises:
        NurtTypeError: not a tuple of that many tensors, or of another dtype.
        ShapeError: a field has another shape.
    """
    names = field_names(template) or tuple(map(str, range(len(template))))
    if not isinstance(state, tuple | list) or len(state) != len(names):
        got = f"{type(state).__name__} of {len(state)}" if isinstance(state, tuple | list) else type(state).__name__
        raise NurtTypeError(
            f"{where}: `state` is not a state of this cell.",
            expected=f"{type(template).__name__}({', '.join(names)})",
            got=got,
            cure="Start from cell.initial_state(batch), or from the state an earlier call gave back.",
        )
    for name, given, wanted in zip(names, state, template, strict=True):
        alike = isinstance(given, Tensor) and given.dtype == wanted.dtype and given.device == wanted.device
        if not alike or not _is_dense(given):
            kind = (
                f"{given.dtype}, {given.layout}, on {given.device}"
                if isinstance(given, Tensor)
                else type(given).__name__
            )
            raise NurtTypeError(
                f"{where}: field `{name}` of the state is of another kind than the cell's.",
                expected=f"{wanted.dtype}, {wanted.layout}, on {wanted.device}",
                got=kind,
                cure="Convert it with .to(device, dtype); a sparse one with .to_dense().",
            )
        if given.shape != wanted.shape:
            raise ShapeError(
                f"{where}: field `{name}` of the state has the wrong shape.",
                expected=str(tuple(wanted.shape)),
                got=str(tuple(given.shape)),
                cure="The first axis is the batch of the inputs.",
            )
    return remade(template, state)


def check_lengths(where: str, lengths: Lengths | None, batch: int, steps: int) -> Tensor | None:
    """Return ``lengths`` as int64 (B,), or None when every row is full and there is nothing to look after.

    Raises:
        NurtTypeError: not whole numbers.
        ShapeError: not one length per row.
        NurtValueError: a length outside 0..T; the message names the row.
    """
    if lengths is None:
        return None
    values = whole_numbers(where, lengths)
    if values.shape != (batch,):
        raise ShapeError(
            f"{where}: `lengths` does not give one length per row.",
            expected=f"shape ({batch},)",
            got=str(tuple(values.shape)),
        )
    if torch.compiler.is_compiling():
        # Compiled code may not branch on values, but it can still refuse them when it runs.
        within = ((values >= 0) & (values <= steps)).all()
        torch._assert_async(within, f"{where}: `lengths` lie outside 0 .. T.")
        return values
    wrong = ((values < 0) | (values > steps)).nonzero()
    if len(wrong):
        row = int(wrong[0, 0])
        raise NurtValueError(
            f"{where}: `lengths` of row {row} lies outside the inputs.",
            expected=f"0 to T={steps} steps",
            got=str(int(values[row])),
        )
    return None if bool((values == steps).all()) else values
