"""Elman's cell."""

from __future__ import annotations

from typing import final

import torch

from nurt.errors import NurtValueError
from nurt.kernels.reference.elman import ELMAN_RELU, ELMAN_SIGMOID, ELMAN_TANH, ElmanState
from nurt.nn.cells.base import DenseCell

__all__ = ["NONLINEARITIES", "ElmanCell"]

NONLINEARITIES = {"tanh": ELMAN_TANH, "relu": ELMAN_RELU, "sigmoid": ELMAN_SIGMOID}


@final
class ElmanCell(DenseCell[ElmanState]):
    r"""The simple recurrent cell of [elman1990finding].

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

    with f = tanh, max(0, ·) or the logistic function σ; x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H),
    b_ih and b_hh (H,).

    With tanh and the rectifier the same as torch.nn.RNNCell, whose ``state_dict`` it takes; torch has no σ there.
    Elman's own network used σ and put an output layer on top; here the hidden state is the output.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        nonlinearity: "tanh", "relu" or "sigmoid".
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero, or the nonlinearity is unknown.

    Example:
        >>> cell = ElmanCell(3, 5, nonlinearity="relu")
        >>> cell.step(torch.ones(2, 3), cell.initial_state(2)).hidden.shape
        torch.Size([2, 5])

    References:
        [elman1990finding].

    Notes:
        tanh rounds to ±1, and its derivative to 0, beyond |x| of about 9 in float32 and 19 in float64. The rectifier
        is unbounded and may overflow over long sequences; its derivative at 0 is taken as 0, as torch does.
    """

    display_name = "Elman"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if nonlinearity not in NONLINEARITIES:
            raise NurtValueError(
                "ElmanCell: unknown `nonlinearity`.",
                expected=", ".join(map(repr, NONLINEARITIES)),
                got=repr(nonlinearity),
                cure="For no nonlinearity at all take LinearCell.",
            )
        recurrence = NONLINEARITIES[nonlinearity]
        super().__init__(
            input_size, hidden_size, recurrence, fed_back=hidden_size, bias=bias, device=device, dtype=dtype
        )
        self.nonlinearity = nonlinearity
        self.reset_parameters()

    def extra_repr(self) -> str:
        """Return the sizes, and the nonlinearity where it is not tanh."""
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")
