"""The operator ``nurt::recurrence`` written out in torch's operators, step by step, for programs without nurt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from nurt.kernels.native.autograd import with_absent
from nurt.kernels.native.call import CELLS
from nurt.kernels.recurrence import Recurrence, Weights, zero_states
from nurt.kernels.reference import RECURRENCES, loop
from nurt.kernels.rung import StepOptions
from nurt.kernels.stack import each_side

__all__ = ["decomposed"]


def decomposed(
    inputs: Tensor,
    hidden: Tensor | None,
    cell_state: Tensor | None,
    weights: Sequence[Tensor],
    lengths: Tensor | None,
    masks: Tensor | None,
    hidden_mask: Tensor | None,
    keep_hidden: Tensor | None,
    keep_cell: Tensor | None,
    cell: str,
    layers: int,
    reverse: Sequence[bool],
    packed: bool,  # noqa: ARG001 - refused beforehand
    scale: float,
    gradient_clip: float | None,  # noqa: ARG001 - a bound on gradients changes no output
    constants: Sequence[float] | None,
    present: Sequence[bool],
    keep: bool,  # noqa: ARG001 - nothing is kept for a backward call
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what ``nurt::recurrence`` does, from the same arguments; what it keeps for its gradient is empty.

    Inputs are padded, (B, T, I), and T is a number: the loop over time is written out.
    """
    recurrence: Recurrence[Any] = RECURRENCES[cell].with_constants(tuple(constants or ()))
    sides = _sides(cell, with_absent(weights, present), layers, len(reverse))
    zeros = zero_states(recurrence, sides, inputs, inputs.shape[0])
    pairs = zip((hidden, cell_state), zeros, strict=False)
    states = [zero if field is None else field for field, zero in pairs]
    options = StepOptions(hidden_mask, keep_hidden, keep_cell)

    def side(below: Tensor, state: Any, own: Weights, backwards: bool) -> tuple[Tensor, Any]:
        return loop.run(recurrence, below, state, own, lengths=lengths, reverse=backwards, options=options)

    def between(below: Tensor, depth: int) -> Tensor:
        return below if masks is None else below * (masks[depth - 1].transpose(0, 1).to(below.dtype) * scale)

    outputs, finals = each_side(recurrence, sides, inputs, states, side, between, reverse)
    empty = inputs.new_empty(0)
    return outputs, finals[0], finals[1] if len(finals) == 2 else empty, empty


def _sides(cell: str, weights: Sequence[Tensor | None], layers: int, directions: int) -> list[list[Weights]]:
    """Return the weights per layer, per direction."""
    names = CELLS[cell].fields
    parts = [weights[first : first + len(names)] for first in range(0, len(weights), len(names))]
    sides = [Weights(**dict(zip(names, part, strict=True))) for part in parts]  # type: ignore[arg-type]  # two are there
    return [sides[layer * directions : (layer + 1) * directions] for layer in range(layers)]
