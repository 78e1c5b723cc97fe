"""The GRU cell."""

from __future__ import annotations

from typing import final

import torch

from nurt.kernels.reference.gru import GRU, GRUState
from nurt.nn.cells.base import DenseCell

__all__ = ["GRUCell"]


@final
class GRUCell(DenseCell[GRUState]):
    r"""Gated recurrent unit [cho2014learning], resetting after the product [appleyard2016optimizing].

        r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
        z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
        n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    with x_t (B, I); gates and h_t (B, H); ``weight_ih`` (3H, I), ``weight_hh`` (3H, H), ``bias_ih`` and ``bias_hh``
    (3H,), rows in the order r, z, n.

    The same as torch.nn.GRUCell, whose ``state_dict`` it takes. The original resets before the product,
    W_hn (r_t ⊙ h_{t-1}), which is another function of the same weights. b_hn is not redundant: r_t multiplies it.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = GRUCell(3, 5)
        >>> cell.step(torch.ones(2, 3), cell.initial_state(2)).hidden.shape
        torch.Size([2, 5])

    References:
        [cho2014learning], section 2.3, for the unit; [appleyard2016optimizing] for the place of the reset.

    Notes:
        From h_0 = 0, |h_t| ≤ 1. Saturation as for the LSTM: tanh beyond |x| of about 9, σ above about 17 in float32.
    """

    display_name = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, GRU, fed_back=hidden_size, bias=bias, device=device, dtype=dtype)
        self.reset_parameters()
