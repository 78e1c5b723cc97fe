"""The LSTM cell with peepholes."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from nurt.kernels import Weights
from nurt.kernels.reference.lstm import LSTMState
from nurt.kernels.reference.peephole_lstm import PEEPHOLE_LSTM
from nurt.nn.cells.base import DenseCell

__all__ = ["PeepholeLSTMCell"]


@final
class PeepholeLSTMCell(DenseCell[LSTMState]):
    r"""LSTM whose gates also see the cell state, one weight per unit [gers2000recurrent].

        i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi + w_ci ⊙ c_{t-1})
        f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf + w_cf ⊙ c_{t-1})
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho + w_co ⊙ c_t)
        h_t = o_t ⊙ tanh(c_t)

    with x_t (B, I); gates, c_t and h_t (B, H); ``weight_ih`` (4H, I), ``weight_hh`` (4H, H), ``bias_ih`` and
    ``bias_hh`` (4H,), rows in the order i, f, g, o; ``weight_ch`` (3H,) for i, f, o.

    For tasks that hang on exact time intervals: a plain LSTM with a shut output gate does not see its own memory.
    torch.nn has no such cell. ONNX keeps the gates in the order i, o, f, c and the peepholes in the order i, o, f.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = PeepholeLSTMCell(3, 5)
        >>> hidden, memory = cell.step(torch.ones(2, 3), cell.initial_state(2))
        >>> hidden.shape, memory.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))

    References:
        [gers2000recurrent].

    Notes:
        As for :class:`~nurt.nn.LSTMCell`.
    """

    display_name = "Peephole LSTM"

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
            input_size, hidden_size, PEEPHOLE_LSTM, fed_back=hidden_size, bias=bias, device=device, dtype=dtype
        )
        self.weight_ch = nn.Parameter(torch.empty(3 * hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def weights(self) -> Weights:
        """The weights as kernels take them."""
        return super().weights._replace(weight_ch=self.weight_ch)
