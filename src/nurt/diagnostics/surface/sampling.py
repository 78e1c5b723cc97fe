"""Which points of a rectangle are evaluated: a grid, or cells that are split where the loss changes.

A wall of a recurrent network is far thinner than the distance of two points of any grid one can afford. The adaptive
sampling starts from a coarse grid and splits the cells between whose corners the loss changes most, on a logarithmic
scale, into four: a quadtree [finkel1974quad]. Cells without change stay large. The height of a loss, here and in
pictures, is its power of ten, with a sign where losses lie below 0.
"""

from __future__ import annotations

import heapq
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from nurt.errors import NurtValueError

__all__ = ["SMALLEST", "AbstractSampling", "Adaptive", "Grid", "Range", "Samples", "has_signs", "heights"]

Range: TypeAlias = tuple[float, float]
LossAt: TypeAlias = Callable[[float, float], tuple[float, ...] | None]
"""The loss at a point and behind it what else is wanted, or None to stop."""

# A cell is split by its middle and those of its edges.
AT_ONCE = 5
# Powers of ten that the border of what is not finite counts for: a wall among others.
BORDER = 1.0
# A loss of exactly 0 has no logarithm.
SMALLEST = 1e-35


@dataclass(frozen=True, eq=False)
class Samples:
    """Evaluated points and the cells between them.

    Args:
        points: (P, 2).
        values: the loss, and what else was measured, (P, ·).
        cells: numbers of the corners of each cell, (C, 4): low left, low right, high left, high right.
        budget: how many points were allowed.
        complete: False where it was stopped before.
    """

    points: np.ndarray
    values: np.ndarray
    cells: np.ndarray
    budget: int
    complete: bool


class AbstractSampling(ABC):
    """How points are chosen."""

    @property
    @abstractmethod
    def budget(self) -> int:
        """The most evaluations it takes."""

    @abstractmethod
    def run(self, x: Range, y: Range, measure: LossAt) -> Samples:
        """Evaluate points of the rectangle ``x`` × ``y``, until ``measure`` returns None."""


@dataclass(frozen=True)
class Grid(AbstractSampling):
    """Points at equal distances.

    Args:
        columns: along x, at least 2.
        rows: along y; None takes as many as there are columns.

    Raises:
        NurtValueError: fewer than two.
    """

    columns: int = 50
    rows: int | None = None

    def __post_init__(self) -> None:
        if min(self.columns, self._rows) < 2:
            raise NurtValueError(
                "Grid: there are too few points.", expected="at least 2 each way", got=f"{self.columns} × {self._rows}"
            )

    @property
    def _rows(self) -> int:
        return self.columns if self.rows is None else self.rows

    @property
    def budget(self) -> int:
        """All points."""
        return self.columns * self._rows

    def run(self, x: Range, y: Range, measure: LossAt) -> Samples:
        """Evaluate row by row, from the lowest."""
        lattice = _Lattice(x, y, self.columns - 1, self._rows - 1, measure)
        for row in range(self._rows):
            for column in range(self.columns):
                if not lattice.evaluate(column, row):
                    break
        cells = [
            (column, row, 1)
            for row in range(self._rows - 1)
            for column in range(self.columns - 1)
            if lattice.knows(column, row, 1)
        ]
        return lattice.samples(cells, self.budget)


@dataclass(frozen=True)
class Adaptive(AbstractSampling):
    """A coarse grid whose cells are split where the loss changes, until the budget is spent.

    The cell is split first whose corners differ most, times its width; corners of which only some are finite
    count as one power of ten apart. Losses of less than a tenth of the least on the coarse grid count as that tenth,
    since the logarithm falls without end toward a zero. What happens between four equal corners stays unseen, so
    ``start`` decides how thin a thing can be and still be found.

    Args:
        budget: most evaluations, at least ``start``².
        threshold: cells whose corners differ by less than this many powers of ten are left whole, above 0.
        start: points of the coarse grid, each way, at least 2.
        depth: how often one cell may be halved, at most 40.

    Raises:
        NurtValueError: one of them is out of range.
    """

    budget: int = 2500
    threshold: float = 0.1
    start: int = 17
    depth: int = 12

    def __post_init__(self) -> None:
        in_range = self.start >= 2 and self.budget >= self.start**2 and self.threshold > 0 and 0 <= self.depth <= 40
        if not in_range:
            raise NurtValueError(
                "Adaptive: there is no such sampling.",
                expected="start of at least 2, budget of at least start², threshold above 0, depth in 0..40",
                got=f"start {self.start}, budget {self.budget}, threshold {self.threshold}, depth {self.depth}",
            )

    def run(self, x: Range, y: Range, measure: LossAt) -> Samples:
        """Evaluate the coarse grid, then split cells."""
        side = 2**self.depth
        lattice = _Lattice(x, y, (self.start - 1) * side, (self.start - 1) * side, measure)
        steps = range(0, (self.start - 1) * side + 1, side)
        running = all(lattice.evaluate(column, row) for row in steps for column in steps)
        whole = [(column, row, side) for row in steps[:-1] for column in steps[:-1]]
        if not running:
            return lattice.samples([cell for cell in whole if lattice.knows(*cell)], self.budget)
        return lattice.samples(self._split(lattice, whole), self.budget)

    def _split(self, lattice: _Lattice, whole: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        lattice.survey()
        waiting: list[tuple[float, int, int, int]] = []
        done: list[tuple[int, int, int]] = []

        def consider(cell: tuple[int, int, int]) -> None:
            change = lattice.change(cell)
            if change > self.threshold and cell[2] > 1:
                # The heap gives the smallest first; ties go by place, so that the order is always the same.
                heapq.heappush(waiting, (-change * cell[2], *cell))
            else:
                done.append(cell)

        for cell in whole:
            consider(cell)
        while waiting and lattice.count + AT_ONCE <= self.budget:
            _, column, row, size = heapq.heappop(waiting)
            half = size // 2
            inner = [(column + dx * half, row + dy * half) for dy in range(3) for dx in range(3)]
            if not all(lattice.evaluate(*point) for point in inner):
                done.append((column, row, size))
                break
            for dy in (0, half):
                for dx in (0, half):
                    consider((column + dx, row + dy, half))
        return done + [cell[1:] for cell in waiting]


@dataclass(eq=False)
class _Lattice:
    """Points at whole numbers, each measured once.

    Args:
        x: range of the horizontal axis.
        y: range of the vertical axis.
        columns: whole numbers along x run from 0 to this.
        rows: and along y to this.
        measure: what is evaluated.
    """

    x: Range
    y: Range
    columns: int
    rows: int
    measure: LossAt
    places: dict[tuple[int, int], int] = field(default_factory=dict, init=False)
    points: list[tuple[float, float]] = field(default_factory=list, init=False)
    values: list[tuple[float, ...]] = field(default_factory=list, init=False)
    stopped: bool = field(default=False, init=False)
    signed: bool = field(default=False, init=False)
    floor: float = field(default=-math.inf, init=False)

    @property
    def count(self) -> int:
        return len(self.points)

    def evaluate(self, column: int, row: int) -> bool:
        """LossAt a point unless it is known; return whether to go on."""
        if (column, row) in self.places:
            return True
        if self.stopped:
            return False
        point = _between(self.x, column, self.columns), _between(self.y, row, self.rows)
        measured = self.measure(*point)
        if measured is None:
            self.stopped = True
            return False
        self.places[column, row] = self.count
        self.points.append(point)
        self.values.append(measured)
        return True

    def corners(self, column: int, row: int, size: int) -> list[tuple[int, int]]:
        return [(column, row), (column + size, row), (column, row + size), (column + size, row + size)]

    def knows(self, column: int, row: int, size: int) -> bool:
        return all(corner in self.places for corner in self.corners(column, row, size))

    def survey(self) -> None:
        """Note of the points so far whether losses have signs, and which is the least."""
        known = np.array(self.values)[:, 0]
        self.signed = has_signs(known)
        high = heights(known, self.signed)
        finite = high[np.isfinite(high)]
        if finite.size and not self.signed:
            self.floor = float(finite.min()) - 1.0

    def change(self, cell: tuple[int, int, int]) -> float:
        """Return by how many powers of ten the corners of a cell differ."""
        losses = np.array([self.values[self.places[corner]][0] for corner in self.corners(*cell)])
        high = np.maximum(heights(losses, self.signed), self.floor)
        finite = np.isfinite(high)
        if not finite.any():
            return 0.0
        return float(high.max() - high.min()) if finite.all() else BORDER

    def samples(self, cells: list[tuple[int, int, int]], budget: int) -> Samples:
        numbers = [[self.places[corner] for corner in self.corners(*cell)] for cell in cells]
        return Samples(
            np.array(self.points).reshape(-1, 2),
            np.array(self.values).reshape(self.count, -1),
            np.array(numbers, dtype=np.int64).reshape(-1, 4),
            budget,
            not self.stopped,
        )


def _between(ends: Range, step: int, steps: int) -> float:
    """Return the point a share of the way from end to end; both ends exactly."""
    low, high = ends
    if step == steps:
        return high
    return low + (high - low) * step / steps if math.isfinite(high - low) else math.nan


def heights(losses: np.ndarray, signed: bool | None = None) -> np.ndarray:
    """Return log₁₀ of losses; what is not finite becomes NaN.

    Losses below 0, as a likelihood may have, change the scale to sign(ℓ)·log₁₀(1 + |ℓ|) for all of them.

    Args:
        losses: any shape.
        signed: whether some of all the losses, of which these may be a part, are below 0; None looks at these.

    Example:
        >>> heights(np.array([100.0, np.inf]))
        array([ 2., nan])
    """
    finite = np.isfinite(losses)
    known = np.where(finite, losses, 1.0)
    if has_signs(known) if signed is None else signed:
        high = np.sign(known) * np.log10(1.0 + np.abs(known))
    else:
        high = np.log10(np.maximum(known, SMALLEST))
    return np.where(finite, high, np.nan)


def has_signs(losses: np.ndarray) -> bool:
    """Return whether any finite loss is below 0."""
    return bool((losses[np.isfinite(losses)] < 0).any())
