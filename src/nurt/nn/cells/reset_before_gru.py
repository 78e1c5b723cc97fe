"""The GRU cell that resets before the product."""

from __future__ import annotations

from typing import final

import torch

from nurt.kernels.reference.gru import GRUState
from nurt.kernels.reference.reset_before_gru import RESET_BEFORE_GRU
from nurt.nn.cells.base import DenseCell

__all__ = ["ResetBeforeGRUCell"]


@final
class ResetBeforeGRUCell(DenseCell[GRUState]):
    r"""Gated recurrent unit in its original form, resetting before the product [cho2014learning].

        r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + W_hn (r_t ⊙ h_{t-1}) + b_hn)
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    with x_t (B, I); gates and h_t (B, H); ``weight_ih`` (3H, I), ``weight_hh`` (3H, H), ``bias_ih`` and ``bias_hh``
    (3H,), rows in the order r, z, n.

    Another function of the same weights than :class:`~nurt.nn.GRUCell` and torch.nn.GRUCell; the two biases of a
    gate only count as their sum. Take it to rebuild models that used it, such as Keras with ``reset_after=False`` or
    ONNX with ``linear_before_reset=0``; ONNX keeps the gates in the order z, r, h. Where z_t has the opposite sense,
    see :func:`nurt.nn.flip_update_gate`.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = ResetBeforeGRUCell(3, 5)
        >>> cell.step(torch.ones(2, 3), cell.initial_state(2)).hidden.shape
        torch.Size([2, 5])

    References:
        [cho2014learning], section 2.3.

    Notes:
        As for :class:`~nurt.nn.GRUCell`.
    """

    display_name = "GRU (reset before)"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, RESET_BEFORE_GRU, fed_back=hidden_size, bias=bias, device=device, dtype=dtype
        )
        self.reset_parameters()
