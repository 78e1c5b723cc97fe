"""Checks of the arguments of :func:`~nurt.nn.unroll` and the layers: sizes, lengths, states."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels.following import traced
from nurt.kernels.recurrence import Lengths, State, StateT, remade, whole_numbers
from nurt.nn.cells.base import positive_size

__all__ = [
    "LayerShapeError",
    "LayerTypeError",
    "Lengths",
    "check_constructor",
    "check_dense",
    "check_hx",
    "check_hx_kind",
    "check_inputs",
    "check_lengths",
    "check_packed",
    "check_padded",
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
    if traced():
        # A trace keeps the decisions that these lengths would lead to; its own operators refuse impossible ones.
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


class LayerShapeError(ShapeError, RuntimeError):
    """Inputs or states of a drop-in layer have the wrong shape; also the RuntimeError that torch raises."""


class LayerTypeError(NurtTypeError, ValueError, RuntimeError, AttributeError, IndexError):
    """Inputs or states have the wrong type, dtype or device; torch raises any of the five built-ins here."""


class PackedError(LayerShapeError, IndexError):
    """A packed sequence contradicts itself; torch raises either built-in here, or reads on."""


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


def check_packed(where: str, packed: PackedSequence, features: int, *, like: Tensor) -> None:
    """Refuse a packed sequence that does not fit the layer, or that was put together by hand and contradicts itself.

    Raises:
        LayerShapeError: its data is not (sum of lengths, ``features``).
        LayerTypeError: its data is of another dtype or device than ``like``, a weight; or what it counts with is.
        PackedError: the rows alive at each step are none or rise, do not sum up to the data, or are ordered otherwise.
    """
    data, sizes, *orders = packed
    _check_data(where, data, features, like=like)
    if not isinstance(sizes, Tensor) or sizes.dtype != torch.int64 or sizes.dim() != 1 or not sizes.is_cpu:
        kind = f"{tuple(sizes.shape)}, {sizes.dtype} on {sizes.device}" if isinstance(sizes, Tensor) else repr(sizes)
        raise LayerTypeError(
            f"{where}: `batch_sizes` of the packed `input` do not count rows.",
            expected="(T,), torch.int64 on cpu",
            got=kind[:80],
            cure=_REPACK,
        )
    # A graph or a trace keeps the decisions that these values would lead to.
    if torch.compiler.is_compiling() or traced():
        return
    counts = sizes.tolist()
    falling = all(below >= above for below, above in pairwise(counts))
    if not counts or counts[-1] < 0 or not falling or sum(counts) != len(data):
        raise PackedError(
            f"{where}: the packed `input` contradicts itself.",
            expected=f"batch_sizes that never rise nor fall below 0, with the sum {len(data)}, the rows of the data",
            got=f"{str(counts)[:60]} with the sum {sum(counts)}",
            cure=_REPACK,
        )
    for order in orders:
        if order is None:
            continue
        fits = order.dtype in (torch.int64, torch.int32) and order.shape == (counts[0],)
        # Elsewhere than on the CPU a look at the values would wait for all work on that device.
        if not fits or (order.is_cpu and not bool(((order >= 0) & (order < counts[0])).all())):
            raise PackedError(
                f"{where}: the order of rows of the packed `input` does not fit it.",
                expected=f"({counts[0]},), the numbers 0 to {counts[0] - 1}",
                got=f"{tuple(order.shape)}, {order.dtype}",
                cure=_REPACK,
            )


_REPACK = "Make it with pack_padded_sequence or pack_sequence, or call the layer with padded rows and `lengths`."


def _check_data(where: str, data: Tensor, features: int, *, like: Tensor) -> None:
    """Refuse the data of a packed sequence that does not fit the layer; errors as for :func:`check_packed`."""
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
