"""Floors: the time of the same arithmetic, or the same memory traffic, alone.

A floor is measured with torch in the same process and on the same threads as its case. It is a
yardstick, not a bound: where the matrix product of torch is slow, a case can be faster.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

__all__ = ["Floor", "MatrixProduct", "MatrixVector", "MemoryCopy"]

REPEATS = 7


class Floor(Protocol):
    """Work that no implementation can avoid."""

    @property
    def kind(self) -> str:
        """What is timed, in words."""
        ...

    def seconds(self) -> float:
        """Return how long it takes on the threads in use."""
        ...


@dataclass(frozen=True)
class MatrixProduct:
    """A matrix product of as many floating-point operations.

    Args:
        flops: multiplications and additions of the case.
        rows, columns, inner: sizes of the product that is timed; its time is scaled to ``flops``.
    """

    flops: float
    rows: int = 2048
    columns: int = 512
    inner: int = 512

    @property
    def kind(self) -> str:
        """What is timed."""
        return "matrix product of the same FLOPs"

    def seconds(self) -> float:
        """Return the time of the product, scaled."""
        left, right = torch.randn(self.rows, self.inner), torch.randn(self.inner, self.columns)
        product = torch.empty(self.rows, self.columns)
        once = _seconds(lambda: torch.mm(left, right, out=product))
        return self.flops / (2.0 * self.rows * self.inner * self.columns) * once


@dataclass(frozen=True)
class MatrixVector:
    """One product of a matrix with a vector: the least that one step of one sequence has to read.

    Args:
        rows, columns: of the matrix.
    """

    rows: int
    columns: int

    @property
    def kind(self) -> str:
        """What is timed."""
        return "matrix times vector"

    def seconds(self) -> float:
        """Return the time of one product."""
        matrix, vector = torch.randn(self.rows, self.columns), torch.randn(self.columns)
        product = torch.empty(self.rows)
        calls = 200

        def run() -> None:
            for _ in range(calls):
                torch.mv(matrix, vector, out=product)

        return _seconds(run) / calls


@dataclass(frozen=True)
class MemoryCopy:
    """A copy that moves as many bytes, each read or written once.

    Args:
        bytes: read and written by the case.
    """

    bytes: int

    @property
    def kind(self) -> str:
        """What is timed."""
        return "copy that moves the same bytes"

    def seconds(self) -> float:
        """Return the time of the copy."""
        source = torch.ones(max(1, self.bytes // 2), dtype=torch.uint8)
        target = torch.empty_like(source)
        return _seconds(lambda: target.copy_(source))


def _seconds(run: Callable[[], object]) -> float:
    """Return the median time of a few runs after one to warm up."""
    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
