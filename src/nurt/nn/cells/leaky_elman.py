"""Elman's cell with leaky integrator units."""

from __future__ import annotations

import numbers
from typing import final

import torch

from nurt.errors import NurtValueError
from nurt.kernels.reference.elman import ElmanState
from nurt.kernels.reference.leaky_elman import leaky_elman
from nurt.nn.cells.base import DenseCell

__all__ = ["LeakyElmanCell"]


@final
class LeakyElmanCell(DenseCell[ElmanState]):
    r"""The simple recurrent cell with leaky integrator units, which move only a part of the way in each step.

        h_t = (1 - α) ⊙ h_{t-1} + α ⊙ tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   0 < α ≤ 1

    with x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H), b_ih and b_hh (H,); α is not learned.

    With α = 1 the same as :class:`~nurt.nn.ElmanCell` with tanh. It is the Euler step α of the differential equation
    dh/dt = -h + tanh(…), used for signals that are sampled finely against their own time scale. torch has none.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        leak: α.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero, or α not in 0 < α ≤ 1.

    Example:
        >>> cell = LeakyElmanCell(3, 5, leak=0.1)
        >>> cell.step(torch.ones(2, 3), cell.initial_state(2)).hidden.abs().max() <= 0.1
        tensor(True)

    References:
        [elman1990finding] for α = 1.

    Notes:
        |h_t| ≤ 1 once |h_0| is. Along the direct path a gradient decays as (1 - α)^k over k steps.
    """

    display_name = "Leaky Elman"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        leak: float = 0.5,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if isinstance(leak, bool) or not isinstance(leak, numbers.Real) or not 0 < leak <= 1:
            raise NurtValueError("LeakyElmanCell: `leak` is out of range.", expected="0 < leak ≤ 1", got=repr(leak))
        recurrence = leaky_elman(float(leak))
        super().__init__(
            input_size, hidden_size, recurrence, fed_back=hidden_size, bias=bias, device=device, dtype=dtype
        )
        self.leak: float = float(leak)
        self.reset_parameters()

    def extra_repr(self) -> str:
        """Return the sizes and the leak rate."""
        return super().extra_repr() + f", leak={self.leak:g}"
