"""What the diagonal cells share: beside the step, a form for a whole sequence at once."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from nurt.nn.cells.base import AbstractCell, StateT

__all__ = ["DiagonalCell", "without_padding"]


class DiagonalCell(AbstractCell[StateT]):
    """A cell whose state moves by h_t = a_t ⊙ h_{t-1} + b_t, where a_t and b_t depend on the input x_t alone.

    Because they do not wait for the step before, all of them are computed in one product, and what is left is
    :func:`nurt.kernels.scan`. :func:`nurt.nn.unroll` and the layers call :meth:`sequence`; :meth:`step` is for one
    moment at a time and gives the same numbers.
    """

    @abstractmethod
    def sequence(
        self, inputs: Tensor, state: StateT, *, lengths: Tensor | None, reverse: bool
    ) -> tuple[Tensor, StateT]:
        """Return what repeated steps give, by one scan.

        Args:
            inputs: (B, T, I).
            state: before the first step.
            lengths: steps of each row, int64 (B,), 0..T; None when every row has T.
            reverse: run from each row's own last step to its first.

        Returns:
            The outputs (B, T, ·), zero past the end of a row, and the state after the last step taken.
        """

    @property
    @abstractmethod
    def scanned_dtype(self) -> torch.dtype:
        """The dtype of the scan's numbers, complex for a complex state."""


def without_padding(inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``inputs`` (B, T, I) with zeros past the ends.

    The scan does not read what is computed there, but the gradient of a NaN that is not read is 0 · NaN.
    """
    if lengths is None:
        return inputs
    past_end = torch.arange(inputs.shape[1], device=inputs.device) >= lengths.to(inputs.device).unsqueeze(1)
    return inputs.masked_fill(past_end.unsqueeze(2), 0)
