"""What a leakage rule is: one small function with an id, a severity and two lines of explanation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from nurt.evaluation.forecasts.audits.leakage.facts import PipelineFacts
from nurt.results import Result

__all__ = ["Finding", "Rule", "Severity", "rule"]

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding(Result):
    """One place where a rule is broken.

    Args:
        rule: its id, "L01" … "L10".
        severity: "error", "warning" or "info".
        text: what was found and where, one sentence.
        why: why it matters, one line.
        cure: how to mend it, one line.
    """

    rule: str
    severity: Severity
    text: str
    why: str
    cure: str

    def __str__(self) -> str:
        return f"{self.rule} {self.severity}: {self.text}\n  {self.why}\n  {self.cure}"


Check = Callable[[PipelineFacts], "Iterable[str | tuple[Severity, str]] | None"]


@dataclass(frozen=True)
class Rule:
    """A rule and its explanation; ``check`` yields a sentence per breach, or None when the facts do not tell.

    A breach milder or graver than the rule usually is comes as (severity, sentence).
    """

    id: str
    severity: Severity
    title: str
    why: str
    cure: str
    check: Check

    def findings(self, facts: PipelineFacts) -> tuple[Finding, ...] | None:
        """Return the breaches in ``facts``, or None when they cannot be judged."""
        breaches = self.check(facts)
        if breaches is None:
            return None
        graded = [(self.severity, one) if isinstance(one, str) else one for one in breaches]
        return tuple(Finding(self.id, severity, text, self.why, self.cure) for severity, text in graded)


def rule(id: str, severity: Severity, title: str, *, why: str, cure: str) -> Callable[[Check], Rule]:
    """Turn the decorated check into the rule ``id``."""

    def explained(check: Check) -> Rule:
        return Rule(id, severity, title, why, cure, check)

    return explained
