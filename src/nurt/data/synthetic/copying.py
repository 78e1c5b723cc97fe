"""Copying memory: ten symbols, a long blank, then the same ten symbols [hochreiter1997long, arjovsky2016unitary]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples, Loss, check_count, require

__all__ = ["CopyingMemory"]

Ending: TypeAlias = Literal["delimiter", "markers"]
COPIED, SYMBOLS, BLANK, MARKER = 10, 8, 0, 9


@dataclass(frozen=True)
class CopyingMemory(AbstractBenchmark):
    """Repeat ten symbols after a delay of T steps; the sequence has T + 20 of them.

    Symbols are 1 … 8, blanks 0, the marker 9. An example has inputs (B, T + 20, 10), one-hot, and targets
    (B, T + 20): T + 10 blanks, then the symbols. Who knows when the answer is due and nothing else answers blanks
    for sure and guesses ten times among eight symbols: a mean cross-entropy of 10 ln 8 / (T + 20).

    Args:
        delay: T.
        ending: "delimiter": symbols, T - 1 blanks, one marker, 10 blanks [arjovsky2016unitary]; "markers": symbols,
            T - 1 blanks, 11 markers [bai2018empirical].

    Raises:
        NurtValueError: a delay below 1, or an unknown ending.

    Example:
        >>> CopyingMemory(delay=4).draw(1, seed=0).targets[0].tolist()[:14]
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """

    delay: int = 20
    ending: Ending = "delimiter"

    def __post_init__(self) -> None:
        require(self.delay >= 1, "CopyingMemory: no delay.", expected="delay of at least 1", got=self.delay)
        known = ("delimiter", "markers")
        require(self.ending in known, "CopyingMemory: unknown ending.", expected=" or ".join(known), got=self.ending)

    @property
    def input_size(self) -> int:
        """Blank, eight symbols and marker: 10."""
        return SYMBOLS + 2

    @property
    def output_size(self) -> int:
        """Blank and eight symbols: 9."""
        return SYMBOLS + 1

    @property
    def loss(self) -> Loss:
        """Cross-entropy over all steps, blanks included."""
        return "cross-entropy"

    @property
    def baseline_loss(self) -> float:
        """10 ln 8 / (T + 20)."""
        return COPIED * math.log(SYMBOLS) / (self.delay + 2 * COPIED)

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new examples; the stream gives the symbols alone."""
        check_count(count)
        symbols = np.random.default_rng(seed).integers(1, SYMBOLS + 1, (count, COPIED))
        steps = self.delay + 2 * COPIED
        shown = np.full((count, steps), BLANK)
        shown[:, :COPIED] = symbols
        marked = steps - COPIED - 1
        shown[:, marked : marked + 1 if self.ending == "delimiter" else steps] = MARKER
        targets = np.full((count, steps), BLANK)
        targets[:, -COPIED:] = symbols
        return Examples(np.eye(self.input_size)[shown], targets)
