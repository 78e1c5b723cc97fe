"""The leakage linter and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.leakage import future, splitting
from nurt.evaluation.forecasts.audits.leakage.facts import Finding, PipelineFacts, Rule
from nurt.results import Result

__all__ = ["RULES", "LeakageReport", "lint_leakage"]

RULES: Mapping[str, Rule] = {one.id: one for one in sorted((*splitting.RULES, *future.RULES), key=lambda one: one.id)}


@dataclass(frozen=True)
class LeakageReport(Result):
    """The rules that a pipeline breaks, those it keeps, and those left unjudged for lack of facts.

    Args:
        findings: breaches, gravest first.
        kept: ids of the rules judged and kept.
        unjudged: ids of the rules for which the facts were missing.
    """

    findings: tuple[Finding, ...]
    kept: tuple[str, ...]
    unjudged: tuple[str, ...]

    @property
    def verdict(self) -> Literal["pass", "info", "warning", "error"]:
        """The gravest severity among the findings, or "pass"."""
        return self.findings[0].severity if self.findings else "pass"

    @property
    def text(self) -> str:
        """The findings in one sentence."""
        broken = sorted({one.rule for one in self.findings if one.severity != "info"})
        judged = len(self.kept) + len({one.rule for one in self.findings})
        if broken:
            return f"Leakage: {', '.join(broken)} of {judged} rules judged are broken."
        unjudged = f"; {', '.join(self.unjudged)} could not be judged" if self.unjudged else ""
        return f"No leakage found by {judged} rules{unjudged}."

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, sentence, findings with their explanations, and the ids kept and not judged."""
        return {"verdict": self.verdict, "text": self.text, **super().to_dict()}

    def __str__(self) -> str:
        return "\n".join((self.text, *(str(one) for one in self.findings)))


def lint_leakage(facts: PipelineFacts, rules: Sequence[str] | None = None) -> LeakageReport:
    """Hold a pipeline against the rules of leak-free evaluation.

    Args:
        facts: what the pipeline did; a fact left out leaves its rules unjudged.
        rules: ids to apply, all by default.

    Returns:
        a report that prints itself.

    Raises:
        NurtValueError: an id that no rule has.
    """
    unknown = sorted(set(rules or ()) - set(RULES))
    if unknown:
        raise NurtValueError("lint_leakage: unknown rules.", expected=", ".join(RULES), got=", ".join(unknown))
    findings: list[Finding] = []
    kept, unjudged = [], []
    for id in RULES if rules is None else rules:
        found = RULES[id].findings(facts)
        if found is None:
            unjudged.append(id)
        elif found:
            findings += found
        else:
            kept.append(id)
    gravity = {"error": 0, "warning": 1, "info": 2}
    findings.sort(key=lambda one: gravity[one.severity])
    return LeakageReport(tuple(findings), tuple(kept), tuple(unjudged))
