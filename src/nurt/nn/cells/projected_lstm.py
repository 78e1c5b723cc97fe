"""The LSTM cell with a projected hidden state."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from nurt.errors import NurtValueError
from nurt.kernels import Weights
from nurt.kernels.reference.lstm import LSTMState
from nurt.kernels.reference.projected_lstm import PROJECTED_LSTM
from nurt.nn.cells.base import DenseCell, positive_size

__all__ = ["ProjectedLSTMCell"]


@final
class ProjectedLSTMCell(DenseCell[LSTMState]):
    r"""An LSTM that puts out, and feeds back, a narrower hidden state [sak2014long].

        h_t = W_hr (o_t ⊙ tanh(c_t))

    with gates and c_t as in :class:`~nurt.nn.LSTMCell`; h_t (B, proj_size), c_t (B, H), ``weight_hr``
    (proj_size, H), ``weight_ih`` (4H, I), ``weight_hh`` (4H, proj_size).

    The same as one layer of torch.nn.LSTM with ``proj_size``. The paper also has peepholes and a second projection
    that is put out but not fed back; these are left out, as in torch.

    Args:
        input_size: I.
        hidden_size: H, width of the cell state.
        proj_size: width of the hidden state, below H; None for half of H.
        bias: whether b_ih and b_hh exist; the projection has none.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is not a whole number above zero, or ``proj_size`` is not below H.

    Example:
        >>> cell = ProjectedLSTMCell(3, 5, 2)
        >>> hidden, memory = cell.step(torch.ones(4, 3), cell.initial_state(4))
        >>> hidden.shape, memory.shape
        (torch.Size([4, 2]), torch.Size([4, 5]))

    References:
        [sak2014long].

    Notes:
        As for the LSTM, but the projection takes away the bound on |h_t|.
    """

    display_name = "Projected LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        proj_size: int | None = None,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if proj_size is None:
            proj_size = max(1, positive_size("ProjectedLSTMCell", "hidden_size", hidden_size) // 2)
        if positive_size("ProjectedLSTMCell", "proj_size", proj_size) >= hidden_size:
            raise NurtValueError(
                "ProjectedLSTMCell: `proj_size` does not narrow the hidden state.",
                expected=f"below hidden_size={hidden_size}",
                got=str(proj_size),
                cure="Use LSTMCell where no projection is wanted.",
            )
        super().__init__(
            input_size, hidden_size, PROJECTED_LSTM, fed_back=proj_size, bias=bias, device=device, dtype=dtype
        )
        self.proj_size = proj_size
        self.weight_hr = nn.Parameter(torch.empty(proj_size, hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def weights(self) -> Weights:
        """The weights as kernels take them."""
        return super().weights._replace(weight_hr=self.weight_hr)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return super().extra_repr() + f", proj_size={self.proj_size}"
