"""The exact gradient of a linear recurrence, taken apart by use and by loss, and what truncation leaves of it.

With s_t = x_t w_x + s_{t-1} w_rec, ℓ = Σ_t mean_i (s_{i,t} - τ_{i,t})² and τ the prefix sums of x, the use of w_rec at
step s reaches the loss at step t ≥ s by

    G[s, t] = mean_i 2 (s_{i,t} - τ_{i,t}) w_rec^(t-s) s_{i,s-1}

and the gradient is the sum of all G[s, t]. Truncated back-propagation [williams1990efficient] drops some of them. That
bounds the product of Jacobians, and it biases the gradient.
"""

from __future__ import annotations

import numpy as np

__all__ = ["chunked", "contributions", "sliding"]


def contributions(inputs: np.ndarray, weight_in: float, weight_rec: float) -> np.ndarray:
    """Return G, (T, T), zero where the use comes after the loss.

    Args:
        inputs: (B, T).
        weight_in: w_x.
        weight_rec: w_rec.
    """
    steps = inputs.shape[1]
    states = np.zeros((len(inputs), steps + 1))
    for step in range(steps):
        states[:, step + 1] = inputs[:, step] * weight_in + states[:, step] * weight_rec
    errors = 2.0 * (states[:, 1:] - np.cumsum(inputs, axis=1))
    lags = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    powers = np.where(lags >= 0, float(weight_rec) ** np.maximum(lags, 0), 0.0)
    return np.asarray(powers * (states[:, :-1].T @ errors) / len(inputs))


def sliding(parts: np.ndarray, window: int) -> float:
    """Return the gradient when every loss looks back over ``window`` steps: the sum over t - s < K."""
    lags = np.arange(len(parts))[None, :] - np.arange(len(parts))[:, None]
    return float(parts[lags < window].sum())


def chunked(parts: np.ndarray, window: int) -> float:
    """Return the gradient when the state is detached every ``window`` steps: the sum over s and t of one chunk."""
    chunks = np.arange(len(parts)) // window
    return float(parts[chunks[None, :] == chunks[:, None]].sum())
