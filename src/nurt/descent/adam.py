"""Adam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.descent.base import AbstractRule, Gradient, Moments

__all__ = ["Adam"]


@dataclass(frozen=True)
class Adam(AbstractRule):
    """Algorithm 1 of [kingma2015adam]: θ ← θ - η·m̂/(√v̂ + ε) with running means of g and g², corrected for their start.

    Args:
        learning_rate: η.
        first_decay: β₁.
        second_decay: β₂.
        epsilon: ε.
    """

    learning_rate: float = 0.001
    first_decay: float = 0.9
    second_decay: float = 0.999
    epsilon: float = 1e-8

    def begin(self, size: int) -> Moments:
        """Remember both means and the number of steps."""
        return np.zeros(size), np.zeros(size), np.zeros(1)

    def step(self, point: np.ndarray, memory: Moments, gradient: Gradient) -> tuple[np.ndarray, Moments]:
        """Return the next point, both means and the number of steps."""
        mean, square, count = memory
        slope = gradient(point)
        count = count + 1
        mean = self.first_decay * mean + (1.0 - self.first_decay) * slope
        square = self.second_decay * square + (1.0 - self.second_decay) * slope**2
        unbiased = mean / (1.0 - self.first_decay**count)
        scale = np.sqrt(square / (1.0 - self.second_decay**count)) + self.epsilon
        return point - self.learning_rate * unbiased / scale, (mean, square, count)
