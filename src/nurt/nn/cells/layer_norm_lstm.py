"""The layer-normalised LSTM cell."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from nurt.kernels import Weights
from nurt.kernels.reference.layer_norm_lstm import LAYER_NORM_LSTM
from nurt.kernels.reference.lstm import LSTMState
from nurt.nn.cells.base import DenseCell

__all__ = ["LayerNormLSTMCell"]


@final
class LayerNormLSTMCell(DenseCell[LSTMState]):
    r"""LSTM with layer normalisation [ba2016layer].

        (a_i, a_f, a_g, a_o) = LN(W_ih x_t; α_ih) + b_ih + LN(W_hh h_{t-1}; α_hh) + b_hh
        c_t = σ(a_f) ⊙ c_{t-1} + σ(a_i) ⊙ tanh(a_g)
        h_t = σ(a_o) ⊙ tanh(LN(c_t; α_c) + b_c)

        LN(a; α) = α ⊙ (a - mean(a)) / √(var(a) + ε),   ε = 1e-5

    with x_t (B, I); c_t and h_t (B, H); ``weight_ih`` (4H, I), ``weight_hh`` (4H, H), ``bias_ih`` and ``bias_hh``
    (4H,), gains ``norm_ih`` and ``norm_hh`` (4H,), rows in the order i, f, g, o; α_c ``norm_cell`` and b_c
    ``norm_cell_bias`` (H,).

    Mean and variance run over all 4H sums of a row together, for the inputs and the recurrent sums apart, and over
    the H elements of c_t. Gains start at 1, b_c at 0, the rest as for :class:`~nurt.nn.LSTMCell`. torch.nn has none.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih, b_hh and b_c exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> cell = LayerNormLSTMCell(3, 5)
        >>> hidden, memory = cell.step(torch.ones(2, 3), cell.initial_state(2))
        >>> hidden.shape, memory.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))

    References:
        [ba2016layer], equations 20 to 22 of the supplement; of the paper's three biases of the gates, whose sum is
        what counts, two are kept.

    Notes:
        The size of the inputs is divided out: with a single feature (I = 1) little but its sign is left. With H = 1
        LN(c_t) is 0, and the output knows the memory no more. Saturation as for :class:`~nurt.nn.LSTMCell`.
    """

    norm_cell_bias: nn.Parameter | None

    display_name = "Layer-norm LSTM"

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
            input_size, hidden_size, LAYER_NORM_LSTM, fed_back=hidden_size, bias=bias, device=device, dtype=dtype
        )
        rows = 4 * hidden_size
        self.norm_ih = nn.Parameter(torch.empty(rows, device=device, dtype=dtype))
        self.norm_hh = nn.Parameter(torch.empty(rows, device=device, dtype=dtype))
        self.norm_cell = nn.Parameter(torch.empty(hidden_size, device=device, dtype=dtype))
        offset = nn.Parameter(torch.empty(hidden_size, device=device, dtype=dtype)) if bias else None
        self.register_parameter("norm_cell_bias", offset)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew as for the LSTM; gains become 1 and b_c 0."""
        super().reset_parameters()
        for gain in (self.norm_ih, self.norm_hh, self.norm_cell):
            nn.init.ones_(gain)
        if self.norm_cell_bias is not None:
            nn.init.zeros_(self.norm_cell_bias)

    @property
    def weights(self) -> Weights:
        """The weights as kernels take them."""
        return super().weights._replace(
            norm_ih=self.norm_ih,
            norm_hh=self.norm_hh,
            norm_cell=self.norm_cell,
            norm_cell_bias=self.norm_cell_bias,
        )
