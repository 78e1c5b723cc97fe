"""The minLSTM cell."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from nurt.nn.cells.diagonal import GatedDiagonalCell

__all__ = ["MinLSTMCell"]


@final
class MinLSTMCell(GatedDiagonalCell):
    r"""Minimal long short-term memory: gates that do not see the state, and share what is kept [feng2024rnns].

        f_t = σ(W_f x_t + b_f)        f′_t = f_t / (f_t + i_t)
        i_t = σ(W_i x_t + b_i)        i′_t = i_t / (f_t + i_t)
        n_t = W_n x_t + b_n
        h_t = f′_t ⊙ h_{t-1} + i′_t ⊙ n_t

    with x_t (B, I); gates, n_t and h_t (B, H); ``weight_ih`` (3H, I) and ``bias_ih`` (3H,), rows in the order f, i, n.

    This is the paper's plain form with normalised gates, without the log-space form's positive candidate. There is
    no output gate and no cell state beside h_t.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_f, b_i and b_n exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> outputs, state = Recurrent(MinLSTMCell(3, 5))(torch.ones(2, 7, 3))
        >>> outputs.shape
        torch.Size([2, 7, 5])

    References:
        [feng2024rnns], section 3.2.

    Notes:
        f′_t + i′_t = 1, so h_t is a weighted mean of h_{t-1} and n_t. With k_f and k_i the gates before σ, the ratio is
        computed as f′_t = σ(log σ(k_f) - log σ(k_i)) and i′_t with the opposite sign: the same function, finite
        where both gates underflow and the quotient would be 0 / 0.
    """

    display_name = "MinLSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, 3, bias=bias, device=device, dtype=dtype)

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return f′_t and i′_t ⊙ n_t, each (…, H)."""
        forget, admit, candidate = projected.chunk(3, dim=-1)
        odds = F.logsigmoid(forget) - F.logsigmoid(admit)
        return torch.sigmoid(odds), torch.sigmoid(-odds) * candidate
