"""Answers to parity without training: two units that know, and two predictors that cannot."""

from __future__ import annotations

import numpy as np

__all__ = ["exact_parity", "exact_states", "linear_accuracy", "windowed_accuracy"]


def exact_states(bits: np.ndarray, gain: float = 10.0) -> np.ndarray:
    """Return the states of the two exact units, (B, T, 2).

    With p = (h_1′ - h_2′)/2 the parity so far: h_j = tanh(K(x + p - j + ½)), j = 1, 2, start (-1, -1).

    Args:
        bits: 0 or 1, (B, T).
        gain: K.
    """
    batch, steps = bits.shape
    state = -np.ones((batch, 2))
    taken = np.empty((batch, steps, 2))
    for step in range(steps):
        parity = (state[:, 0] - state[:, 1]) / 2.0
        state = np.tanh(gain * ((bits[:, step] + parity)[:, None] - np.array([0.5, 1.5])))
        taken[:, step] = state
    return taken


def exact_parity(bits: np.ndarray, gain: float = 10.0) -> np.ndarray:
    """Return the parity of every prefix, (B, T), read off the states: h_1 - h_2 > 1."""
    states = exact_states(bits, gain)
    return np.asarray(states[:, :, 0] - states[:, :, 1] > 1.0)


def linear_accuracy(bits: np.ndarray, odd: np.ndarray) -> float:
    """Return the share of right answers of least squares on all bits, fitted to the first half of the sequences.

    Args:
        bits: 0 or 1, (B, T).
        odd: the right answers, (B,); those of the second half are counted.
    """
    half = len(bits) // 2
    columns = np.column_stack([bits, np.ones(len(bits))])
    weights = np.linalg.lstsq(columns[:half], 2.0 * odd[:half] - 1.0, rcond=None)[0]
    return float(np.mean((columns[half:] @ weights > 0.0) == odd[half:]))


def windowed_accuracy(bits: np.ndarray, odd: np.ndarray) -> float:
    """Return the share of right answers of the commonest answer to each pattern of bits.

    Args:
        bits: 0 or 1, the last bits of every sequence, (B, bits).
        odd: the right answers, (B,); patterns are counted in the first half, tested on the second.
    """
    half = len(bits) // 2
    pattern = bits @ (1 << np.arange(bits.shape[1]))
    votes = np.zeros(2 ** bits.shape[1])
    np.add.at(votes, pattern[:half], np.where(odd[:half], 1.0, -1.0))
    return float(np.mean((votes[pattern[half:]] > 0.0) == odd[half:]))
