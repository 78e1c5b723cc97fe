"""The linear cell."""

from __future__ import annotations

from typing import final

import torch

from nurt.kernels.reference.linear import LINEAR, LinearState
from nurt.nn.cells.base import DenseCell

__all__ = ["LinearCell"]


@final
class LinearCell(DenseCell[LinearState]):
    r"""A recurrence without a nonlinearity.

        h_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh

    with x_t (B, I), h_t (B, H), W_ih (H, I), W_hh (H, H), b_ih and b_hh (H,).

    The gradient through k steps is exactly (W_hh^T)^k, so it grows or dies with the spectral radius of W_hh: the
    simplest place to watch exploding and vanishing gradients [pascanu2013difficulty]. torch.nn has no such layer;
    this is torch.nn.RNNCell with the nonlinearity taken away.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = LinearCell(3, 5)
        >>> cell.step(torch.ones(2, 3), cell.initial_state(2)).hidden.shape
        torch.Size([2, 5])

    References:
        [pascanu2013difficulty], section 2.

    Notes:
        Nothing bounds the state. With a spectral radius ρ > 1 float32 overflows after about 89 / ln ρ steps.
    """

    display_name = "LinearRNN"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, LINEAR, fed_back=hidden_size, bias=bias, device=device, dtype=dtype)
        self.reset_parameters()
