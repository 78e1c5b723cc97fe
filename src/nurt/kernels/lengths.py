"""Lengths of rows: as people give them, and as the positions that lie within."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.errors import NurtTypeError
from nurt.kernels.recurrence import StateT, remade

__all__ = [
    "Lengths",
    "alive_steps",
    "positions_within",
    "where_alive",
    "whole_numbers",
    "without_padding",
    "zero_unless",
]

Lengths = Tensor | Sequence[int]


def positions_within(lengths: Tensor, steps: int) -> Tensor:
    """Return which of ``steps`` positions lie before the end of each row, (B, T), for ``lengths`` (B,)."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def whole_numbers(where: str, lengths: Lengths) -> Tensor:
    """Return ``lengths`` as int64 in contiguous memory of their own.

    The engine reads addresses, and reads them again on the way back, when the caller may have reused theirs.

    Args:
        where: what is called, for the message.
        lengths: whole numbers, as a tensor, an array or a sequence.

    Raises:
        NurtTypeError: they are something else, or hold no values that could be read.
    """
    what = f"{where}: `lengths` are not whole numbers."
    expected = "one int per row, as a tensor of an integer dtype or a list"
    cure = "Pass a (B,) tensor of torch.int64, or None when every row is full."
    try:
        values = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError) as fault:
        got = f"{type(lengths).__name__}: {lengths!r}"[:80]
        raise NurtTypeError(what, expected=expected, got=got, cure=cure) from fault
    # An empty list comes out as a float tensor.
    wrong_kind = values.is_floating_point() or values.is_complex() or values.dtype == torch.bool
    if (wrong_kind and values.numel()) or values.layout != torch.strided or values.is_meta:
        got = f"{values.dtype}, {values.layout}, on {values.device}"
        raise NurtTypeError(what, expected=expected, got=got, cure=cure)
    return values.to(torch.int64, copy=True, memory_format=torch.contiguous_format)


def alive_steps(inputs: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Return whether step t of row b lies before its end, bool (B, T); None when all do."""
    if lengths is None:
        return None
    steps = torch.arange(inputs.shape[1], device=inputs.device)
    return steps < lengths.to(inputs.device).unsqueeze(1)


def without_padding(inputs: Tensor, alive: Tensor | None) -> Tensor:
    """Return ``inputs`` with zeros past the ends.

    Dropping the results there is not enough: the gradient of a dropped NaN is 0 · NaN.
    """
    return inputs if alive is None else zero_unless(alive, inputs)


def zero_unless(alive: Tensor, values: Tensor) -> Tensor:
    """Return ``values`` (B, …) with zeros where a row has ended; ``alive`` covers their leading axes."""
    return values.masked_fill(~_widened(alive, values), 0)


def where_alive(alive: Tensor, new: StateT, old: StateT) -> StateT:
    """Return ``new`` where a row is alive, bool (B,), and ``old`` where it has ended."""
    pairs = zip(new, old, strict=True)
    return remade(new, (torch.where(_widened(alive, after), after, before) for after, before in pairs))


def _widened(mask: Tensor, values: Tensor) -> Tensor:
    """Return ``mask`` with trailing axes of one, so that it broadcasts over ``values``."""
    return mask.reshape(mask.shape + (1,) * (values.dim() - mask.dim()))
