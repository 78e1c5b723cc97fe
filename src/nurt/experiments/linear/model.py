"""The linear network with one unit, in float64, and its sequences: loss, gradient through time, closed forms.

With s_0 = 0 and s_k = w_x·x_k + w_rec·s_{k-1} for k = 1 … T, the output is y = s_T and the loss is the mean over the B
sequences of (y - t)². A point is the pair (w_x, w_rec). Sequences come from NumPy's frozen ``RandomState``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

__all__ = [
    "DRAWS",
    "TARGETS",
    "DrawName",
    "Gradients",
    "TargetName",
    "best_input_weight",
    "draw_sequences",
    "gradients",
    "loss",
    "numeric_gradient",
    "states",
    "surface",
]


DrawName: TypeAlias = Literal["bits", "fifths", "thirds"]
TargetName: TypeAlias = Literal["sum", "mean", "count"]


def _bits(stream: np.random.RandomState, shape: tuple[int, int]) -> np.ndarray:
    return np.around(stream.rand(*shape))


def _fifths(stream: np.random.RandomState, shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(stream.choice(np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), size=shape))


def _thirds(stream: np.random.RandomState, shape: tuple[int, int]) -> np.ndarray:
    drawn = stream.rand(*shape)
    return np.where(drawn < 0.33, 0.33, np.where(drawn < 0.66, 0.66, 1.0))


def _count(inputs: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(inputs == 0.33, axis=1), dtype=np.float64)


DRAWS: Mapping[DrawName, Callable[[np.random.RandomState, tuple[int, int]], np.ndarray]] = {
    "bits": _bits,
    "fifths": _fifths,
    "thirds": _thirds,
}
TARGETS: Mapping[TargetName, Callable[[np.ndarray], np.ndarray]] = {
    "sum": lambda inputs: np.sum(inputs, axis=1),
    "mean": lambda inputs: np.mean(inputs, axis=1),
    "count": _count,
}


def draw_sequences(
    kind: DrawName, target: TargetName, shape: tuple[int, int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (B, T) and targets (B,).

    Args:
        kind: ``bits`` 0 or 1; ``fifths`` 0, .2 … 1; ``thirds`` .33, .66 or 1.
        target: of each row: its sum, its mean, or how many .33 it holds.
        shape: (B, T).
        seed: of a private stream.
    """
    inputs = DRAWS[kind](np.random.RandomState(seed), shape)
    return inputs, TARGETS[target](inputs)


@dataclass(frozen=True)
class Gradients:
    """Derivatives of the loss at one point.

    Args:
        loss: ℓ.
        input_weight: ∂ℓ/∂w_x.
        recurrent_weight: ∂ℓ/∂w_rec.
        over_time: G_k = Σ_b ∂ℓ/∂s_{b,k}, (T + 1,), k = 0 … T; G_k = w_rec^(T-k)·G_T.
    """

    loss: float
    input_weight: float
    recurrent_weight: float
    over_time: np.ndarray

    @property
    def vector(self) -> np.ndarray:
        """Both derivatives, (2,)."""
        return np.array([self.input_weight, self.recurrent_weight])


def states(point: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return s_0 … s_T, (B, T + 1).

    Args:
        point: (w_x, w_rec).
        inputs: (B, T).
    """
    input_weight, recurrent_weight = point
    taken = np.zeros((inputs.shape[0], inputs.shape[1] + 1))
    for step in range(inputs.shape[1]):
        taken[:, step + 1] = input_weight * inputs[:, step] + recurrent_weight * taken[:, step]
    return taken


def loss(point: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean squared error of the last states; ``targets`` is (B,)."""
    return float(np.mean((targets - states(point, inputs)[:, -1]) ** 2))


def gradients(point: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> Gradients:
    """Return loss and gradients by back-propagation through time.

    Per sequence g_T = 2(y - t) and g_{k-1} = w_rec·g_k; ∂ℓ/∂w_x = Σ_k mean(g_k x_k), ∂ℓ/∂w_rec = Σ_k mean(g_k s_{k-1}).
    """
    taken = states(point, inputs)
    steps = inputs.shape[1]
    arriving = np.empty_like(taken)
    arriving[:, steps] = 2.0 * (taken[:, steps] - targets)
    for step in range(steps, 0, -1):
        arriving[:, step - 1] = point[1] * arriving[:, step]
    return Gradients(
        loss=float(np.mean((targets - taken[:, steps]) ** 2)),
        input_weight=float(np.sum(np.mean(arriving[:, 1:] * inputs, axis=0))),
        recurrent_weight=float(np.sum(np.mean(arriving[:, 1:] * taken[:, :-1], axis=0))),
        over_time=np.asarray(arriving.mean(axis=0)),
    )


def numeric_gradient(point: np.ndarray, inputs: np.ndarray, targets: np.ndarray, step: float = 1e-7) -> np.ndarray:
    """Return both derivatives by central differences, (2,)."""
    moves = step * np.eye(2)
    return np.array(
        [(loss(point + move, inputs, targets) - loss(point - move, inputs, targets)) / (2.0 * step) for move in moves]
    )


def _carried(recurrent_weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return p = Σ_k w_rec^(T-k)·x_k for every weight and sequence, (weights, B); y = w_x·p."""
    carried = np.zeros((recurrent_weights.size, inputs.shape[0]))
    for step in range(inputs.shape[1]):
        carried = recurrent_weights[:, None] * carried + inputs[:, step]
    return carried


def surface(
    input_weights: np.ndarray, recurrent_weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Return ℓ on a grid, (recurrent_weights, input_weights), from its closed form.

    ℓ = w_x²·mean(p²) - 2 w_x·mean(p t) + mean(t²), summed as mean((t - w_x p)²) where both nearly cancel.
    """
    carried = _carried(recurrent_weights, inputs)
    return np.asarray(np.mean((targets - input_weights[None, :, None] * carried[:, None, :]) ** 2, axis=2))


def best_input_weight(
    recurrent_weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the w_x that is best for each w_rec, Σ p t / Σ p², and the loss there; both (recurrent_weights,)."""
    carried = _carried(recurrent_weights, inputs)
    best = carried @ targets / np.sum(carried**2, axis=1)
    return best, np.mean((targets - best[:, None] * carried) ** 2, axis=1)
