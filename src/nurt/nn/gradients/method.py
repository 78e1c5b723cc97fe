"""What a gradient method is: the answer to one question, where a sequence is cut on the way back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from nurt.errors import NurtTypeError, NurtValueError

__all__ = ["AbstractGradientMethod", "Cuts", "Sizes", "check_method", "check_whole"]


@dataclass(frozen=True)
class Sizes:
    """What a method may know of the sequence that it is asked about.

    Args:
        steps: T.
        state_bytes: one state of all rows.
        step_bytes: gives what one step of all rows keeps for its backward pass; measured when called.
    """

    steps: int
    state_bytes: int
    step_bytes: Callable[[], int]


@dataclass(frozen=True)
class Cuts:
    """How a sequence is cut into segments that are run again on the way back.

    Args:
        every: steps of a segment.
        window: steps that the gradient of a segment's outputs goes back over, the segment's own included, a multiple
            of ``every``; None when gradients pass every cut.
    """

    every: int
    window: int | None


class AbstractGradientMethod(ABC):
    """How the gradient goes back through time. The forward pass is the same for every method."""

    @abstractmethod
    def cuts(self, sizes: Sizes) -> Cuts | None:
        """Return where a sequence is cut; None for not at all.

        Raises:
            NurtValueError: the method cannot work on this sequence.
        """


def check_method(where: str, gradient: object) -> AbstractGradientMethod:
    """Return ``gradient`` if it is a gradient method.

    Raises:
        NurtTypeError: it is none.
    """
    if not isinstance(gradient, AbstractGradientMethod):
        raise NurtTypeError(
            f"{where}: `gradient` is no gradient method.",
            expected="nurt.nn.Exact(), Truncated(window, stride) or Checkpointed(every=...)",
            got=repr(gradient),
        )
    return gradient


def check_whole(where: str, name: str, value: object) -> int:
    """Return ``value`` if it is a whole number of at least 1.

    Raises:
        NurtTypeError: no whole number.
        NurtValueError: below 1.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise NurtTypeError(f"{where}: `{name}` is no whole number.", expected="an int", got=repr(value))
    if value < 1:
        raise NurtValueError(f"{where}: `{name}` is too small.", expected="at least 1", got=str(value))
    return value
