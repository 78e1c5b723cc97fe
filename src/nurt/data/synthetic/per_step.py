"""Long-memory problems with an answer at every step: copying memory, echo and flip-flop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples, Loss, check_count, require

__all__ = ["CopyingMemory", "Echo", "FlipFlop"]

Ending: TypeAlias = Literal["delimiter", "markers"]
COPIED, SYMBOLS, BLANK, MARKER = 10, 8, 0, 9


@dataclass(frozen=True)
class CopyingMemory(AbstractBenchmark):
    """Repeat ten symbols after a delay of T steps; the sequence has T + 20 of them.

    Symbols are 1 … 8, blanks 0, the marker 9. An example has inputs (B, T + 20, 10), one-hot, and targets
    (B, T + 20): T + 10 blanks, then the symbols. A model that knows only when the answer is due predicts the
    blanks and guesses ten times among eight symbols: a mean cross-entropy of 10 ln 8 / (T + 20).

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
        """Return new examples; only symbols are drawn."""
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
        """Share of the answers whose bit is in the same chunk, so that a gradient connects the two: (K - d)/K."""
        return max(0, self.chunk - self.delay) / self.chunk

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new series; only bits are drawn."""
        check_count(count)
        bits = np.random.default_rng(seed).integers(0, 2, (count, self.steps)).astype(np.float64)
        late = np.zeros_like(bits)
        late[:, self.delay :] = bits[:, : -self.delay]
        return Examples(bits[:, :, None], late)


@dataclass(frozen=True)
class FlipFlop(AbstractBenchmark):
    """Hold the sign of the last pulse of every channel [sussillo2013opening].

    At each step each channel shows a pulse of 1 or -1 with probability ``rate`` and 0 otherwise; at the first step all
    show one, so that there is always something to hold. Inputs and targets are (B, T, bits). A trained
    network holds 2^bits distinct states while no pulse arrives. Always answering 0 has a mean squared error of 1.

    Args:
        bits: channels.
        steps: T.
        rate: of the pulses of a channel, per step, in 0 … 1.

    Raises:
        NurtValueError: no bits, no steps, or a rate that is no probability.

    Example:
        >>> examples = FlipFlop(bits=3, steps=50).draw(8, seed=0)
        >>> examples.inputs.shape, examples.targets.shape
        ((8, 50, 3), (8, 50, 3))
    """

    bits: int = 3
    steps: int = 64
    rate: float = 0.1

    def __post_init__(self) -> None:
        numbers = (self.bits, self.steps)
        require(min(numbers) >= 1, "FlipFlop: a number is too small.", expected="bits and steps from 1", got=numbers)
        require(0 <= self.rate <= 1, "FlipFlop: no such rate.", expected="a probability, 0 … 1", got=self.rate)

    @property
    def input_size(self) -> int:
        """One channel per bit."""
        return self.bits

    @property
    def output_size(self) -> int:
        """One sign per bit."""
        return self.bits

    @property
    def loss(self) -> Loss:
        """Squared error, at every step."""
        return "squared error"

    @property
    def baseline_loss(self) -> float:
        """1, of always answering 0: both signs are equally likely at every step."""
        return 1.0

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new examples; the steps with a pulse are drawn first, then the signs."""
        check_count(count)
        stream = np.random.default_rng(seed)
        shape = (count, self.steps, self.bits)
        pulses = stream.random(shape) < self.rate
        pulses[:, 0] = True
        signs = 2.0 * stream.integers(0, 2, shape) - 1.0
        places = np.where(pulses, np.arange(self.steps)[:, None], 0)
        held = np.take_along_axis(signs, np.maximum.accumulate(places, axis=1), axis=1)
        return Examples(np.where(pulses, signs, 0.0), held)
