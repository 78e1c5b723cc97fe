"""Binary numbers as sequences, lowest bit first, and the tanh network that reads them, with its gradient written out.

    h_t = tanh(x_t W_in + b_in + h_{t-1} W_rec + b_rec),  p_t = σ(h_t W_out + b_out)

with x_t (B, I), h_t (B, H), p_t (B, 1), W_in (I, H), W_rec (H, H), W_out (H, 1); the initial state h_0 (H,) is learned.
The loss is the mean over batch and steps of the binary cross-entropy; everything is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

__all__ = [
    "AdditionWeights",
    "Operation",
    "Pairs",
    "accuracy",
    "all_pairs",
    "carries",
    "draw",
    "draw_pairs",
    "exact_parameters",
    "gradient",
    "loss",
    "numeric_gradient",
    "pack",
    "run",
    "unpack",
]

INPUTS = 2


Operation: TypeAlias = Literal["add", "subtract"]


@dataclass(frozen=True)
class Pairs:
    """Pairs of numbers, the inputs of the network and its targets.

    Args:
        numbers: (B, 2); of a subtraction the larger first.
        results: (B,).
        inputs: bits of both, lowest first, (B, T, 2).
        targets: bits of the result, (B, T, 1).
    """

    numbers: np.ndarray
    results: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray


def draw_pairs(stream: np.random.RandomState, count: int, steps: int, operation: Operation) -> Pairs:
    """Return pairs of numbers of ``steps`` - 1 bits, the first of a pair drawn before the second.

    Args:
        stream: gives two numbers per pair.
        count: B.
        steps: T.
        operation: of a subtraction the smaller is taken from the larger.
    """
    top = 2 ** (steps - 1)
    drawn = np.array([(stream.randint(0, top), stream.randint(0, top)) for _ in range(count)], dtype=np.int64)
    return _pairs(drawn, steps, operation)


def all_pairs(steps: int, operation: Operation) -> Pairs:
    """Return all 4^(steps - 1) pairs of two numbers of ``steps`` - 1 bits."""
    top = 2 ** (steps - 1)
    return _pairs(np.stack(np.divmod(np.arange(top**2), top), axis=1), steps, operation)


def _pairs(drawn: np.ndarray, steps: int, operation: Operation) -> Pairs:
    numbers = drawn if operation == "add" else np.sort(drawn, axis=1)[:, ::-1]
    results = numbers[:, 0] + numbers[:, 1] if operation == "add" else numbers[:, 0] - numbers[:, 1]
    inputs = np.stack([_bits(numbers[:, 0], steps), _bits(numbers[:, 1], steps)], axis=2)
    return Pairs(numbers, results, inputs, _bits(results, steps)[:, :, None])


def _bits(values: np.ndarray, steps: int) -> np.ndarray:
    return ((values[:, None] >> np.arange(steps)) & 1).astype(np.float64)


def carries(pairs: Pairs, operation: Operation) -> np.ndarray:
    """Return the carry, or the borrow, that leaves every step, (B, T), 0 or 1."""
    sign = 1 if operation == "add" else -1
    steps = pairs.inputs.shape[1]
    taken = np.zeros((len(pairs.results), steps))
    before = np.zeros(len(pairs.results))
    for step in range(steps):
        total = pairs.inputs[:, step, 0] + sign * (pairs.inputs[:, step, 1] + before)
        before = (total > 1.0 if operation == "add" else total < 0.0).astype(np.float64)
        taken[:, step] = before
    return taken


class AdditionWeights(NamedTuple):
    """The weights of the network; shapes as above."""

    weight_in: np.ndarray
    bias_in: np.ndarray
    weight_rec: np.ndarray
    bias_rec: np.ndarray
    initial: np.ndarray
    weight_out: np.ndarray
    bias_out: np.ndarray


def draw(stream: np.random.RandomState, hidden: int) -> AdditionWeights:
    """Return new weights: matrices uniform within ±√(6 / (rows + columns)) [glorot2010understanding], the rest 0.

    The stream gives W_in, W_rec and W_out, in this order.
    """

    def uniform(rows: int, columns: int) -> np.ndarray:
        bound = np.sqrt(6.0 / (rows + columns))
        return stream.uniform(-bound, bound, (rows, columns))

    weight_in, weight_rec, weight_out = uniform(INPUTS, hidden), uniform(hidden, hidden), uniform(hidden, 1)
    zeros = np.zeros(hidden)
    return AdditionWeights(weight_in, zeros, weight_rec, zeros, zeros, weight_out, np.zeros(1))


def pack(parameters: AdditionWeights) -> np.ndarray:
    """Return all weights as one vector."""
    return np.concatenate([part.ravel() for part in parameters])


def unpack(vector: np.ndarray, hidden: int) -> AdditionWeights:
    """Return the weights that :func:`pack` put into ``vector``."""
    shapes = ((INPUTS, hidden), (hidden,), (hidden, hidden), (hidden,), (hidden,), (hidden, 1), (1,))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    parts = zip(np.split(vector, ends), shapes, strict=True)
    return AdditionWeights(*(part.reshape(shape) for part, shape in parts))


def run(parameters: AdditionWeights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def loss(parameters: AdditionWeights, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the cross-entropy; ``targets`` is (B, T, 1). Computed from logits: ln(1 + e^z) - t·z cannot overflow."""
    logits = run(parameters, inputs)[1]
    return float(np.mean(np.logaddexp(0.0, logits) - targets * logits))


def accuracy(parameters: AdditionWeights, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of bits that are right."""
    return float(np.mean((run(parameters, inputs)[1] > 0.0) == (targets > 0.5)))


def gradient(parameters: AdditionWeights, inputs: np.ndarray, targets: np.ndarray) -> AdditionWeights:
    """Return the gradient of the loss by back-propagation through time, shaped like the weights.

    With z_t the argument of tanh: ∂ℓ/∂z_t = (∂ℓ/∂p-path at t + ∂ℓ/∂z_{t+1} W_recᵀ) ⊙ (1 - h_t²).
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
    return AdditionWeights(
        weight_in=np.einsum("bti,bth->ih", inputs, at_sums),
        bias_in=bias,
        weight_rec=np.einsum("btg,bth->gh", states[:, :-1], at_sums),
        bias_rec=bias,
        initial=from_later.sum(axis=0),
        weight_out=np.einsum("bth,bto->ho", states[:, 1:], at_logits),
        bias_out=at_logits.sum(axis=(0, 1)),
    )


def numeric_gradient(
    parameters: AdditionWeights, inputs: np.ndarray, targets: np.ndarray, step: float = 1e-7
) -> np.ndarray:
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


def exact_parameters(operation: Operation, gain: float = 10.0) -> AdditionWeights:
    """Return weights of three units that are right for numbers of any length.

    Addition: h_j = tanh(K(x_1 + x_2 + h_2′/2 + 1 - j)) for j = 1, 2, 3, start h_2 = -1. Subtraction:
    h_j = tanh(K(x_1 - x_2 + h_2′/2 + 2 - j)), start h_2 = +1. The result bit is [h_1 - h_2 + h_3 > 0]. So h_2 is the
    carry (+1 or -1), or the borrow with its sign turned.

    Args:
        operation: to calculate.
        gain: K; 3 is enough.
    """
    second, offset, start = (1.0, 1.0, -1.0) if operation == "add" else (-1.0, 2.0, 1.0)
    weight_rec = np.zeros((3, 3))
    weight_rec[1] = gain / 2.0
    return AdditionWeights(
        weight_in=gain * np.outer([1.0, second], np.ones(3)),
        bias_in=gain * (offset - np.arange(1.0, 4.0)),
        weight_rec=weight_rec,
        bias_rec=np.zeros(3),
        initial=np.array([0.0, start, 0.0]),
        weight_out=np.array([[1.0], [-1.0], [1.0]]),
        bias_out=np.zeros(1),
    )
