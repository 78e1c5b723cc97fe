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
    "Slope",
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
