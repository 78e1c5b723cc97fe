"""The gate before every time: is the outcome right?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from nurt.benchmarks.case import Outcome

__all__ = ["LIMIT", "Deviation", "deviation"]

# About five times what rounding in float32 ever came to here, over up to 1000 steps and 512 units.
LIMIT = 2e-5


@dataclass(frozen=True)
class Deviation:
    """How far an outcome is from the reference.

    Args:
        error: the largest error of any quantity, in units of that quantity's largest magnitude; infinite where one is
            missing, misshapen or not finite.
        quantity: where it is.
    """

    error: float
    quantity: str

    @property
    def acceptable(self) -> bool:
        """Whether a time may be told."""
        return self.error <= LIMIT


def deviation(outcome: Outcome, reference: Outcome) -> Deviation:
    """Compare an outcome with the float64 reference, quantity by quantity.

    Args:
        outcome: what a contender computed.
        reference: what is right; every quantity in it must be in ``outcome``.

    Returns:
        The worst quantity.
    """
    found = [Deviation(_error(outcome.get(name), expected), name) for name, expected in reference.items()]
    return max(found, key=lambda one: one.error)


def _error(actual: Tensor | None, expected: Tensor) -> float:
    if actual is None or actual.shape != expected.shape:
        return math.inf
    expected = expected.detach().double()
    off = float((actual.detach().double() - expected).abs().max())
    size = float(expected.abs().max())
    error = off / size if size > 0.0 else off
    return error if math.isfinite(error) else math.inf
