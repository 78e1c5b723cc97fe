"""What a cell is: one step, and nothing of time, layout or direction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from torch import Tensor, nn

from nurt.errors import NurtTypeError, NurtValueError
from nurt.kernels import State

__all__ = ["AbstractCell", "positive_size"]

StateT = TypeVar("StateT", bound=State)


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
