"""Binary numbers as sequences, lowest bit first, and weights that calculate with them exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nurt.experiments.addition.model import Parameters

__all__ = ["Operation", "Pairs", "all_pairs", "carries", "draw_pairs", "exact_parameters"]

Operation: TypeAlias = Literal["add", "subtract"]


@dataclass(frozen=True)
class Pairs:
    """Pairs of numbers and what the network reads and answers.

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
        stream: asked for two numbers per pair.
        count: B.
        steps: T.
        operation: of a subtraction the smaller is taken from the larger.
    """
    top = 2 ** (steps - 1)
    drawn = np.array([(stream.randint(0, top), stream.randint(0, top)) for _ in range(count)], dtype=np.int64)
    return _pairs(drawn, steps, operation)


def all_pairs(steps: int, operation: Operation) -> Pairs:
    """Return every pair of two numbers of ``steps`` - 1 bits there is, 4^(steps - 1) of them."""
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


def exact_parameters(operation: Operation, gain: float = 10.0) -> Parameters:
    """Return weights of three units that are right for numbers of any length.

    Addition: h_j = tanh(K(x_1 + x_2 + h_2′/2 + 1 - j)) for j = 1, 2, 3, start h_2 = -1. Subtraction:
    h_j = tanh(K(x_1 - x_2 + h_2′/2 + 2 - j)), start h_2 = +1. The result bit is [h_1 - h_2 + h_3 > 0]. So h_2 is the
    carry (+1 or -1), or the borrow with its sign turned.

    Args:
        operation: what to calculate.
        gain: K; 3 is enough.
    """
    second, offset, start = (1.0, 1.0, -1.0) if operation == "add" else (-1.0, 2.0, 1.0)
    weight_rec = np.zeros((3, 3))
    weight_rec[1] = gain / 2.0
    return Parameters(
        weight_in=gain * np.outer([1.0, second], np.ones(3)),
        bias_in=gain * (offset - np.arange(1.0, 4.0)),
        weight_rec=weight_rec,
        bias_rec=np.zeros(3),
        initial=np.array([0.0, start, 0.0]),
        weight_out=np.array([[1.0], [-1.0], [1.0]]),
        bias_out=np.zeros(1),
    )
