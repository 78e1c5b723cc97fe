"""The common form of every verdict: a standing, a sentence, and warnings.

Forecasts, examinations and experiments are judged by rules of their own; their conclusions have this one form, so that
terminal, page and JSON show all of them alike.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from nurt.results import Result
from nurt.wording import Text

__all__ = ["Standing", "Tone", "Verdict"]

Words = TypeVar("Words", str, Text)

Tone: TypeAlias = Literal["good", "fair", "doubtful", "bad"]
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
    # What it shows, where there was nothing to reach.
    SHOWN = "shown"
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
    Standing.LEVEL: ("=", "doubtful"),
    Standing.WORSE: ("✕", "bad"),
    Standing.UNSOUND: ("!", "bad"),
    Standing.REACHED: ("✓", "good"),
    Standing.PARTLY: ("◐", "fair"),
    Standing.MISSED: ("✕", "bad"),
    Standing.SHOWN: ("i", "fair"),
    Standing.GOOD: ("✓", "good"),
    Standing.NOTE: ("◐", "fair"),
    Standing.WARNING: ("✕", "bad"),
}


@dataclass(frozen=True)
class Verdict(Result, Generic[Words]):
    """The answer to the question a result was made for.

    Args:
        standing: where it stands.
        text: one sentence; in both languages where the page has both.
        warnings: further sentences that a reader must not miss.
    """

    standing: Standing
    text: Words
    warnings: tuple[Words, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return standing and sentence, and the warnings if there are any."""
        values = super().to_dict()
        return values if self.warnings else {key: value for key, value in values.items() if key != "warnings"}

    def __str__(self) -> str:
        return "\n".join(one.en if isinstance(one, Text) else str(one) for one in (self.text, *self.warnings))
