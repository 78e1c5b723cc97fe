"""Settings of a benchmark that take milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nurt.data.synthetic import AddingProblem
from nurt.experiments.longmemory.study import MemorySettings


@dataclass(frozen=True)
class Tiny(MemorySettings):
    cells: tuple[str, ...] = ("RNN", "GRU")
    hidden: int = 4
    updates: int = 7
    batch: int = 8
    repeats: int = 2
    tested: int = 20
    looks: int = 3

    @property
    def benchmark(self) -> AddingProblem:
        return AddingProblem(5)


@pytest.fixture
def tiny() -> type[Tiny]:
    return Tiny
