"""Whether the pipeline itself is honest: what each step can see, whether it copies, whether anything leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nurt.reports.html import Column, Markup, element, join, table
from nurt.reports.page import Section
from nurt.reports.picture import Picture

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.audits.causality import CausalityReport
    from nurt.evaluation.forecasts.audits.copying import CopyingReport
    from nurt.evaluation.forecasts.audits.leakage import LeakageReport
    from nurt.tasks.forecasting.results import Audit

__all__ = ["audit_section"]

# Verdict → word and tone of its badge.
BADGES = {
    "pass": ("passed", "better"),
    "info": ("passed, with a remark", "mixed"),
    "warning": ("doubtful", "level"),
    "error": ("at fault", "worse"),
}


def audit_section(audit: Audit) -> Section:
    """Return reach, copying and leakage, each with its finding in words."""
    parts = [*_reach(audit.causality), *_copying(audit.copying), *_leakage(audit.leakage)]
    return Section("audit", "Audit of the pipeline", join(parts))


def _finding(title: str, verdict: str, text: str) -> Markup:
    word, tone = BADGES.get(verdict, (verdict, "mixed"))
    badge = element("span", word, class_=f"badge {tone}")
    return join([element("h3", f"{title} ", badge), element("p", text)])


def _reach(report: CausalityReport) -> list[Markup]:
    figure = report.plot()
    figure.update_layout(legend=None)
    figure.update_xaxes(tickformat="d", showgrid=False)
    figure.update_yaxes(nticks=8, showgrid=False)
    figure.update_traces(showscale=False)
    picture = Picture(
        title="What each forecast step can see",
        description=report.text,
        how_to_read=(
            f"One row per forecast step, one column per input, the newest ({report.look_back}) at the right. A dark "
            "cell influences the forecast; a pale one has faded; a blank one cannot be reached, however the network "
            "is trained. The right-most column must not be blank, and nothing may lie beyond it."
        ),
        figures=[figure],
        height=340,
        heading="h4",
    )
    notes = [element("p", note, class_="note") for note in report.notes]
    return [_finding("Causality", report.verdict, report.text), picture.to_html(), *notes]


def _copying(report: CopyingReport) -> list[Markup]:
    figure = report.plot()
    figure.update_yaxes(range=[-1.08, 1.15])
    figure.update_xaxes(tickformat="d")
    picture = Picture(
        title="How much is a copy",
        description=report.text,
        how_to_read=(
            "1 is an exact copy of the last value, 0 and below is none. A cross marks a step that copies without "
            "doing better for it. Values below −1 are drawn at −1."
        ),
        figures=[figure],
        height=320,
        heading="h4",
    )
    return [_finding("Copying", "warning" if report.copied else "pass", report.text), picture.to_html()]


def _leakage(report: LeakageReport) -> list[Markup]:
    heading = _finding("Leakage", report.verdict, report.text)
    if not report.findings:
        return [heading]
    columns = [Column(title, numeric=False) for title in ("Rule", "Severity", "Finding")]
    rows = [[one.rule, one.severity, f"{one.text} {one.why} {one.cure}"] for one in report.findings]
    return [heading, table(columns, rows, caption="What the rules against leakage found")]
