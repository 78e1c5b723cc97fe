"""One form for every verdict: where something stands, a sentence that says so, and what to be warned of.

Forecasts, examinations and experiments are judged by rules of their own; what they conclude has this one form, so that
terminal, page and JSON show all of them alike.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nurt.results import Result
from nurt.wording import Text

__all__ = ["Standing", "Tone", "Verdict"]

Tone: TypeAlias = Literal["good", "fair", "neutral", "bad"]
"""How a standing is coloured; the sign says the same where colours are not seen."""


class Standing(enum.StrEnum):
    """Where something stands; the value is what JSON holds."""

    # A forecaster against the baselines.
    BETTER = "better"
    MIXED = "mixed"
    LEVEL = "level"
    WORSE = "worse"
    UNSOUND = "unsound"
    # An experiment against its goal.
    REACHED = "reached"
    PARTLY = "partly"
    MISSED = "missed"
    # A network that was examined.
    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"

    @property
    def sign(self) -> str:
        """The sign that stands for it."""
        return _SIGNS[self][0]

    @property
    def tone(self) -> Tone:
        """Its colour."""
        return _SIGNS[self][1]


_SIGNS: dict[Standing, tuple[str, Tone]] = {
    Standing.BETTER: ("✓", "good"),
    Standing.MIXED: ("◐", "fair"),
    Standing.LEVEL: ("=", "neutral"),
    Standing.WORSE: ("✕", "bad"),
    Standing.UNSOUND: ("!", "bad"),
    Standing.REACHED: ("✓", "good"),
    Standing.PARTLY: ("◐", "fair"),
    Standing.MISSED: ("✕", "bad"),
    Standing.GOOD: ("✓", "good"),
    Standing.NOTE: ("◐", "fair"),
    Standing.WARNING: ("✕", "bad"),
}


@dataclass(frozen=True)
class Verdict(Result):
    """The answer to the question a result was made for.

    Args:
        standing: where it stands.
        text: one sentence; in both languages where the page has both.
        warnings: further sentences that a reader must not miss.
    """

    standing: Standing
    text: str | Text
    warnings: tuple[str | Text, ...] = ()
