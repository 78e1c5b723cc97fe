"""Long-memory problems with one answer per sequence: the adding problem and temporal order.

The adding problem has two definitions whose losses must not be compared: the one in use today [le2015simple,
arjovsky2016unitary] and Experiment 4 of [hochreiter1997long].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from nurt.data.synthetic.benchmark import AbstractBenchmark, Examples, Loss, check_count, require
from nurt.errors import NurtValueError

__all__ = ["AddingProblem", "AddingProblem1997", "TemporalOrder"]

Marks: TypeAlias = Literal["half", "any"]
FirstPair: TypeAlias = Literal["zero", "kept"]
FIRST_MARKS = 10
StepRange: TypeAlias = tuple[int, int]
Ends: TypeAlias = Literal["BE", "EB"]
SYMBOLS = "BabcdXYE"
DISTRACTORS = "abcd"
# Lengths, then the positions of the two signals, counted from 0; the upper ends are excluded.
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
class AddingProblem(AbstractBenchmark):
    """The adding problem as it is used today: values uniform on [0, 1), two marks of 1, target the sum of the two.

    The best constant is 1, with a mean squared error of 1/6, the variance of a sum of two such values. An example has
    inputs (B, T, 2), value and mark, and targets (B,).

    Args:
        steps: T.
        marks: "half" marks one step of [0, T/2) and one of [T/2, T) [arjovsky2016unitary]; "any" two different
            steps anywhere [bai2018empirical].

    Raises:
        NurtValueError: fewer than 2 steps, or an unknown way to mark.

    Example:
        >>> examples = AddingProblem(steps=30).draw(64, seed=0)
        >>> examples.inputs.shape, examples.targets.shape
        ((64, 30, 2), (64,))
    """

    steps: int = 30
    marks: Marks = "half"

    def __post_init__(self) -> None:
        require(self.steps >= 2, "AddingProblem: two marks do not fit.", expected="steps of at least 2", got=self.steps)
        require(self.marks in ("half", "any"), "AddingProblem: unknown marks.", expected="half or any", got=self.marks)

    @property
    def input_size(self) -> int:
        """Value and mark: 2."""
        return 2

    @property
    def output_size(self) -> int:
        """The sum: 1."""
        return 1

    @property
    def loss(self) -> Loss:
        """Squared error."""
        return "squared error"

    @property
    def baseline_loss(self) -> float:
        """1/6, of always answering 1."""
        return 2.0 * _uniform_variance(1.0)

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new examples; values are drawn first, then marks."""
        check_count(count)
        stream = np.random.default_rng(seed)
        values = stream.random((count, self.steps))
        first, second = self._draw_marks(count, stream)
        return _marked(values, first, second)

    def baseline_on(self, examples: Examples) -> float:
        """Return the mean squared error of always answering 1."""
        return float(np.mean((examples.targets - 1.0) ** 2))

    def _draw_marks(self, count: int, stream: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if self.marks == "half":
            half = self.steps // 2
            return stream.integers(0, half, count), stream.integers(half, self.steps, count)
        first = stream.integers(0, self.steps, count)
        return first, _among_the_others(stream.integers(0, self.steps - 1, count), first)


@dataclass(frozen=True)
class AddingProblem1997(AbstractBenchmark):
    """The adding problem of [hochreiter1997long], Experiment 4, with sequences of different lengths.

    Values are uniform on [-1, 1), lengths uniform on T … 1.1·T. One of the first 10 pairs is marked, then one of the
    first T/2 - 1 of those still unmarked. Marks: 1 at the two, -1 at the first and last pair unless marked, else 0.
    The target is 0.5 + (X_1 + X_2)/4, and the paper counts an answer as right within 0.04. The best constant is 0.5.

    Args:
        steps: T, the shortest length; at least 20, so that both marks fit.
        first_pair: "zero" sets X_1 to 0 when the first mark falls on the very first pair, as the paper does; "kept"
            leaves it.

    Raises:
        NurtValueError: too few steps, or an unknown rule.

    Example:
        >>> AddingProblem1997(first_pair="kept").baseline_loss == 1 / 24
        True
    """

    steps: int = 100
    first_pair: FirstPair = "zero"

    def __post_init__(self) -> None:
        require(
            self.steps >= 2 * FIRST_MARKS,
            "AddingProblem1997: the marks have no room.",
            expected="steps of at least 20",
            got=self.steps,
        )
        known = ("zero", "kept")
        require(self.first_pair in known, "Unknown rule.", expected="first_pair of zero or kept", got=self.first_pair)

    @property
    def input_size(self) -> int:
        """Value and mark: 2."""
        return 2

    @property
    def output_size(self) -> int:
        """The scaled sum: 1."""
        return 1

    @property
    def loss(self) -> Loss:
        """Squared error."""
        return "squared error"

    @property
    def baseline_loss(self) -> float:
        """1/24 = 0.0416667 of always answering 0.5; 1.9/48 = 0.0395833 when the first pair is set to 0."""
        erased = 1.0 / FIRST_MARKS if self.first_pair == "zero" else 0.0
        return (2.0 - erased) * _uniform_variance(2.0) / 16.0

    def draw(self, count: int, seed: int | np.random.Generator = 0) -> Examples:
        """Return new examples; lengths are drawn first, then values, then marks."""
        check_count(count)
        stream = np.random.default_rng(seed)
        longest = self.steps + self.steps // 10
        lengths = stream.integers(self.steps, longest + 1, count)
        values = stream.random((count, longest)) * 2.0 - 1.0
        first = stream.integers(0, FIRST_MARKS, count)
        second = _among_the_others(stream.integers(0, self.steps // 2 - 1, count), first)
        return self._examples(values, first, second, lengths)

    def baseline_on(self, examples: Examples) -> float:
        """Return the mean squared error of always answering 0.5."""
        return float(np.mean((examples.targets - 0.5) ** 2))

    def _examples(self, values: np.ndarray, first: np.ndarray, second: np.ndarray, lengths: np.ndarray) -> Examples:
        rows = np.arange(len(values))
        if self.first_pair == "zero":
            values[first == 0, 0] = 0.0
        values[np.arange(values.shape[1]) >= lengths[:, None]] = 0.0
        plain = _marked(values, first, second)
        marks = plain.inputs[:, :, 1]
        for ends in (np.zeros_like(rows), lengths - 1):
            marks[rows, ends] = np.where(marks[rows, ends] == 1.0, 1.0, -1.0)
        return Examples(plain.inputs, 0.5 + plain.targets / 4.0, lengths)


@dataclass(frozen=True)
class TemporalOrder(AbstractBenchmark):
    """Classify (X, X), (X, Y), (Y, X) and (Y, Y): classes 0 … 3, drawn uniformly.

    A sequence begins with one end symbol, closes with the other, shows the two signals at positions drawn from
    ``first`` and ``second``, and distractors a … d elsewhere. Inputs (B, T, 8) are one-hot in the order
    B a b c d X Y E, targets (B,), lengths (B,). Chance is ln 4. "hard" has the lengths of [hochreiter1997long].

    Args:
        length: shortest length, and the longest plus 1.
        first: positions of the first signal, counted from 0, in the same way.
        second: positions of the second signal.
        ends: "BE" begins with B and closes with E; "EB" the other way round, as the figure of the paper has it.

    Raises:
        NurtValueError: ranges that are empty, out of order or do not fit the shortest sequence.

    Example:
        >>> TemporalOrder.preset("hard")
        TemporalOrder(length=(100, 111), first=(10, 21), second=(50, 61), ends='BE')
    """

    length: StepRange = PRESETS["easy"][0]
    first: StepRange = PRESETS["easy"][1]
    second: StepRange = PRESETS["easy"][2]
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
        """Return new examples; lengths are drawn first, then distractors, both positions and classes."""
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


def _uniform_variance(width: float) -> float:
    return width**2 / 12.0


def _among_the_others(drawn: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return position number ``drawn`` among all positions except ``taken``."""
    return np.asarray(drawn + (drawn >= taken))


def _marked(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Examples:
    """Return values beside their marks, and the sums of the two marked values."""
    rows = np.arange(len(values))
    marks = np.zeros_like(values)
    marks[rows, first] = 1.0
    marks[rows, second] = 1.0
    return Examples(np.stack([values, marks], axis=2), values[rows, first] + values[rows, second])
