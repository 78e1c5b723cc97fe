"""Results of a benchmark, which convert to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nurt.benchmarks.case import Library
from nurt.benchmarks.timing import Timing
from nurt.errors import DataError
from nurt.results import Result

__all__ = ["FORMAT", "VERSION", "BenchmarkRun", "CaseResult", "ContenderResult", "FloorResult"]

FORMAT = "nurt benchmark"
VERSION = 1
# A desktop at rest takes a few hundredths of a core.
BUSY = 0.25
CELL_NAMES = {"lstm": "LSTM", "gru": "GRU", "elman": "Elman", "layer_norm_lstm": "LayerNorm-LSTM"}


@dataclass(frozen=True)
class ContenderResult(Result):
    """Time and error of one contender.

    Args:
        library: of the code.
        name: of the function or layer.
        error: largest error against float64, relative to the largest magnitude of the quantity; None: not finite.
        quantity: where that error is.
        time: None where the gate of the case is red.
        disturbed: the same with one core taken by another process, in cases that measure this.
        ratio: how many times as long as nurt this contender took; None for nurt itself and where the gate is red.
    """

    library: Library
    name: str
    error: float | None
    quantity: str
    time: Timing | None = None
    disturbed: Timing | None = None
    ratio: float | None = None

    @property
    def slow_down(self) -> float | None:
        """How many times as long it took with one core taken."""
        return None if self.disturbed is None or self.time is None else self.disturbed.median / self.time.median


@dataclass(frozen=True)
class FloorResult(Result):
    """The least time the machine needs.

    Args:
        kind: of the timed work.
        seconds: how long it took.
    """

    kind: str
    seconds: float


@dataclass(frozen=True)
class CaseResult(Result):
    """One case on one number of threads.

    Args:
        group, cell, sizes, detail: which case.
        threads: threads that computed.
        ours: nurt.
        peers: the contenders it is compared with.
        floor: None where the gate is red.
        fault: why the gate is red, in a sentence; None where it is green.
    """

    group: str
    cell: str
    sizes: Mapping[str, int]
    detail: str
    threads: int
    ours: ContenderResult
    peers: tuple[ContenderResult, ...]
    floor: FloorResult | None = None
    fault: str | None = None

    @property
    def title(self) -> str:
        """The case in a few words."""
        shape = " ".join(f"{letter}{size}" for letter, size in self.sizes.items())
        return f"{CELL_NAMES.get(self.cell, self.cell)} {shape}" + (f", {self.detail}" if self.detail else "")

    @property
    def share_of_floor(self) -> float | None:
        """The floor's time as a share of nurt's; 1 is the optimum."""
        return None if self.floor is None or self.ours.time is None else self.floor.seconds / self.ours.time.median

    def slower_than(self) -> tuple[ContenderResult, ...]:
        """Return the peers of other libraries that were faster than nurt."""
        rivals = (peer for peer in self.peers if peer.library != self.ours.library)
        return tuple(peer for peer in rivals if peer.ratio is not None and peer.ratio < 1.0)


@dataclass(frozen=True)
class BenchmarkRun(Result):
    """A whole benchmark, with the machine it ran on.

    Args:
        format, version: of the JSON.
        date: day of the run.
        machine: processor, cores, memory, operating system.
        versions: of Python and of the packages that decide.
        instruction_set: vector instructions that the native code used.
        commit: the last change of the package, where it runs from a checkout; "+" after it means changed since.
        busy_cores: cores that other programs kept busy when the run began; None where the system does not count.
        budget_seconds: time for the rounds of one case.
        limit: error above which a case reports no time.
        interrupted: whether cases are missing because the run was interrupted.
        cases: in the order they ran.
    """

    date: str
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    instruction_set: str
    commit: str | None
    busy_cores: float | None
    budget_seconds: float
    limit: float
    interrupted: bool
    cases: tuple[CaseResult, ...]
    format: str = FORMAT
    version: int = VERSION

    @property
    def was_busy(self) -> bool:
        """Whether other programs were busy when the run began; times on several threads are then unreliable."""
        return self.busy_cores is not None and self.busy_cores > BUSY

    @property
    def faults(self) -> tuple[CaseResult, ...]:
        """Cases whose gate is red."""
        return tuple(case for case in self.cases if case.fault is not None)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the run that ``to_dict`` wrote down.

        Raises:
            DataError: it is something else, or of a later version.
        """
        from pydantic import TypeAdapter, ValidationError

        if values.get("format") != FORMAT or values.get("version") != VERSION:
            raise DataError(
                "This is not the result of a benchmark that this version of nurt can read.",
                expected=f"format {FORMAT!r}, version {VERSION}",
                got=f"format {values.get('format')!r}, version {values.get('version')!r}",
                cure="Run nurt bench again.",
            )
        try:
            return TypeAdapter(cls).validate_python(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(
                "The result of a benchmark is damaged.",
                expected=f"{first['msg']} at {'.'.join(map(str, first['loc']))}",
                cure="Run nurt bench again.",
            ) from error
