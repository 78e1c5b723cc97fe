"""The minGRU cell."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from nurt.nn.cells.diagonal import GatedDiagonalCell

__all__ = ["MinGRUCell"]


@final
class MinGRUCell(GatedDiagonalCell):
    r"""Minimal gated recurrent unit: a GRU whose gate and candidate do not see the state [feng2024rnns].

        z_t = σ(W_z x_t + b_z)
        n_t = W_n x_t + b_n
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t

    with x_t (B, I); z_t, n_t and h_t (B, H); ``weight_ih`` (2H, I) and ``bias_ih`` (2H,), rows in the order z, n.

    This is the paper's plain form. Its log-space form passes the candidate through a positive function so that its
    logarithm exists; a scan step by step needs no logarithm and keeps the sign. z_t has the opposite sense of
    the update gate of :class:`~nurt.nn.GRUCell`, as in the paper.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_z and b_n exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero.

    Example:
        >>> outputs, state = Recurrent(MinGRUCell(3, 5))(torch.ones(2, 7, 3))
        >>> outputs.shape
        torch.Size([2, 7, 5])

    References:
        [feng2024rnns], section 3.1.

    Notes:
        h_t is a weighted mean of h_{t-1} and n_t, so nothing can grow. The factor 1 - z_t is computed as
        σ(-(W_z x_t + b_z)), which keeps its relative accuracy where the difference would round to zero, beyond about
        17 in float32.
    """

    display_name = "MinGRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, 2, bias=bias, device=device, dtype=dtype)

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 - z_t and z_t ⊙ n_t, each (…, H)."""
        update, candidate = projected.chunk(2, dim=-1)
        return torch.sigmoid(-update), torch.sigmoid(update) * candidate
