"""The groups of cases, one file per kind of comparison, and their registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nurt.benchmarks.case import Case, CaseGroup
from nurt.benchmarks.groups.course import SEED_JOB
from nurt.benchmarks.groups.layers import BIDIRECTIONAL, BUSY, PADDED, RAGGED, RECORDING, STACKED
from nurt.benchmarks.groups.loops import LAYER_NORM, SCAN
from nurt.benchmarks.groups.streaming import STREAMING
from nurt.errors import NurtValueError

__all__ = ["GROUPS", "choose"]

GROUPS: Mapping[str, CaseGroup] = MappingProxyType(
    {
        group.name: group
        for group in (PADDED, STACKED, BIDIRECTIONAL, RAGGED, LAYER_NORM, SCAN, STREAMING, RECORDING, BUSY, SEED_JOB)
    }
)


def choose(groups: tuple[str, ...] = (), cells: tuple[str, ...] = ()) -> list[Case]:
    """Return the cases of some groups and cells.

    Args:
        groups: keys of ``GROUPS``; empty for all.
        cells: recurrences; empty for all.

    Raises:
        NurtValueError: an unknown group or cell, or none of these cells in these groups.
    """
    unknown = set(groups) - set(GROUPS)
    if unknown:
        raise NurtValueError(
            "nurt.benchmarks: there is no such group.",
            expected=f"some of {', '.join(GROUPS)}",
            got=", ".join(sorted(unknown)),
        )
    cases = [case for name in groups or GROUPS for case in GROUPS[name].cases()]
    there = sorted({case.cell for case in cases})
    if set(cells) - set(there):
        raise NurtValueError(
            "nurt.benchmarks: the groups hold no such cell.",
            expected=f"some of {', '.join(there)}",
            got=", ".join(cells),
        )
    return [case for case in cases if not cells or case.cell in cells]
