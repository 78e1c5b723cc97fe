"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from nurt.wording import Text

__all__ = ["Progress", "about", "part_of", "silent"]

Progress: TypeAlias = Callable[[float, Text], None]
"""Told the share that is done, 0..1, and what is being done."""


def silent(share: float, doing: Text) -> None:
    """Show no progress."""
    del share, doing


def about(progress: Progress, doing: Text) -> Callable[[float], None]:
    """Return what tells ``progress`` the share that is done of the one thing that is being done."""

    def tell(share: float) -> None:
        progress(share, doing)

    return tell


def part_of(tell: Callable[[float], None], index: int, count: int) -> Callable[[float], None]:
    """Return what part ``index``, from 0, of ``count`` equal parts tells its own share; ``tell`` hears that of all."""

    def tell_all(share: float) -> None:
        tell((index + share) / count)

    return tell_all
