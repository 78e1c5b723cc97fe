"""The interface of a long-memory benchmark: a definition, examples, and the loss of a trivial baseline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nurt.errors import NurtValueError

__all__ = ["AbstractBenchmark", "Examples", "Loss", "check_count", "require"]

Loss: TypeAlias = Literal["squared error", "cross-entropy", "binary cross-entropy"]


@dataclass(frozen=True, eq=False)
class Examples:
    """Sequences and their targets.

    Args:
        inputs: (B, T, I), float64; zero past the end of a shorter sequence.
        targets: one answer per sequence, (B,), or per step, (B, T) or (B, T, ·): float64 values, or int64 numbers of
            classes.
        lengths: steps of every sequence, (B,), int64; None when all have T.
    """

    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray | None = None


class AbstractBenchmark(ABC):
    """A task whose law is known. The subclasses are frozen values; two that are equal draw the same examples."""

    @property
    @abstractmethod
    def input_size(self) -> int:
        """I, numbers per step."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Numbers an answer consists of: 1, or one per class."""

    @property
    @abstractmethod
    def loss(self) -> Loss:
        """Loss of the answers, averaged over all targets; cross-entropies are in nats."""

    @property
    @abstractmethod
    def baseline_loss(self) -> float:
        """Expected loss of the best answer that ignores the input, in closed form."""

    @abstractmethod
    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return ``count`` new examples.

        Args:
            count: B.
            seed: an integer, or a generator of :func:`numpy.random.default_rng`, which continues from its state.

        Raises:
            NurtValueError: ``count`` below 1.
        """

    def baseline_on(self, examples: Examples) -> float:
        """Return the loss of the baseline on ``examples``; its expectation is ``baseline_loss``."""
        del examples
        return self.baseline_loss


def check_count(count: int) -> None:
    """Refuse an empty draw.

    Raises:
        NurtValueError: ``count`` below 1.
    """
    require(count >= 1, "A draw needs examples.", expected="count of at least 1", got=count)


def require(holds: bool, what: str, *, expected: str, got: object) -> None:
    """Refuse an inconsistent definition.

    Raises:
        NurtValueError: unless ``holds``.
    """
    if not holds:
        raise NurtValueError(what, expected=expected, got=repr(got))
