"""What is timed against what: cases, their contenders, and the kinds of comparison they belong to."""

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
    """One way to do the work of a case.

    Args:
        library: whose code it is.
        name: which of its ways, as a reader would look it up.
        run: does the work once; this is timed.
        outcome: does the same work once from a fixed seed and returns what must be right, by name.
    """

    library: Library
    name: str
    run: Callable[[], object]
    outcome: Callable[[], Outcome]


@dataclass(frozen=True)
class Contest:
    """Contenders ready to run on the same numbers.

    Args:
        ours: what the case is about.
        peers: what it is compared with.
        reference: the outcome in float64, of code that shares nothing with ``ours``.
        floor: what the machine would need at least.
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
        prepare: makes tensors and contenders; called when the case's turn comes.
        detail: what the sizes do not say.
        disturbance: everything is timed a second time inside this context, for a slow-down; None: once.
    """

    group: str
    cell: str
    sizes: Mapping[str, int]
    prepare: Callable[[], Contest]
    detail: str = ""
    disturbance: Callable[[], AbstractContextManager[None]] | None = None


@dataclass(frozen=True)
class CaseGroup:
    """Cases that answer one question.

    Args:
        name: as the command line takes it.
        compared: what stands against what.
        bound: what limits these cases.
        cases: makes the list of them.
    """

    name: str
    compared: str
    bound: str
    cases: Callable[[], list[Case]]
