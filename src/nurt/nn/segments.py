"""Segments: several steps of a sequence read, and written, as one [lin2023segrnn]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor
from torch.nn import functional

from nurt.errors import NurtValueError, ShapeError

__all__ = ["Segments"]


@final
@dataclass(frozen=True)
class Segments:
    """Cut sequences into segments of ``length`` steps: T/length steps to go back through instead of T.

    Args:
        length: s, steps of a segment; with 1 every segment is a step.

    Raises:
        NurtValueError: the length is no whole number above 0.

    Example:
        >>> Segments(4).cut_past(torch.randn(2, 10, 3)).shape
        torch.Size([2, 3, 12])
    """

    length: int

    def __post_init__(self) -> None:
        if isinstance(self.length, bool) or not isinstance(self.length, int) or self.length < 1:
            raise NurtValueError(
                "Segments: `length` counts the steps of a segment.",
                expected="a whole number of at least 1",
                got=repr(self.length),
            )

    def count(self, steps: int) -> int:
        """Return how many segments hold ``steps`` steps, the incomplete one included."""
        return -(-steps // self.length)

    def cut_past(self, sequence: Tensor) -> Tensor:
        """Cut what lies behind: zeros before the first step fill the oldest segment, so that the newest is whole.

        Args:
            sequence: (B, T, I).

        Returns:
            (B, ⌈T/s⌉, s·I), the steps of a segment one after the other.
        """
        return self._cut(sequence, before=self.count(_steps(sequence)) * self.length - _steps(sequence))

    def cut_ahead(self, sequence: Tensor) -> Tensor:
        """Cut what lies ahead: zeros after the last step fill the farthest segment; shapes as in :meth:`cut_past`."""
        return self._cut(sequence, after=self.count(_steps(sequence)) * self.length - _steps(sequence))

    def joined(self, segments: Tensor, steps: int) -> Tensor:
        """Return the first ``steps`` steps of segments that lie ahead, the inverse of :meth:`cut_ahead`.

        Args:
            segments: (B, M, s, ...), M·s ≥ steps.
            steps: how many.

        Returns:
            (B, steps, ...).
        """
        if segments.dim() < 3 or segments.shape[2] != self.length or segments.shape[1] * self.length < steps:
            raise ShapeError(
                "Segments.joined: these are no segments of that many steps.",
                expected=f"shape (B, at least {self.count(steps)}, {self.length}, ...)",
                got=str(tuple(segments.shape)),
            )
        return segments.flatten(1, 2)[:, :steps]

    def _cut(self, sequence: Tensor, before: int = 0, after: int = 0) -> Tensor:
        if before or after:
            sequence = functional.pad(sequence, (0, 0, before, after))
        return sequence.reshape(sequence.shape[0], -1, self.length * sequence.shape[2])


def _steps(sequence: Tensor) -> int:
    if sequence.dim() != 3:
        raise ShapeError(
            "Segments: a batch of sequences is expected.", expected="shape (B, T, I)", got=str(tuple(sequence.shape))
        )
    return sequence.shape[1]
