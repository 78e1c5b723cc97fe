"""What the diagonal cells share: beside the step, a form for a whole sequence at once."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurt.kernels import scan
from nurt.kernels.recurrence import alive_steps, without_padding
from nurt.nn.cells.base import AbstractCell, StateT
from nurt.nn.init import uniform_by_hidden_size

__all__ = ["DiagonalCell", "DiagonalState", "GatedDiagonalCell"]


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


class DiagonalState(NamedTuple):
    """State of a minGRU or minLSTM: ``hidden`` (B, H)."""

    hidden: Tensor


class GatedDiagonalCell(DiagonalCell[DiagonalState]):
    """A cell with h_t = a_t ⊙ h_{t-1} + b_t, a_t and b_t (B, H) from one product W_ih x_t + b_ih, (B, G·H).

    Args:
        input_size: I.
        hidden_size: H.
        gates: G.
        bias: whether b_ih exists.
        device: of the weights.
        dtype: of the weights.
    """

    bias_ih: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        gates: int,
        *,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        rows = gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size, device=device, dtype=dtype))
        values = nn.Parameter(torch.empty(rows, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias_ih", values)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew from U(-1/√I, 1/√I), as torch.nn.Linear draws its own."""
        uniform_by_hidden_size(self.parameters(), self.input_size)

    @abstractmethod
    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return a_t and b_t, each (…, H), from W_ih x_t + b_ih, (…, G·H)."""

    def initial_state(self, batch: int) -> DiagonalState:
        """Return zeros, (batch, H)."""
        return DiagonalState(self.weight_ih.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: DiagonalState) -> DiagonalState:
        """Return the state after one input (B, I)."""
        a, b = self._coefficients(x)
        return DiagonalState(a * state.hidden + b)

    def sequence(
        self, inputs: Tensor, state: DiagonalState, *, lengths: Tensor | None, reverse: bool
    ) -> tuple[Tensor, DiagonalState]:
        """Return what repeated steps give, by one scan; see :meth:`DiagonalCell.sequence`."""
        # The scan does not read past the ends, but the gradient of a NaN that is not read is 0 · NaN.
        a, b = self._coefficients(without_padding(inputs, alive_steps(inputs, lengths)))
        outputs, final = scan(a, b, state.hidden, lengths=lengths, reverse=reverse)
        return outputs, DiagonalState(final)

    @property
    def scanned_dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        return self.weight_ih.dtype

    def extra_repr(self) -> str:
        """Return the sizes, as torch's cells print them."""
        return super().extra_repr() + ("" if self.bias_ih is not None else ", bias=False")

    def _coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        # Autocast may narrow the product; the state is carried in the dtype of the weights.
        projected = F.linear(inputs, self.weight_ih, self.bias_ih).to(self.weight_ih.dtype)
        return self.coefficients(projected)
