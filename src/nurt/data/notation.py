"""How the numbers of a file are written: decimal mark, thousands separator and marks of missing values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nurt.errors import NurtValueError

__all__ = [
    "ANY_NUMBERS",
    "APOSTROPHES",
    "BLANKS",
    "DECIMALS",
    "MISSING",
    "MISSING_AMONG_NUMBERS",
    "THOUSANDS",
    "NumberNotation",
]

DECIMALS = (".", ",")
THOUSANDS = (",", ".", " ", "'")
BLANKS = " \u00a0\u2007\u2009\u202f"
"""Space, no-break space, figure space, thin space, narrow no-break space."""
APOSTROPHES = "'’"
MISSING = ("", "na", "n/a", "nan", "null", "none", "-")
"""Cells that stand for a missing value, in lower case."""
MISSING_AMONG_NUMBERS = (
    *MISSING,
    *("--", "---", "–", "—", ".", "..", "...", "…", "?", ":"),
    *("#n/a", "#na", "#n/a n/a", "#n/d", "#n/d!", "<na>", "n.a.", "n/d", "n.d.", "nil", "nat", "\\n"),
    *("missing", "no data", "brak", "brak danych", "b.d.", "bd", "b/d"),
)
"""Cells that do in a column whose other cells are numbers; elsewhere they may be names or words."""


@dataclass(frozen=True)
class NumberNotation:
    """How numbers are written, where a person says so.

    Args:
        decimal: the decimal mark, "." or ","; the other one then separates thousands. None to find it.
        thousands: the thousands separator: "," or "." (the decimal mark is then the other one), " " (any kind of
            space) or "'" (any apostrophe). None to find it.
        missing: further cells that stand for a missing value in a column of numbers, as text or as a number; -9999
            is found as -9999.0 too.

    Raises:
        NurtValueError: a mark is unknown, or one mark is given two tasks.
    """

    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.decimal is not None and self.decimal not in DECIMALS:
            raise NurtValueError("read: unknown decimal mark.", expected="'.' or ','", got=repr(self.decimal))
        if self.thousands is not None and self.thousands not in THOUSANDS:
            raise NurtValueError(
                "read: unknown thousands separator.",
                expected="',', '.', ' ' or an apostrophe",
                got=repr(self.thousands),
            )
        if self.decimal is not None and self.decimal == self.thousands:
            raise NurtValueError(
                "read: the decimal mark and the thousands separator are the same.",
                expected="two different marks",
                got=f"{self.decimal!r} for both",
            )
        if any(not mark.strip() for mark in self.missing):
            raise NurtValueError(
                "read: an empty cell always counts as missing and need not be named.",
                expected="a text or a number, such as NA or -9999",
                got=repr(self.missing),
            )

    @property
    def point(self) -> str | None:
        """The decimal mark that follows from what was said; None where nothing was."""
        if self.decimal is None and self.thousands in DECIMALS:
            return "," if self.thousands == "." else "."
        return self.decimal

    @property
    def blanks(self) -> str:
        """The spaces and apostrophes that may stand between groups of three digits."""
        if self.thousands is None:
            return BLANKS + APOSTROPHES
        return {" ": BLANKS, "'": APOSTROPHES}.get(self.thousands, "")

    @property
    def groups_with_marks(self) -> bool:
        """Whether the mark that is not the decimal mark may stand between groups of three digits."""
        return self.thousands is None or self.thousands in DECIMALS

    @property
    def missing_numbers(self) -> tuple[float, ...]:
        """The marks of missing values that are numbers."""
        return tuple(value for mark in self.missing if (value := _number(mark)) is not None)


ANY_NUMBERS = NumberNotation()
"""Nothing was said: marks are found."""


def _number(mark: str) -> float | None:
    try:
        value = float(mark.replace("−", "-").replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
