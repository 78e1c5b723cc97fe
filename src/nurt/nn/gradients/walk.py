"""One recurrence through its own time, as a pure function of tensors that can be run again piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nurt.kernels import StepOptions
from nurt.nn.gradients.own_time import with_masks

__all__ = ["Advance", "Walk"]

Advance = Callable[[Tensor, Any, Sequence[Tensor], Tensor | None, bool, StepOptions], tuple[Tensor, Any]]
"""(inputs, state, learned tensors, lengths, reverse, options) → (outputs, state)."""


@dataclass(frozen=True)
class Walk:
    """A recurrence, the ends of its rows, and its options; time is each row's own.

    Args:
        advance: runs the recurrence.
        make_state: makes a state of its fields.
        lengths: steps of each row, (B,); None when every row has T.
        options: of the whole sequence.
        draws: whether a step may draw random numbers, which a later run must draw again.
    """

    advance: Advance
    make_state: Callable[..., Any]
    lengths: Tensor | None
    options: StepOptions
    draws: bool

    def between(
        self, first: int, last: int, inputs: Tensor, fields: Sequence[Tensor], learned: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run steps ``first`` .. ``last`` - 1 on ``inputs`` (B, last - first, I), from the state ``fields``."""
        lengths = None if self.lengths is None else (self.lengths - first).clamp(0, last - first)
        options = with_masks(self.options, lambda mask: mask[:, first:last])
        outputs, state = self.advance(inputs, self.make_state(*fields), learned, lengths, False, options)
        return outputs, tuple(state)
