"""Which parts an examination looks at, and how much of the batch the dear ones see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nurt.errors import NurtValueError

__all__ = ["PARTS", "Scope"]

PARTS: Final = (
    "reach", "gradient", "contributions", "paths", "truncation", "gates", "memory", "spectra", "jacobians", "lyapunov",
    "connectivity",
)  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What is examined.

    Args:
        parts: names among :data:`PARTS`.
        rows: of the batch, the first so many; the result says when there were more.
        steps: for Jacobians, exponents and connectivity, whose cost grows with the length or its square: a sequence
            with more steps is left out of these parts, and the result says so.
        lags: the longest lag that the gradient is followed.
        exponents: how many Lyapunov exponents, the largest.
        tolerance: relative error of a truncated gradient that is still small.
        threshold: share of its maximum below which a gradient counts as gone.

    Raises:
        NurtValueError: an unknown part, or a number out of range.
    """

    parts: tuple[str, ...] = PARTS
    rows: int = 8
    steps: int = 128
    lags: int = 256
    exponents: int = 8
    tolerance: float = 0.05
    threshold: float = 0.01

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            raise NurtValueError(
                "Scope: unknown or no parts.", expected=f"some of {', '.join(PARTS)}", got=", ".join(unknown) or "none"
            )
        if min(self.rows, self.steps, self.lags, self.exponents) < 1 or not 0 < self.tolerance < 1 > self.threshold > 0:
            raise NurtValueError(
                "Scope: a number is out of range.",
                expected="whole numbers of at least 1; tolerance and threshold between 0 and 1",
                got=repr(self),
            )

    def wants(self, part: str) -> bool:
        """Return whether ``part`` is looked at."""
        return part in self.parts
