"""Temporal order: which of two symbols came first among distractors; Experiment 6a of [hochreiter1997long]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples, Loss, check_count, require
from nurt.errors import NurtValueError

__all__ = ["TemporalOrder"]

Range: TypeAlias = tuple[int, int]
Ends: TypeAlias = Literal["BE", "EB"]
SYMBOLS = "BabcdXYE"
DISTRACTORS = "abcd"
# Lengths, then the places of the two signals, counted from 0; the upper ends do not belong to the ranges.
PRESETS = MappingProxyType(
    {
        "easy": ((7, 9), (1, 3), (4, 6)),
        "normal": ((30, 41), (2, 6), (20, 28)),
        "moderate": ((60, 81), (10, 21), (45, 55)),
        "hard": ((100, 111), (10, 21), (50, 61)),
        "nightmare": ((300, 501), (10, 81), (250, 291)),
    }
)


@dataclass(frozen=True)
class TemporalOrder(AbstractBenchmark):
    """Tell (X, X), (X, Y), (Y, X) and (Y, Y) apart: classes 0 … 3, drawn uniformly.

    A sequence begins with one end symbol, closes with the other, shows the two signals at places drawn from
    ``first`` and ``second``, and distractors a … d elsewhere. Inputs (B, T, 8) are one-hot in the order
    B a b c d X Y E, targets (B,), lengths (B,). Chance is ln 4. "hard" has the lengths of [hochreiter1997long].

    Args:
        length: lengths from … up to but without.
        first: places of the first signal, counted from 0, in the same way.
        second: places of the second signal.
        ends: "BE" begins with B and closes with E; "EB" the other way round, as the figure of the paper has it.

    Raises:
        NurtValueError: ranges that are empty, out of order or do not fit the shortest sequence.

    Example:
        >>> TemporalOrder.preset("hard")
        TemporalOrder(length=(100, 111), first=(10, 21), second=(50, 61), ends='BE')
    """

    length: Range = PRESETS["easy"][0]
    first: Range = PRESETS["easy"][1]
    second: Range = PRESETS["easy"][2]
    ends: Ends = "BE"

    def __post_init__(self) -> None:
        fit = 1 <= self.first[0] < self.first[1] <= self.second[0] < self.second[1] <= self.length[0] - 1
        require(
            fit and self.length[0] < self.length[1],
            "TemporalOrder: the signals do not fit the sequence.",
            expected="1 <= first < second < last place of the shortest sequence, no range empty",
            got=(self.length, self.first, self.second),
        )
        require(self.ends in ("BE", "EB"), "TemporalOrder: unknown ends.", expected="BE or EB", got=self.ends)

    @classmethod
    def preset(cls, name: str) -> TemporalOrder:
        """Return a setting by its name: easy, normal, moderate, hard or nightmare.

        Raises:
            NurtValueError: no such name.
        """
        if name not in PRESETS:
            raise NurtValueError("TemporalOrder: no such preset.", expected=", ".join(PRESETS), got=repr(name))
        length, first, second = PRESETS[name]
        return cls(length, first, second)

    @property
    def input_size(self) -> int:
        """Symbols: 8."""
        return len(SYMBOLS)

    @property
    def output_size(self) -> int:
        """Classes: 4."""
        return 4

    @property
    def loss(self) -> Loss:
        """Cross-entropy after the last step."""
        return "cross-entropy"

    @property
    def baseline_loss(self) -> float:
        """Chance, ln 4."""
        return math.log(self.output_size)

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new examples; the stream gives lengths, distractors, both places, then the classes."""
        check_count(count)
        stream = np.random.default_rng(seed)
        rows = np.arange(count)
        lengths = stream.integers(*self.length, count)
        shown = np.array([SYMBOLS.index(one) for one in DISTRACTORS])[stream.integers(0, 4, (count, lengths.max()))]
        places = stream.integers(*self.first, count), stream.integers(*self.second, count)
        classes = stream.integers(0, self.output_size, count)
        for place, is_y in zip(places, (classes // 2, classes % 2), strict=True):
            shown[rows, place] = SYMBOLS.index("X") + is_y
        shown[:, 0], shown[rows, lengths - 1] = (SYMBOLS.index(end) for end in self.ends)
        inputs = np.eye(self.input_size)[shown]
        inputs[np.arange(shown.shape[1]) >= lengths[:, None]] = 0.0
        return Examples(inputs, classes, lengths)
