"""The interface of a rule, and descent itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nurt.errors import NurtValueError

__all__ = ["AbstractRule", "Gradient", "Moments", "Path", "descend"]

Gradient: TypeAlias = Callable[[np.ndarray], np.ndarray]
Moments: TypeAlias = tuple[np.ndarray, ...]


class AbstractRule(ABC):
    """One rule of descent. Its memory between steps is an argument and a result, never kept."""

    @abstractmethod
    def begin(self, size: int) -> Moments:
        """Return the memory before the first step, for ``size`` weights."""

    @abstractmethod
    def step(self, point: np.ndarray, memory: Moments, gradient: Gradient) -> tuple[np.ndarray, Moments]:
        """Return the next point and memory.

        Args:
            point: the weights, (size,).
            memory: as ``begin`` or the last step returned it.
            gradient: gives the gradient at any point, (size,); a rule that looks ahead asks for it elsewhere.
        """


@dataclass(frozen=True)
class Path:
    """The points of a walk, (steps + 1, size), the first of them the start."""

    points: np.ndarray

    @property
    def end(self) -> np.ndarray:
        """The last point, (size,)."""
        return np.asarray(self.points[-1])


def descend(
    rule: AbstractRule, start: Sequence[float] | np.ndarray, gradients: Gradient | Sequence[Gradient], steps: int
) -> Path:
    """Walk ``steps`` steps from ``start``.

    Args:
        rule: how a gradient becomes a step.
        start: the first point, (size,).
        gradients: one function for all steps, or several that take turns, as batches do.
        steps: how many, at least 0.

    Raises:
        NurtValueError: a negative number of steps, or no gradient.

    Example:
        >>> from nurt.descent import SGD
        >>> descend(SGD(0.5), [4.0], lambda point: point, 2).end
        array([1.])
    """
    turns = [gradients] if callable(gradients) else list(gradients)
    if steps < 0 or not turns:
        raise NurtValueError(
            "nurt.descent.descend: there is no such walk.",
            expected="steps of at least 0 and at least one gradient",
            got=f"{steps} steps and {len(turns)} gradients",
        )
    point = np.array(start, dtype=np.float64)
    memory = rule.begin(point.size)
    points = [point]
    for number in range(steps):
        point, memory = rule.step(point, memory, turns[number % len(turns)])
        points.append(point)
    return Path(np.array(points))
