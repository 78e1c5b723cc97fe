"""How the learning rate falls: frozen values whose rate is a pure function of the losses seen so far.

No schedule carries counters, so a resumed run cannot disagree with its own past.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from nurt.errors import NurtValueError

__all__ = ["CosineDecay", "Decay", "ReduceOnPlateau"]


@final
@dataclass(frozen=True)
class ReduceOnPlateau:
    """Multiply the rate by ``factor`` whenever the monitored loss has not improved for ``patience`` epochs.

    Args:
        factor: what the rate is multiplied by, between 0 and 1.
        patience: epochs in a row without a new lowest loss before a reduction; counting starts anew after each.
        minimum: the rate never falls below this (nor rises to it, if it starts lower).
    """

    factor: float = 0.5
    patience: int = 5
    minimum: float = 1e-6

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < 1.0:
            raise NurtValueError(
                "ReduceOnPlateau: `factor` cannot reduce a rate.",
                expected="a number between 0 and 1, such as 0.5",
                got=repr(self.factor),
            )
        if self.patience < 1:
            raise NurtValueError(
                "ReduceOnPlateau: `patience` is too small.", expected="at least 1 epoch", got=repr(self.patience)
            )
        _check_minimum("ReduceOnPlateau", self.minimum)

    def rate(self, initial: float, epoch: int, epochs: int, monitored: Sequence[float]) -> float:
        """Return the learning rate of ``epoch``.

        Args:
            initial: the rate training starts with.
            epoch: the epoch about to begin, from 1; not used.
            epochs: the most epochs there will be; not used.
            monitored: monitored losses of all earlier epochs, in order.
        """
        del epoch, epochs
        rate, lowest, stale = initial, math.inf, 0
        for loss in monitored:
            stale = 0 if loss < lowest else stale + 1
            lowest = min(lowest, loss)
            if stale == self.patience:
                rate, stale = max(rate * self.factor, min(self.minimum, rate)), 0
        return rate


@final
@dataclass(frozen=True)
class CosineDecay:
    """Let the rate fall from its initial value to ``minimum`` along half a cosine wave over all epochs.

    With rate r₀ at the start, rate r₁ = ``minimum`` and E epochs, epoch e = 1..E runs at
    r₁ + (r₀ - r₁)·(1 + cos(π·(e - 1)/E))/2: the annealing of [loshchilov2017sgdr], equation 5, without restarts.
    Because the number of epochs shapes the curve, a run cannot be resumed with another number of them.

    Args:
        minimum: the rate towards which the wave falls.
    """

    minimum: float = 0.0

    def __post_init__(self) -> None:
        _check_minimum("CosineDecay", self.minimum)

    def rate(self, initial: float, epoch: int, epochs: int, monitored: Sequence[float]) -> float:
        """Return the learning rate of ``epoch``; arguments as in :meth:`ReduceOnPlateau.rate`."""
        del monitored
        lowest = min(self.minimum, initial)
        return lowest + (initial - lowest) * (1.0 + math.cos(math.pi * (epoch - 1) / epochs)) / 2.0


Decay = ReduceOnPlateau | CosineDecay


def _check_minimum(name: str, minimum: float) -> None:
    if not 0.0 <= minimum < math.inf:
        raise NurtValueError(
            f"{name}: `minimum` is no learning rate.", expected="a finite number of at least 0", got=repr(minimum)
        )
