"""The rules: gradient descent plain and clipped, two forms of RProp, RMSProp with momentum, Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.descent.base import AbstractRule, Gradient, Moments

__all__ = ["SGD", "Adam", "NesterovRMSProp", "RProp", "TorchRprop"]


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


@dataclass(frozen=True)
class RProp(AbstractRule):
    """Every weight has a step size of its own: Δ ← Δ·(η⁺ where the sign of g stayed, else η⁻), θ ← θ - sign(g)·Δ.

    Resilient propagation uses only the signs of the gradient [riedmiller1993direct].
    The sign before the first step is 0, so the first factor is η⁻. After a change of sign the shorter step is taken
    at once. Step sizes have no bounds. :class:`TorchRprop` differs in all three.

    Args:
        initial_step: Δ before the first step.
        growth: η⁺.
        shrinkage: η⁻.
    """

    initial_step: float = 0.001
    growth: float = 1.2
    shrinkage: float = 0.5

    def begin(self, size: int) -> Moments:
        """Remember step sizes and signs."""
        return np.full(size, self.initial_step), np.zeros(size)

    def step(self, point: np.ndarray, memory: Moments, gradient: Gradient) -> tuple[np.ndarray, Moments]:
        """Return the next point, the new step sizes and the signs."""
        sizes, before = memory
        sign = np.sign(gradient(point))
        sizes = sizes * np.where(sign == before, self.growth, self.shrinkage)
        return point - sign * sizes, (sizes, sign)


@dataclass(frozen=True)
class TorchRprop(AbstractRule):
    """The form of ``torch.optim.Rprop``: after a change of sign the weight rests for one step and forgets its sign.

    The factor is 1 where one of the two signs is 0, so also in the first step. Step sizes stay within bounds.

    Args:
        initial_step: Δ before the first step, torch's ``lr``.
        growth: η⁺.
        shrinkage: η⁻.
        least: smallest step size.
        largest: largest step size.
    """

    initial_step: float = 0.001
    growth: float = 1.2
    shrinkage: float = 0.5
    least: float = 1e-6
    largest: float = 50.0

    def begin(self, size: int) -> Moments:
        """Remember step sizes and signs."""
        return np.full(size, self.initial_step), np.zeros(size)

    def step(self, point: np.ndarray, memory: Moments, gradient: Gradient) -> tuple[np.ndarray, Moments]:
        """Return the next point, the new step sizes and the signs."""
        sizes, before = memory
        sign = np.sign(gradient(point))
        agreement = sign * before
        factors = np.where(agreement > 0, self.growth, np.where(agreement < 0, self.shrinkage, 1.0))
        sizes = np.clip(sizes * factors, self.least, self.largest)
        sign = np.where(agreement < 0, 0.0, sign)
        return point - sign * sizes, (sizes, sign)


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
            where g and m are both 0 it is 0/0. It is a mistake in published code, kept to reproduce its
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
