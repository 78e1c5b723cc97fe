"""What the dense cells share: torch's weights, and the step of a recurrence that kernels know."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from nurt.kernels import Recurrence, Weights
from nurt.nn.cells.base import AbstractCell, StateT
from nurt.nn.init import uniform_by_hidden_size

__all__ = ["DenseCell"]


class DenseCell(AbstractCell[StateT]):
    """A cell whose step is a dense recurrence of :mod:`nurt.kernels`.

    Args:
        input_size: I.
        hidden_size: H.
        recurrence: the equation; it also gives the number G of gates.
        fed_back: features of the hidden state that is fed back, H unless it is projected.
        bias: whether there are biases.
        device: of the weights.
        dtype: of the weights.
    """

    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        recurrence: Recurrence[StateT],
        *,
        fed_back: int,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.bias = bias
        self.recurrence = recurrence
        rows = recurrence.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = nn.Parameter(torch.empty(rows, fed_back, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            values = nn.Parameter(torch.empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, values)

    def reset_parameters(self) -> None:
        """Draw all weights anew from U(-1/√H, 1/√H), as torch does."""
        uniform_by_hidden_size(self.parameters(), self.hidden_size)

    @property
    def weights(self) -> Weights:
        """The weights as kernels take them."""
        return Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    @final
    def step(self, x: Tensor, state: StateT) -> StateT:
        """Return the state after one input; the equation is in ``nurt/kernels/reference``."""
        return self.recurrence.step(x, state, self.weights)

    def extra_repr(self) -> str:
        """Return the sizes, as torch's cells print them."""
        return super().extra_repr() + ("" if self.bias else ", bias=False")

    def zeros(self, batch: int, size: int) -> Tensor:
        """Return zeros (batch, size) of the weights' dtype and device."""
        return self.weight_hh.new_zeros(batch, size)
