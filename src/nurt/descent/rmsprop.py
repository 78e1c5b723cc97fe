"""RMSProp with Nesterov's momentum, in two spellings of its guard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.descent.base import AbstractRule, Gradient, Moments

__all__ = ["NesterovRMSProp"]


@dataclass(frozen=True)
class NesterovRMSProp(AbstractRule):
    """v ← μv, θ ← θ + v, g there, m ← λm + (1-λ)g², d from g and m, v ← v - d, θ ← θ - d.

    The momentum is that of [nesterov1983method], the running mean of squares that of [tieleman2012lecture].

    Args:
        learning_rate: η.
        momentum: μ.
        decay: λ.
        epsilon: ε.
        guard: ``root`` divides by √m + ε; ``step`` computes η·g/√m + ε, which adds ε to every step and guards nothing:
            where g and m are both 0 it is 0/0. It is a slip of the pen in published code, kept to reproduce its
            numbers.
    """

    learning_rate: float
    momentum: float = 0.8
    decay: float = 0.5
    epsilon: float = 1e-6
    guard: Literal["root", "step"] = "root"

    def begin(self, size: int) -> Moments:
        """Remember velocity and mean square."""
        return np.zeros(size), np.zeros(size)

    def step(self, point: np.ndarray, memory: Moments, gradient: Gradient) -> tuple[np.ndarray, Moments]:
        """Return the next point, velocity and mean square."""
        velocity, square = memory
        velocity = self.momentum * velocity
        ahead = point + velocity
        slope = gradient(ahead)
        square = self.decay * square + (1.0 - self.decay) * slope**2
        if self.guard == "root":
            change = self.learning_rate * slope / (np.sqrt(square) + self.epsilon)
        else:
            change = self.learning_rate * slope / np.sqrt(square) + self.epsilon
        return ahead - change, (velocity - change, square)
