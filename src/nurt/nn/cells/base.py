"""What a cell is: one step, and nothing of time, layout or direction; and what the dense cells share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Self, TypeVar, final

import torch
from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError
from nurt.kernels import Recurrence, State, Weights
from nurt.nn.init import uniform_by_hidden_size

__all__ = ["AbstractCell", "DenseCell", "positive_size"]

StateT = TypeVar("StateT", bound=State)

# Before the names of the fields of a learned initial state.
_INITIAL = "initial_"


class AbstractCell(nn.Module, ABC, Generic[StateT]):
    """One step of a recurrence.

    To make a cell of your own, derive from this class, implement :meth:`initial_state` and :meth:`step`, and run
    :func:`nurt.nn.check_cell` on it. :func:`nurt.nn.unroll` and the layers then take it through time.

    Args:
        input_size: I, features of an input.
        hidden_size: H, units of the cell.

    Attributes:
        display_name: what reports and lists call the cell.

    Example:
        >>> class Average(AbstractCell[LinearState]):
        ...     def initial_state(self, batch):
        ...         return LinearState(torch.zeros(batch, self.hidden_size))
        ...
        ...     def step(self, x, state):
        ...         return LinearState(0.5 * (x + state.hidden))
    """

    display_name: ClassVar[str] = "own cell"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = positive_size(type(self).__name__, "input_size", input_size)
        self.hidden_size = positive_size(type(self).__name__, "hidden_size", hidden_size)

    @abstractmethod
    def initial_state(self, batch: int) -> StateT:
        """Return the state before the first step, a NamedTuple of tensors (B, ·) with a field ``hidden``.

        Its dtype and device are those of the cell's weights.
        """

    @abstractmethod
    def step(self, x: Tensor, state: StateT) -> StateT:
        """Return the state after one input.

        Args:
            x: (B, I).
            state: before the step; it is not changed.

        Returns:
            A state of the same shapes; its ``hidden`` is the output of the step.
        """

    @property
    def output_size(self) -> int:
        """Features of an output, the last axis of ``hidden``."""
        return self.initial_state(1).hidden.shape[-1]

    def extra_repr(self) -> str:
        """Return the sizes, as torch's cells print them."""
        return f"{self.input_size}, {self.hidden_size}"


class DenseCell(AbstractCell[StateT]):
    """A cell whose step is a dense recurrence of :mod:`nurt.kernels`.

    Args:
        input_size: I.
        hidden_size: H.
        recurrence: the equation; it also gives the number G of gates.
        fed_back: features of the hidden state that is fed back, H unless it is projected.
        bias: whether there are biases.
        device: of the weights.
        dtype: of the weights.
    """

    bias_ih: nn.Parameter | None
    bias_hh: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        recurrence: Recurrence[StateT],
        *,
        fed_back: int,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.bias = bias
        self.recurrence = recurrence
        rows = recurrence.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = nn.Parameter(torch.empty(rows, fed_back, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            values = nn.Parameter(torch.empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, values)

    def reset_parameters(self) -> None:
        """Draw all weights anew from U(-1/√H, 1/√H), as torch does; a learned initial state starts at zero again."""
        named = dict(self.named_parameters())
        starts = [named.pop(name) for name in list(named) if name.startswith(_INITIAL)]
        uniform_by_hidden_size(named.values(), self.hidden_size)
        for start in starts:
            nn.init.zeros_(start)

    def learn_initial_state(self) -> Self:
        """Make the state before the first step a parameter, one vector per field, the same for all rows; once.

        It starts at zero and is used wherever no state is given; its gradient is the sum over the rows. In the
        ``state_dict`` it is ``initial_hidden`` and, for cells with a cell state, ``initial_cell``.

        Returns:
            The cell.

        Example:
            >>> cell = LSTMCell(3, 5).learn_initial_state()
            >>> cell.initial_state(2).cell.shape, sorted(cell.state_dict())[2:4]
            (torch.Size([2, 5]), ['initial_cell', 'initial_hidden'])
        """
        for name, size in self._state_sizes.items():
            if not hasattr(self, _INITIAL + name):
                self.register_parameter(_INITIAL + name, nn.Parameter(self.weight_hh.new_zeros(size)))
        return self

    @final
    def initial_state(self, batch: int) -> StateT:
        """Return the state before the first step, (batch, ·): zeros, or what has been learned."""
        return self.recurrence.state(
            **{name: self._initial(name, batch, size) for name, size in self._state_sizes.items()}
        )

    def _initial(self, name: str, batch: int, size: int) -> Tensor:
        learned: Tensor | None = getattr(self, _INITIAL + name, None)
        return self.weight_hh.new_zeros(batch, size) if learned is None else learned.expand(batch, size)

    @property
    def _state_sizes(self) -> dict[str, int]:
        """Features of each field of the state; the hidden one is as wide as what is fed back."""
        widths = {"hidden": self.weight_hh.shape[1], "cell": self.hidden_size}
        return {name: widths[name] for name in self.recurrence.fields}

    @property
    def weights(self) -> Weights:
        """The weights as kernels take them."""
        return Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    @final
    def step(self, x: Tensor, state: StateT) -> StateT:
        """Return the state after one input; the equation is in ``nurt/kernels/reference``."""
        return self.recurrence.step(x, state, self.weights)

    def extra_repr(self) -> str:
        """Return the sizes, as torch's cells print them."""
        return super().extra_repr() + ("" if self.bias else ", bias=False")


def positive_size(where: str, name: str, size: object) -> int:
    """Return ``size`` if it is a whole number above zero.

    Raises:
        NurtTypeError: not a whole number.
        NurtValueError: zero or below.
    """
    if not isinstance(size, int) or isinstance(size, bool):
        raise NurtTypeError(f"{where}: `{name}` is not a whole number.", expected="an int", got=type(size).__name__)
    if size < 1:
        raise NurtValueError(f"{where}: `{name}` is too small.", expected="at least 1", got=str(size))
    return size
