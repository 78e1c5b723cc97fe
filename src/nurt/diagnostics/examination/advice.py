"""One finding of a rule, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from nurt.results import Result
from nurt.standing import Standing
from nurt.wording import Text

__all__ = ["Advice"]


@dataclass(frozen=True)
class Advice(Result):
    """One finding.

    Args:
        rule: its name.
        level: GOOD, NOTE or WARNING.
        text: the finding and, where there is one, what to try; in both languages.
        source: citation key of where the rule comes from; empty where it is arithmetic.
    """

    rule: str
    level: Standing
    text: Text
    source: str = ""
