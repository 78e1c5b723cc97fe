"""One way into the engine for tests: tensors by name, on the native rung, as ``nurt.kernels`` itself calls it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.kernels import Weights, run, run_stack, threads, use
from nurt.kernels.reference import RECURRENCES

__all__ = ["Result", "computing", "recurrence"]

# A copy, because a test takes recurrences away.
KNOWN = dict(RECURRENCES)


class Result(NamedTuple):
    """Outputs (B, T, H), final hidden state (B, H) and, of a cell that has one, final cell state (B, H)."""

    outputs: Tensor
    hidden: Tensor
    cell: Tensor | None


def recurrence(
    cell: str,
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    cell_state: Tensor | None = None,
    lengths: Tensor | list[int] | None = None,
    reverse: bool = False,
) -> Result:
    """Run one layer in one direction natively; without states by the stack, which passes absent ones to the engine."""
    known, weights = KNOWN[cell], Weights(weight_ih, weight_hh, bias_ih, bias_hh)
    ends = None if lengths is None else torch.as_tensor(lengths)
    with use("native"):
        if hidden is None and cell_state is None and not reverse:
            outputs, finals = run_stack(known, inputs, None, [[weights]], lengths=ends)
            state = tuple(field.squeeze(0) for field in finals)
        else:
            given = (hidden, cell_state)[: len(known.fields)]
            zeros = weight_hh.new_zeros(len(inputs), weight_hh.shape[1])
            start = known.state(*(zeros if field is None else field for field in given))
            outputs, state = run(known, inputs, start, weights, lengths=ends, reverse=reverse)
    return Result(outputs, *state, *[None] * (2 - len(state)))


def computing(count: int | None):
    """Let ``count`` threads compute in a block; None for torch's number."""
    return nullcontext() if count is None else threads(count)
