"""Lengths of rows: as people give them, and as the positions that lie within."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nurt.errors import NurtTypeError

__all__ = ["Lengths", "positions_within", "whole_numbers"]

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
