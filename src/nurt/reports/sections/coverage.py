"""Whether the bands keep their promise, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nurt import plotting
from nurt.reports.html import element, items, join
from nurt.reports.page import Section
from nurt.reports.picture import Picture, numbers
from nurt.wording import count, percent

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.results import BacktestResult, Coverage

__all__ = ["coverage_section"]

Band = tuple[str, str, str, str]
BANDS: tuple[Band, ...] = (
    ("80", plotting.PALETTE[0], "solid", "circle"),
    ("95", plotting.PALETTE[1], "dash", "diamond"),
)


def coverage_section(backtest: BacktestResult) -> Section:
    """Return observed against promised coverage; a sentence where there are no bands."""
    known = [(band, [getattr(score, f"coverage_{band[0]}") for score in backtest.by_horizon]) for band in BANDS]
    known = [(band, shares) for band, shares in known if any(share is not None for share in shares)]
    if not known:
        intervals = backtest.cells.intervals
        reason = intervals.reason if intervals is not None and intervals.reason else "This model gives no bands."
        return Section("coverage", "Bands", element("p", reason))
    parts = [items(_overall(one) for one in backtest.coverage)] if backtest.coverage else []
    if backtest.horizon > 1:
        parts.append(_by_step(backtest, known).to_html())
    return Section("coverage", "Bands", join(parts))


def _by_step(backtest: BacktestResult, known: Sequence[tuple[Band, list[float | None]]]) -> Picture:
    figure = plotting.new_figure("", "forecast step", "share of truths inside, per cent")
    steps = [score.h for score in backtest.by_horizon]
    for (level, colour, dash, symbol), shares in known:
        figure.add_hline(y=int(level), line={"color": colour, "width": 1, "dash": "dot"})
        figure.add_scatter(
            x=steps,
            y=100.0 * numbers(shares),
            name=f"{level} % band",
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"symbol": symbol, "size": 6},
            hovertemplate="%{y:.1f} %",
        )
    figure.update_xaxes(tickformat="d", range=[0.5, max(steps) + 0.5])
    figure.update_yaxes(range=[_floor([share for _, shares in known for share in shares]), 101.0])
    return Picture(
        title="Coverage by forecast step",
        description="Share of true values inside the 80 and the 95 per cent band at each forecast step.",
        how_to_read=(
            "Each line should run along the dotted line of its colour. Below it the bands are too narrow and promise "
            "more than they keep; above it they are wider than they need be."
        ),
        figures=[figure],
    )


def _overall(one: Coverage) -> str:
    held = (
        f"Over all steps the {one.level}\N{NO-BREAK SPACE}% band held {percent(one.share)} of {count(one.cells)} truths"
    )
    if one.low is None or one.high is None:
        return f"{held}." if one.reason is None else f"{held}; {one.reason}."
    return f"{held} (95\N{NO-BREAK SPACE}% interval {percent(one.low)} to {percent(one.high)})."


def _floor(shares: list[float | None]) -> float:
    """Return where the axis starts: low enough for every point, and never hiding how far it is from the promise."""
    lowest = min(100.0 * share for share in shares if share is not None)
    return max(0.0, min(60.0, 10.0 * (lowest // 10.0) - 5.0))
