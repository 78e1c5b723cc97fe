"""Plain gradient descent, with and without clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.descent.base import AbstractRule, Gradient, Moments

__all__ = ["SGD"]


@dataclass(frozen=True)
class SGD(AbstractRule):
    r"""θ ← θ - η·g, where g is shortened to the length ``clip_norm`` if it is longer.

    Algorithm 1 of [pascanu2013difficulty]: g ← g·c/‖g‖ if ‖g‖ > c, so the direction is kept.

    Args:
        learning_rate: η.
        clip_norm: c; None clips nothing.
    """

    learning_rate: float
    clip_norm: float | None = None

    def begin(self, size: int) -> Moments:
        """Remember nothing."""
        del size
        return ()

    def step(self, point: np.ndarray, memory: Moments, gradient: Gradient) -> tuple[np.ndarray, Moments]:
        """Return the next point."""
        slope = gradient(point)
        if self.clip_norm is not None:
            norm = np.linalg.norm(slope)
            if norm > self.clip_norm:
                slope = slope * (self.clip_norm / norm)
        return point - self.learning_rate * slope, memory
