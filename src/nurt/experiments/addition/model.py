"""A tanh network with logistic output at every step, in float64, with its gradient written out.

    h_t = tanh(x_t W_in + b_in + h_{t-1} W_rec + b_rec),  p_t = σ(h_t W_out + b_out)

with x_t (B, I), h_t (B, H), p_t (B, 1), W_in (I, H), W_rec (H, H), W_out (H, 1); the initial state h_0 (H,) is learned.
The loss is the mean over batch and steps of the binary cross-entropy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Parameters", "accuracy", "draw", "gradient", "loss", "numeric_gradient", "pack", "run", "unpack"]

INPUTS = 2


class Parameters(NamedTuple):
    """The weights of the network; shapes as above."""

    weight_in: np.ndarray
    bias_in: np.ndarray
    weight_rec: np.ndarray
    bias_rec: np.ndarray
    initial: np.ndarray
    weight_out: np.ndarray
    bias_out: np.ndarray


def draw(stream: np.random.RandomState, hidden: int) -> Parameters:
    """Return new weights: matrices uniform within ±√(6 / (rows + columns)) [glorot2010understanding], the rest 0.

    The stream is asked for W_in, W_rec and W_out, in this order.
    """

    def uniform(rows: int, columns: int) -> np.ndarray:
        bound = np.sqrt(6.0 / (rows + columns))
        return stream.uniform(-bound, bound, (rows, columns))

    weight_in, weight_rec, weight_out = uniform(INPUTS, hidden), uniform(hidden, hidden), uniform(hidden, 1)
    nothing = np.zeros(hidden)
    return Parameters(weight_in, nothing, weight_rec, nothing, nothing, weight_out, np.zeros(1))


def pack(parameters: Parameters) -> np.ndarray:
    """Return all weights as one vector."""
    return np.concatenate([part.ravel() for part in parameters])


def unpack(vector: np.ndarray, hidden: int) -> Parameters:
    """Return the weights that :func:`pack` put into ``vector``."""
    shapes = ((INPUTS, hidden), (hidden,), (hidden, hidden), (hidden,), (hidden,), (hidden, 1), (1,))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    parts = zip(np.split(vector, ends), shapes, strict=True)
    return Parameters(*(part.reshape(shape) for part, shape in parts))


def run(parameters: Parameters, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the states h_0 … h_T, (B, T + 1, H), and the logits of p_t, (B, T, 1).

    Args:
        parameters: the weights.
        inputs: (B, T, 2).
    """
    batch, steps, _ = inputs.shape
    states = np.empty((batch, steps + 1, parameters.initial.size))
    states[:, 0] = parameters.initial
    arriving = inputs @ parameters.weight_in + parameters.bias_in + parameters.bias_rec
    for step in range(steps):
        states[:, step + 1] = np.tanh(arriving[:, step] + states[:, step] @ parameters.weight_rec)
    return states, states[:, 1:] @ parameters.weight_out + parameters.bias_out


def loss(parameters: Parameters, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the cross-entropy; ``targets`` is (B, T, 1). Computed from logits: ln(1 + e^z) - t·z cannot overflow."""
    logits = run(parameters, inputs)[1]
    return float(np.mean(np.logaddexp(0.0, logits) - targets * logits))


def accuracy(parameters: Parameters, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of bits that are right."""
    return float(np.mean((run(parameters, inputs)[1] > 0.0) == (targets > 0.5)))


def gradient(parameters: Parameters, inputs: np.ndarray, targets: np.ndarray) -> Parameters:
    """Return the gradient of the loss by back-propagation through time, shaped like the weights.

    With z_t what tanh is taken of: ∂ℓ/∂z_t = (∂ℓ/∂p-path at t + ∂ℓ/∂z_{t+1} W_recᵀ) ⊙ (1 - h_t²).
    """
    states, logits = run(parameters, inputs)
    batch, steps, _ = inputs.shape
    at_logits = (0.5 * (1.0 + np.tanh(0.5 * logits)) - targets) / (batch * steps)
    from_above = at_logits @ parameters.weight_out.T
    at_sums = np.empty_like(from_above)
    from_later = np.zeros((batch, parameters.initial.size))
    for step in range(steps - 1, -1, -1):
        at_sums[:, step] = (from_above[:, step] + from_later) * (1.0 - states[:, step + 1] ** 2)
        from_later = at_sums[:, step] @ parameters.weight_rec.T
    bias = at_sums.sum(axis=(0, 1))
    return Parameters(
        weight_in=np.einsum("bti,bth->ih", inputs, at_sums),
        bias_in=bias,
        weight_rec=np.einsum("btg,bth->gh", states[:, :-1], at_sums),
        bias_rec=bias,
        initial=from_later.sum(axis=0),
        weight_out=np.einsum("bth,bto->ho", states[:, 1:], at_logits),
        bias_out=at_logits.sum(axis=(0, 1)),
    )


def numeric_gradient(parameters: Parameters, inputs: np.ndarray, targets: np.ndarray, step: float = 1e-7) -> np.ndarray:
    """Return the same gradient by central differences, as one vector."""
    vector, hidden = pack(parameters), parameters.initial.size
    moves = step * np.eye(vector.size)
    return np.array(
        [
            (loss(unpack(vector + m, hidden), inputs, targets) - loss(unpack(vector - m, hidden), inputs, targets))
            / (2.0 * step)
            for m in moves
        ]
    )
