"""Say how far an evaluation is, and let it be stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Counter", "Progress"]

Progress: TypeAlias = Callable[[int, int], bool | None]
"""Called with what is done and what there is at most; False stops, and what was done is kept."""


@dataclass(eq=False)
class Counter:
    """Counts, and asks whether to go on.

    Args:
        progress: is told; None is nobody.
        total: what there is at most.
    """

    progress: Progress | None
    total: int
    done: int = field(default=0, init=False)
    stopped: bool = field(default=False, init=False)

    def count(self) -> bool:
        """Count one more; return whether to go on."""
        self.done += 1
        if self.progress is not None and self.progress(self.done, self.total) is False:
            self.stopped = True
        return not self.stopped
