"""The verdict, the audits of the pipeline, and the provenance of data and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nurt.evaluation.forecasts.baselines import label_of
from nurt.reports.page.document import Picture, Section
from nurt.reports.page.html import Column, Markup, definitions, element, items, join, table
from nurt.standing import Standing
from nurt.wording import decimals_for, fixed, interval, percent, unbroken

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.audits.causality import CausalityReport
    from nurt.evaluation.forecasts.audits.copying import CopyingReport
    from nurt.evaluation.forecasts.audits.leakage import LeakageReport
    from nurt.evaluation.forecasts.results import BacktestResult
    from nurt.evaluation.forecasts.verdict import ForecastVerdict
    from nurt.tasks.forecasting.results import Audit

__all__ = [
    "audit_section",
    "data_section",
    "heading",
    "panel",
    "reproduction_section",
    "tile",
    "verdict_numbers",
    "verdict_panel",
]

# Style and drawing of each sign of a standing: shape and sign tell them apart without their colours.
PANELS = {
    "✓": ("better", '<circle cx="24" cy="24" r="22"/><path d="M14 25l7 7 13-15" class="sign"/>'),
    "◐": ("mixed", '<circle cx="24" cy="24" r="21" class="ring"/><path d="M24 3a21 21 0 0 0 0 42z"/>'),
    "=": ("level", '<path d="M24 1l23 23-23 23L1 24z"/><path d="M15 20h18M15 28h18" class="sign"/>'),
    "✕": ("worse", '<path d="M3 3h42v42H3z"/><path d="M15 15l18 18M33 15L15 33" class="sign"/>'),
    "i": ("mixed", '<circle cx="24" cy="24" r="22"/><path d="M24 21v15M24 12v1" class="sign"/>'),
    "!": ("unsound", '<path d="M24 2l23 43H1z"/><path d="M24 17v14M24 36v4" class="sign"/>'),
}
# Verdict → word and tone of its badge.
BADGES = {
    "pass": ("passed", "better"),
    "info": ("passed, with a remark", "mixed"),
    "warning": ("doubtful", "level"),
    "error": ("at fault", "worse"),
}


def heading(kicker: str, title: str, lead: str) -> Markup:
    """Return the heading of a page: what kind of page, about what, and the facts in one line."""
    return join(
        [
            element("p", kicker, class_="kicker"),
            element("h1", title),
            element("p", lead, class_="lead"),
        ]
    )


def verdict_panel(verdict: ForecastVerdict) -> Markup:
    """Return the verdict in words."""
    warnings = items(unbroken(warning) for warning in verdict.warnings) if verdict.warnings else Markup()
    return panel(verdict.standing, verdict.headline, unbroken(verdict.text), warnings, label="Verdict")


def verdict_numbers(backtest: BacktestResult, audit: Audit | None = None) -> Markup:
    """Return the numbers that a verdict on a forecast rests on."""
    return element("dl", *_tiles(backtest, audit), class_="tiles")


def panel(standing: Standing, headline: str, sentence: str, rest: str = "", *, label: str) -> Markup:
    """Return a verdict in the style of its standing, its sign beside it.

    Args:
        standing: where something stands.
        headline: the standing in a few words.
        sentence: the verdict.
        rest: what follows the sentence.
        label: of the region, for screen readers.
    """
    style, drawing = PANELS[standing.sign]
    mark = Markup(f'<svg class="mark" viewBox="0 0 48 48" aria-hidden="true">{drawing}</svg>')
    words = element("div", element("p", headline, class_="headline"), element("p", sentence, class_="sentence"), rest)
    return element("div", mark, words, class_=f"verdict {style}", role="region", aria_label=label)


def tile(name: str, value: str, aside: str) -> Markup:
    """Return one number with its name and what to compare it with."""
    return element("div", element("dt", name), element("dd", value), element("dd", aside, class_="aside"))


def _tiles(backtest: BacktestResult, audit: Audit | None) -> list[Markup]:
    errors, best = backtest.errors, backtest.best_baseline
    model = errors[backtest.cells.model]
    decimals = decimals_for(errors.values())
    told = f"{label_of(best).short}, the best baseline: {fixed(errors.get(best), decimals)}"
    measure = "Mean absolute error" if backtest.headline == "mae" else "MASE"
    tiles = [tile(f"{measure} of {backtest.cells.model}", fixed(model, decimals), told)]

    comparison = next((one for one in backtest.comparisons if one.baseline == best), None)
    if comparison is not None:
        low, high = comparison.skill_low, comparison.skill_high
        if low is None or high is None:
            bounds = comparison.reason or "no interval"
        else:
            bounds = f"95\N{NO-BREAK SPACE}%: {interval(100.0 * low, 100.0 * high, 1)}"
        aside = f"against {label_of(best).action.en}; {bounds}"
        tiles.append(tile("Error saved", percent(comparison.skill, sign=True), aside))

    scores = backtest.metrics
    if scores.coverage_80 is not None or scores.coverage_95 is not None:
        covered = f"{percent(scores.coverage_80, 0)} · {percent(scores.coverage_95, 0)}"
        tiles.append(tile("Truth inside the bands", covered, "promised: 80\N{NO-BREAK SPACE}% · 95\N{NO-BREAK SPACE}%"))
    if audit is not None:
        tiles.append(_pipeline_tile(audit))
    return tiles


def _pipeline_tile(audit: Audit) -> Markup:
    ranks = ("pass", "info", "warning", "error")
    worst = max(audit.causality.verdict, audit.leakage.verdict, key=ranks.index)
    word = {"pass": "sound", "info": "sound", "warning": "doubtful", "error": "at fault"}[worst]
    latest = audit.causality.latest_input
    sees_newest = bool((latest == audit.causality.look_back).all())
    aside = "every step sees the newest value, nothing later" if sees_newest else "see what each step can see"
    return tile("Pipeline", word, aside)


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
        title="Inputs that each forecast step can see",
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
        title="Share that is a copy",
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


def data_section(facts: Sequence[tuple[str, str]], notes: Sequence[str], sources: Sequence[str]) -> Section:
    """Return the facts of the data, remarks from reading them, and their sources."""
    parts = [definitions(facts)]
    if notes:
        parts += [element("h3", "Remarks"), items(notes)]
    if sources:
        parts += [element("h3", "Sources"), items(sources)]
    return Section("data", "Data", join(parts))


def reproduction_section(settings: Mapping[str, Any], versions: Mapping[str, str]) -> Section:
    """Return settings and versions."""
    parts = [
        element("h3", "Settings"),
        definitions((name.replace("_", " "), _shown(value)) for name, value in settings.items()),
    ]
    parts += [element("h3", "Versions"), definitions(versions.items())] if versions else []
    return Section("again", "Settings and versions", join(parts))


def _shown(value: Any) -> str | Markup:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value) or "–"
    return str(value)
