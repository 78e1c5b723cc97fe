"""Resilient propagation: only the signs of the gradient count [riedmiller1993direct]. Two forms, not the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.descent.base import AbstractRule, Gradient, Moments

__all__ = ["RProp", "TorchRprop"]


@dataclass(frozen=True)
class RProp(AbstractRule):
    """Every weight has a step size of its own: Δ ← Δ·(η⁺ where the sign of g stayed, else η⁻), θ ← θ - sign(g)·Δ.

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
