"""The LSTM cell."""

from __future__ import annotations

from typing import final

import torch

from nurt.kernels.reference.lstm import LSTM, LSTMState
from nurt.nn.cells.base import DenseCell

__all__ = ["LSTMCell"]


@final
class LSTMCell(DenseCell[LSTMState]):
    r"""Long short-term memory [hochreiter1997long] with a forget gate [gers2000learning].

        i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
        f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
        o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)

    with x_t (B, I); gates, c_t and h_t (B, H); ``weight_ih`` (4H, I), ``weight_hh`` (4H, H), ``bias_ih`` and
    ``bias_hh`` (4H,), rows in the order i, f, g, o.

    The same as torch.nn.LSTMCell, whose ``state_dict`` it takes. No peepholes. The two biases of a gate only count
    as their sum; both exist because torch and cuDNN keep both.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = LSTMCell(3, 5)
        >>> hidden, memory = cell.step(torch.ones(2, 3), cell.initial_state(2))
        >>> hidden.shape, memory.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))

    References:
        [hochreiter1997long]; [gers2000learning] for f_t.

    Notes:
        |h_t| < 1, and |c_t| grows by at most 1 a step. In float32 tanh rounds to ±1 beyond |x| of about 9 and σ to 1
        above about 17 (19 and 37 in float64); a gradient through a gate saturated so far is exactly 0.
    """

    display_name = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, LSTM, fed_back=hidden_size, bias=bias, device=device, dtype=dtype)
        self.reset_parameters()
