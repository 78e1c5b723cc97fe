"""Echo: repeat the bit of d steps ago, at every step of a long series that is read in chunks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples, Loss, check_count, require

__all__ = ["Echo"]


@dataclass(frozen=True)
class Echo(AbstractBenchmark):
    """Random bits and the same bits d steps later; the first d answers are 0.

    Examples are long series, inputs (B, T, 1) and targets (B, T), both 0 or 1. A network reads them in chunks of K
    steps, its state carried from chunk to chunk and cut from the gradient there. Chance is ln 2, or half of the bits.

    Args:
        delay: d, in steps.
        chunk: K, in steps.
        steps: T, a multiple of K.

    Raises:
        NurtValueError: a number below 1, or steps that are no whole number of chunks.

    Example:
        >>> Echo(delay=3, chunk=10).linked_share
        0.7
    """

    delay: int = 3
    chunk: int = 10
    steps: int = 40000

    def __post_init__(self) -> None:
        numbers = (self.delay, self.chunk, self.steps)
        require(min(numbers) >= 1, "Echo: a number is too small.", expected="all at least 1", got=numbers)
        require(
            self.steps % self.chunk == 0,
            "Echo: the series does not divide into chunks.",
            expected=f"steps that are a multiple of {self.chunk}",
            got=self.steps,
        )

    @property
    def input_size(self) -> int:
        """The bit: 1."""
        return 1

    @property
    def output_size(self) -> int:
        """The log-odds of the old bit: 1."""
        return 1

    @property
    def loss(self) -> Loss:
        """Binary cross-entropy of log-odds, at every step."""
        return "binary cross-entropy"

    @property
    def baseline_loss(self) -> float:
        """Chance, ln 2."""
        return math.log(2.0)

    @property
    def linked_share(self) -> float:
        """Share of the answers whose bit stands in the same chunk, so that a gradient connects the two: (K - d)/K."""
        return max(0, self.chunk - self.delay) / self.chunk

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new series; the stream gives the bits."""
        check_count(count)
        bits = np.random.default_rng(seed).integers(0, 2, (count, self.steps)).astype(np.float64)
        late = np.zeros_like(bits)
        late[:, self.delay :] = bits[:, : -self.delay]
        return Examples(bits[:, :, None], late)
