"""The recurrence of the cliff, in float64: value, exact gradient, and the ridge in closed form.

h_0 = σ(0.5), h_t = σ(w·h_{t-1} + b) for t = 1 … 50, ℓ = (h_50 - 0.7)²: the example of [pascanu2013difficulty]
written in activations. There is no input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "START",
    "STEEPEST_WEIGHT",
    "STEPS",
    "TARGET",
    "Crest",
    "Slope",
    "beside_ridge",
    "crest",
    "multiplier",
    "ridge_bias",
    "ridge_gradient",
    "slope",
    "states",
]

STEPS = 50
TARGET = 0.7
START = float(1.0 / (1.0 + np.exp(-0.5)))
# From this weight on the start lies on an unstable fixed point: w·σ′ = 1.
STEEPEST_WEIGHT = 1.0 / (START * (1.0 - START))
# Distances from the ridge that are searched for the steepest place, and how often the best of them is refined.
NEAREST, FARTHEST, DISTANCES = 1e-16, 0.3, 801
ZOOMS, INSIDE = 4, 41


@dataclass(frozen=True)
class Slope:
    """Value and gradient at points (w, b); every field has the shape of the points.

    Args:
        last: h_50.
        loss: ℓ.
        weight: ∂ℓ/∂w.
        bias: ∂ℓ/∂b.
    """

    last: np.ndarray
    loss: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    @property
    def norm(self) -> np.ndarray:
        """‖∇ℓ‖."""
        return np.asarray(np.hypot(self.weight, self.bias))


@dataclass(frozen=True)
class Crest:
    """The steepest place beside the ridge at one weight.

    Args:
        offset: b - b*.
        norm: ‖∇ℓ‖ there.
    """

    offset: float
    norm: float


def _logistic(value: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-value)))


def states(weight: float, bias: float) -> np.ndarray:
    """Return h_0 … h_50, (51,)."""
    taken = np.empty(STEPS + 1)
    taken[0] = START
    for step in range(STEPS):
        taken[step + 1] = _logistic(weight * taken[step] + bias)
    return taken


def slope(weight: np.ndarray | float, bias: np.ndarray | float) -> Slope:
    """Return value and exact gradient, carried forward along with the state.

    With s_t = h_t(1 - h_t): ∂h_t/∂w = s_t(h_{t-1} + w·∂h_{t-1}/∂w) and ∂h_t/∂b = s_t(1 + w·∂h_{t-1}/∂b).
    """
    weight, bias = np.broadcast_arrays(np.asarray(weight, dtype=np.float64), np.asarray(bias, dtype=np.float64))
    state = np.full(weight.shape, START)
    by_weight, by_bias = np.zeros(weight.shape), np.zeros(weight.shape)
    for _ in range(STEPS):
        new = _logistic(weight * state + bias)
        steepness = new * (1.0 - new)
        by_weight = steepness * (state + weight * by_weight)
        by_bias = steepness * (1.0 + weight * by_bias)
        state = new
    error = state - TARGET
    return Slope(state, error**2, 2.0 * error * by_weight, 2.0 * error * by_bias)


def ridge_bias(weight: float) -> float:
    """Return b* = 0.5 - w·h_0, with which h_0 is a fixed point; a typed decimal number is not precise enough."""
    return 0.5 - weight * START


def multiplier(weight: float) -> float:
    """Return m = w·h_0(1 - h_0), the factor of one step on the ridge; above 1 the fixed point is unstable."""
    return weight * START * (1.0 - START)


def ridge_gradient(weight: float) -> np.ndarray:
    """Return (∂ℓ/∂w, ∂ℓ/∂b) on the ridge in closed form, (2,).

    ∂ℓ/∂b = 2(h_0 - 0.7)·h_0(1 - h_0)·(m^50 - 1)/(m - 1), the last factor 50 where m = 1; ∂ℓ/∂w = h_0·∂ℓ/∂b.
    """
    factor = multiplier(weight)
    total = float(STEPS) if factor == 1.0 else (factor**STEPS - 1.0) / (factor - 1.0)
    by_bias = 2.0 * (START - TARGET) * START * (1.0 - START) * total
    return np.array([START * by_bias, by_bias])


def beside_ridge(weight: float, offset: np.ndarray) -> Slope:
    """Return value and gradient at b = b* + ``offset``; right also where b itself cannot hold the offset.

    The distance u_t = h_t - h_0 is carried instead of the state: u_t = σ(½ + e) - σ(½) with e = w·u_{t-1} + offset,
    which is sinh(e/2)/(2 cosh(¼) cosh(¼ + e/2)) and loses no digit to the subtraction.

    Args:
        weight: w.
        offset: b - b*, any shape.
    """
    distance, by_weight, by_bias = np.zeros(offset.shape), np.zeros(offset.shape), np.zeros(offset.shape)
    for _ in range(STEPS):
        before, change = START + distance, weight * distance + offset
        distance = np.sinh(0.5 * change) / (2.0 * np.cosh(0.25) * np.cosh(0.25 + 0.5 * change))
        steepness = (START + distance) * (1.0 - START - distance)
        by_weight = steepness * (before + weight * by_weight)
        by_bias = steepness * (1.0 + weight * by_bias)
    error = START - TARGET + distance
    return Slope(START + distance, error**2, 2.0 * error * by_weight, 2.0 * error * by_bias)


def crest(weight: float) -> Crest:
    """Return the steepest place beside the ridge, searched on both sides of it and refined.

    The ridge is where the state does not move, not where the gradient is largest: a little beside it the error
    h_50 - 0.7 is larger and the states still are near the unstable point.

    Args:
        weight: w, above :data:`STEEPEST_WEIGHT`; below it there is no wall.
    """
    sizes = np.geomspace(NEAREST, FARTHEST, DISTANCES)
    offsets = np.concatenate([-sizes[::-1], sizes])
    found = beside_ridge(weight, offsets).norm
    best = int(np.argmax(found))
    side, ratio = np.sign(offsets[best]), sizes[1] / sizes[0]
    at = offsets[best]
    for _ in range(ZOOMS):
        tried = side * np.geomspace(abs(at) / ratio, abs(at) * ratio, INSIDE)
        norms = beside_ridge(weight, tried).norm
        at, ratio = tried[int(np.argmax(norms))], ratio ** (2.0 / (INSIDE - 1))
    return Crest(float(at), float(beside_ridge(weight, np.array(at)).norm))
