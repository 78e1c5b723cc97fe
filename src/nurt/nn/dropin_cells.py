"""RNNCell, LSTMCell and GRUCell in the place of ``torch.nn``'s: one step, called and named as there.

``nurt.nn.LSTMCell`` and the like are cells of another contract, made to be taken through time; hence other names.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from nurt import kernels
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import Recurrence, Weights
from nurt.kernels.reference.gru import GRU
from nurt.kernels.reference.lstm import LSTM
from nurt.nn.cells.base import positive_size
from nurt.nn.cells.elman import NONLINEARITIES
from nurt.nn.checking import check_dense, check_same_kind
from nurt.nn.symbolic import WholeInGraphs

__all__ = ["AbstractDropInCell", "CellShapeError", "CellTypeError", "DropInGRUCell", "DropInLSTMCell", "DropInRNNCell"]


class CellShapeError(ShapeError, RuntimeError):
    """Input or state of a drop-in cell has the wrong shape; also the RuntimeError that torch raises for some."""


class CellTypeError(NurtTypeError, ValueError, RuntimeError, AttributeError):
    """Input or state of a drop-in cell has the wrong type, dtype or device; torch raises any of the built-ins here."""


class AbstractDropInCell(WholeInGraphs, nn.RNNCellBase):
    """What the three cells share; mixed in before the class of torch, whose ``__init__`` makes the parameters."""

    recurrence: Recurrence[Any]

    def _step(self, input: Tensor, hx: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """Return the state after one step, each field laid out as the input."""
        where = f"nurt.nn.{type(self).__name__}"
        names = ("h_0", "c_0")[: len(self.recurrence.fields)]
        single = _checked(where, "input", input, self.input_size, self.weight_ih).dim() == 1
        if single:
            input = input.unsqueeze(0)
        if hx is None:
            fields = [input.new_zeros(input.shape[0], self.hidden_size)] * len(names)
        else:
            if len(hx) != len(names):
                raise CellTypeError(
                    f"{where}: `hx` holds the wrong number of states.",
                    expected=f"({', '.join(names)})",
                    got=f"{len(hx)} of them",
                )
            fields = [self._field(where, name, field, input, single) for name, field in zip(names, hx, strict=True)]
        weights = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        _, state = kernels.run(self.recurrence, input.unsqueeze(1), self.recurrence.state(*fields), weights)
        return tuple(field.squeeze(0) if single else field for field in state)

    def _field(self, where: str, name: str, field: Tensor, input: Tensor, single: bool) -> Tensor:
        """Return a field of the state as (B, H)."""
        _checked(where, name, field, self.hidden_size, input, other="input")
        if field.shape != ((self.hidden_size,) if single else (input.shape[0], self.hidden_size)):
            raise CellShapeError(
                f"{where}: `{name}` of `hx` has the wrong shape.",
                expected=f"({self.hidden_size},)" if single else f"({input.shape[0]}, {self.hidden_size})",
                got=str(tuple(field.shape)),
            )
        return field.unsqueeze(0) if single else field


@final
class DropInRNNCell(AbstractDropInCell, nn.RNNCell):
    """One step of Elman's recurrence, in the place of :class:`torch.nn.RNNCell`; the equation is in :class:`ElmanCell`.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        nonlinearity: "tanh" or "relu".
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is no whole number above zero, or the nonlinearity is unknown.

    Example:
        >>> DropInRNNCell(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _check_sizes("DropInRNNCell", input_size, hidden_size)
        if nonlinearity not in ("tanh", "relu"):
            raise NurtValueError(
                "nurt.nn.DropInRNNCell: unknown `nonlinearity`.", expected="'tanh' or 'relu'", got=repr(nonlinearity)
            )
        super().__init__(input_size, hidden_size, bias, nonlinearity, device, dtype)

    @property
    def recurrence(self) -> Recurrence[Any]:  # type: ignore[override]  # the nonlinearity chooses
        """The equation of the step."""
        return NONLINEARITIES[self.nonlinearity]

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Take one step.

        Args:
            input: (B, I), or (I,) for a single row.
            hx: h before the step, (B, H) or (H,); None for zeros.

        Returns:
            h after the step, (B, H) or (H,).

        Raises:
            CellShapeError, CellTypeError: input or state do not fit the cell, or each other.
            UnavailableError: a forced rung cannot run the cell.
        """
        (hidden,) = self._step(input, None if hx is None else (hx,))
        return hidden


@final
class DropInGRUCell(AbstractDropInCell, nn.GRUCell):
    """One step of a gated recurrent unit, in the place of :class:`torch.nn.GRUCell`; equations in :class:`GRUCell`.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is no whole number above zero.

    Example:
        >>> DropInGRUCell(3, 5)(torch.randn(3)).shape
        torch.Size([5])
    """

    recurrence: Recurrence[Any] = GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _check_sizes("DropInGRUCell", input_size, hidden_size)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Take one step; arguments, results and errors as for :meth:`DropInRNNCell.forward`."""
        (hidden,) = self._step(input, None if hx is None else (hx,))
        return hidden


@final
class DropInLSTMCell(AbstractDropInCell, nn.LSTMCell):
    """One step of an LSTM, in the place of :class:`torch.nn.LSTMCell`; the equations are in :class:`LSTMCell`.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether b_ih and b_hh exist.
        device: of the weights.
        dtype: of the weights.

    Raises:
        NurtTypeError, NurtValueError: a size is no whole number above zero.

    Example:
        >>> h, c = DropInLSTMCell(3, 5)(torch.randn(2, 3))
        >>> h.shape, c.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    recurrence: Recurrence[Any] = LSTM

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _check_sizes("DropInLSTMCell", input_size, hidden_size)
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Take one step.

        Arguments, results and errors as for :meth:`DropInRNNCell.forward`, but the state is a pair (h, c).
        """
        if hx is not None and not isinstance(hx, tuple | list):
            raise CellTypeError(
                "nurt.nn.DropInLSTMCell: `hx` is not a pair.", expected="(h_0, c_0)", got=type(hx).__name__
            )
        hidden, cell = self._step(input, None if hx is None else tuple(hx))
        return hidden, cell


def _check_sizes(where: str, input_size: object, hidden_size: object) -> None:
    positive_size(f"nurt.nn.{where}", "input_size", input_size)
    positive_size(f"nurt.nn.{where}", "hidden_size", hidden_size)


def _checked(where: str, name: str, given: object, features: int, like: Tensor, *, other: str = "weights") -> Tensor:
    """Return ``given`` if it is a dense tensor (B, ``features``) or (``features``,) of the kind of ``like``."""
    if not isinstance(given, Tensor):
        raise CellTypeError(f"{where}: `{name}` is not a tensor.", expected="a Tensor", got=type(given).__name__)
    check_dense(where, name, given, CellTypeError)
    if given.dim() not in (1, 2) or given.shape[-1] != features:
        raise CellShapeError(
            f"{where}: `{name}` has the wrong shape.",
            expected=f"(B, {features}), or ({features},) for a single row",
            got=str(tuple(given.shape)),
        )
    check_same_kind(where, name, given, like, other=other, error=CellTypeError)
    return given
