"""The flip-flop: several bits, each set and reset by pulses on a channel of its own, to be held in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples, Loss, check_count, require

__all__ = ["FlipFlop"]


@dataclass(frozen=True)
class FlipFlop(AbstractBenchmark):
    """Hold the sign of the last pulse of every channel [sussillo2013opening].

    At each step each channel shows a pulse of 1 or -1 with probability ``rate`` and 0 otherwise; at the first step all
    show one, so that there is always something to hold. Inputs and targets are (B, T, bits). A network that has learnt
    it keeps 2^bits states apart while nothing comes in. Always answering 0 has a mean squared error of 1.

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
        """Return new examples; the stream gives which steps have a pulse, then the signs."""
        check_count(count)
        stream = np.random.default_rng(seed)
        shape = (count, self.steps, self.bits)
        pulses = stream.random(shape) < self.rate
        pulses[:, 0] = True
        signs = 2.0 * stream.integers(0, 2, shape) - 1.0
        places = np.where(pulses, np.arange(self.steps)[:, None], 0)
        held = np.take_along_axis(signs, np.maximum.accumulate(places, axis=1), axis=1)
        return Examples(np.where(pulses, signs, 0.0), held)
