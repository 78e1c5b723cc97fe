"""A series of any length in a bounded number of points: when they are used up, neighbours are joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nurt.results import Result

__all__ = ["Trace", "TraceBook"]

_COLUMNS = ("steps", "largest", "norms", "coefficients", "clipped")


@dataclass(frozen=True)
class Trace(Result):
    """Gradient norms over the finite updates, ``width`` of them in a point; N points.

    Args:
        width: updates in a point, a power of 2; 1 as long as every update has a point of its own.
        steps: (N,) updates in each point, fewer in the last.
        largest: (N,) largest norm before clipping.
        norms: (N,) mean norm before clipping.
        coefficients: (N,) mean of norm after / norm before.
        clipped: (N,) share of the updates that were clipped, 0..1.
    """

    width: int
    steps: tuple[int, ...]
    largest: tuple[float, ...]
    norms: tuple[float, ...]
    coefficients: tuple[float, ...]
    clipped: tuple[float, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Trace:
        """Return the trace that ``to_dict`` described."""
        return cls(values["width"], *(tuple(values[name]) for name in _COLUMNS))


@dataclass
class TraceBook:
    """The trace while it is written.

    Args:
        points: the most points, an even number.
        width: updates in a finished point.
        columns: per point: updates, largest norm, sums of norms, of coefficients and of clipped updates.
    """

    points: int = 200
    width: int = 1
    columns: list[list[float]] = field(default_factory=list)

    def note(self, norm: float, coefficient: float, *, clipped: bool) -> None:
        """Enter one finite update."""
        if self.columns and self.columns[-1][0] < self.width:
            self.columns[-1] = _joined(self.columns[-1], [1.0, norm, norm, coefficient, float(clipped)])
            return
        if len(self.columns) == self.points:
            pairs = zip(self.columns[::2], self.columns[1::2], strict=True)
            self.columns = [_joined(first, second) for first, second in pairs]
            self.width *= 2
        self.columns.append([1.0, norm, norm, coefficient, float(clipped)])

    def trace(self) -> Trace:
        """Return the series so far."""
        steps = tuple(int(point[0]) for point in self.columns)
        largest = tuple(point[1] for point in self.columns)
        means = (tuple(point[column] / point[0] for point in self.columns) for column in (2, 3, 4))
        return Trace(self.width, steps, largest, *means)


def _joined(first: list[float], second: list[float]) -> list[float]:
    sums = [one + other for one, other in zip(first[2:], second[2:], strict=True)]
    return [first[0] + second[0], max(first[1], second[1]), *sums]
