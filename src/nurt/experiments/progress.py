"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from nurt.experiments.texts import Text

__all__ = ["Progress", "part_of", "silent"]

Progress: TypeAlias = Callable[[float, Text], None]
"""Told the share that is done, 0..1, and what is being done."""


def silent(share: float, doing: Text) -> None:
    """Show no progress."""
    del share, doing


def part_of(progress: Progress, index: int, count: int) -> Progress:
    """Return what one of ``count`` equal parts of a run tells: part number ``index``, from 0, passes it on."""

    def tell(share: float, doing: Text) -> None:
        progress((index + share) / count, doing)

    return tell
