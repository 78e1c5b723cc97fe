"""The LSTM cell with coupled gates."""

from __future__ import annotations

from typing import final

import torch

from nurt.kernels.reference.cifg_lstm import CIFG_LSTM
from nurt.kernels.reference.lstm import LSTMState
from nurt.nn.cells.base import DenseCell

__all__ = ["CIFGLSTMCell"]


@final
class CIFGLSTMCell(DenseCell[LSTMState]):
    r"""LSTM with coupled input and forget gate, "CIFG" [greff2017lstm].

        f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
        c_t = f_t ⊙ c_{t-1} + (1 - f_t) ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)

    with x_t (B, I); gates, c_t and h_t (B, H); ``weight_ih`` (3H, I), ``weight_hh`` (3H, H), ``bias_ih`` and
    ``bias_hh`` (3H,), rows in the order f, g, o.

    A quarter fewer weights than the LSTM, and a bounded memory. torch.nn has no such cell; ONNX has one under
    ``input_forget``, which keeps the input gate and forgets by 1 - i_t: the same with the rows of f negated.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = CIFGLSTMCell(3, 5)
        >>> hidden, memory = cell.step(torch.ones(2, 3), cell.initial_state(2))
        >>> hidden.shape, memory.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))

    References:
        [greff2017lstm], section 3, without the peepholes.

    Notes:
        From c_0 = 0, |c_t| ≤ 1 and so |h_t| ≤ tanh 1. Saturation as for :class:`~nurt.nn.LSTMCell`.
    """

    display_name = "CIFG-LSTM"

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
            input_size, hidden_size, CIFG_LSTM, fed_back=hidden_size, bias=bias, device=device, dtype=dtype
        )
        self.reset_parameters()
