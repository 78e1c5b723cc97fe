"""Cases, their contenders, and groups of cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from nurt.benchmarks.floors import Floor

__all__ = ["Case", "CaseGroup", "Contender", "Contest", "Library", "Outcome"]

Library = Literal["nurt", "torch"]
Outcome = Mapping[str, Tensor]


@dataclass(frozen=True)
class Contender:
    """One implementation of the work of a case.

    Args:
        library: of the code.
        name: of the function or layer.
        run: does the work once; this is timed.
        outcome: does the same work once from a fixed seed and returns the quantities to compare, by name.
    """

    library: Library
    name: str
    run: Callable[[], object]
    outcome: Callable[[], Outcome]


@dataclass(frozen=True)
class Contest:
    """Contenders on the same numbers.

    Args:
        ours: the implementation that is measured.
        peers: the implementations it is compared with.
        reference: the outcome in float64, of code that shares nothing with ``ours``.
        floor: the least time the machine needs.
    """

    ours: Contender
    peers: tuple[Contender, ...]
    reference: Callable[[], Outcome]
    floor: Floor

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """All of them, ours first."""
        return (self.ours, *self.peers)


@dataclass(frozen=True)
class Case:
    """One line of the benchmark.

    Args:
        group: name of the group it belongs to.
        cell: recurrence, as ``--cells`` names it.
        sizes: letters of the dimension legend → sizes.
        prepare: makes tensors and contenders; called right before the case runs.
        detail: further properties.
        disturbance: context in which everything is timed a second time, for a slow-down; None: timed once.
    """

    group: str
    cell: str
    sizes: Mapping[str, int]
    prepare: Callable[[], Contest]
    detail: str = ""
    disturbance: Callable[[], AbstractContextManager[None]] | None = None


@dataclass(frozen=True)
class CaseGroup:
    """Cases of one kind of comparison.

    Args:
        name: as the command line takes it.
        compared: description of the comparison.
        bound: the limiting resource.
        cases: makes the list of them.
    """

    name: str
    compared: str
    bound: str
    cases: Callable[[], list[Case]]
