"""The sequences of the three linear experiments; every stream is NumPy's frozen ``RandomState``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np

__all__ = ["DRAWS", "TARGETS", "DrawName", "TargetName", "draw"]

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


def draw(kind: DrawName, target: TargetName, shape: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (B, T) and targets (B,).

    Args:
        kind: ``bits`` 0 or 1; ``fifths`` 0, .2 … 1; ``thirds`` .33, .66 or 1.
        target: of each row: its sum, its mean, or how many .33 it holds.
        shape: (B, T).
        seed: of a private stream.
    """
    inputs = DRAWS[kind](np.random.RandomState(seed), shape)
    return inputs, TARGETS[target](inputs)
