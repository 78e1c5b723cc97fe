"""Calibration and residuals: coverage of the bands by step, and the errors one step ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.reports.page.document import Picture, Section, axis_unit, numbers, switch
from nurt.reports.page.html import element, items, join
from nurt.reports.sections.forecast import SHOWN_SERIES
from nurt.wording import count, percent

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.evaluation.forecasts.cells import Cells
    from nurt.evaluation.forecasts.results import BacktestResult, Coverage

__all__ = ["autocorrelation", "coverage_section", "outermost", "residuals_section"]

# Twice as many as there are columns of pixels for them.
MOST_POINTS = 1200

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


@dataclass(frozen=True)
class _Errors:
    """Errors truth - forecast one step ahead of one series, in time order; ``places`` are labels or positions."""

    name: str
    places: np.ndarray
    values: np.ndarray


def residuals_section(target: str, cells: Cells) -> Section:
    """Return errors over time, their histogram and their autocorrelation, of the first series."""
    every = [_errors_of(cells, index) for index in np.unique(cells.series)]
    shown = [one for one in every if np.isfinite(one.values).any()][:SHOWN_SERIES]
    if not shown:
        return Section("residuals", "Residuals", element("p", "No cell one step ahead has a known truth."))
    unit = axis_unit(target)
    intro = "Errors one step ahead, truth minus forecast: above zero the forecast was too low."
    if len(every) > len(shown):
        intro += f" {len(shown)} of {len(every)} series are drawn."
    over_time = Picture(
        "Over time",
        "Errors one step ahead against the origin of each forecast.",
        "A cloud around zero without drift or bursts is what a good forecast leaves. A level shift means that "
        "something changed that the model does not know of." + _thinned(shown),
        [_over_time(one, unit) for one in shown],
        320,
    )
    by_size = Picture(
        "By size",
        "Histogram of the errors one step ahead.",
        "Centred on zero: no bias. Long tails: rare large errors, which a mean hides.",
        [_by_size(one, unit) for one in shown],
        320,
    )
    own_past = Picture(
        "Against their own past",
        "Autocorrelation of the errors one step ahead.",
        "Bars inside the shaded strip are what chance gives. A bar outside it is a pattern the model has missed.",
        [_own_past(one) for one in shown],
        320,
    )
    pair = element("div", by_size.to_html(), own_past.to_html(), class_="pair")
    parts = [element("p", intro), switch([one.name for one in shown], label="Series"), over_time.to_html(), pair]
    return Section("residuals", "Residuals", join(parts))


def _errors_of(cells: Cells, index: int) -> _Errors:
    rows = cells.series == index
    errors = cells.actual[rows, 0] - cells.forecasts[cells.model][rows, 0]
    places = cells.origin[rows] if cells.labels is None else cells.labels[rows]
    return _Errors(cells.series_names[int(index)], places, errors)


def _thinned(shown: Sequence[_Errors]) -> str:
    most = max(int(np.isfinite(one.values).sum()) for one in shown)
    if most <= MOST_POINTS:
        return ""
    return (
        f" Of {count(most)} errors the smallest and the largest of every {_run(most, MOST_POINTS)} are drawn: more "
        "would lie on the same pixels."
    )


def outermost(values: np.ndarray, most: int) -> np.ndarray:
    """Return the places of the smallest and the largest value of every run of as many values, in order.

    Args:
        values: finite, (N,).
        most: how many places at most, 2 or more; N or fewer are all returned.
    """
    if len(values) <= most:
        return np.arange(len(values))
    length = _run(len(values), most)
    runs = range(0, len(values), length)
    places = {start + pick(values[start : start + length]) for start in runs for pick in (np.argmin, np.argmax)}
    return np.array(sorted(int(place) for place in places))


def _run(total: int, most: int) -> int:
    """Return how many values stand for two each, so that no more than ``most`` are left of ``total``."""
    return -(-total // (most // 2))


def _over_time(errors: _Errors, unit: str) -> go.Figure:
    labelled = not np.issubdtype(errors.places.dtype, np.integer)
    figure = plotting.new_figure("", "origin" if labelled else "origin (observation)", f"error, {unit}")
    known = np.isfinite(errors.values)
    drawn = np.flatnonzero(known)[outermost(errors.values[known], MOST_POINTS)]
    figure.add_scatter(
        x=[str(place) for place in errors.places[drawn]] if labelled else errors.places[drawn],
        y=errors.values[drawn],
        mode="markers",
        marker={"size": 4, "color": plotting.MODEL, "opacity": 0.7},
        hovertemplate="%{x}: %{y:.4g}<extra></extra>",
    )
    figure.add_hline(y=0, line={"color": plotting.ACTUAL, "width": 1})
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(nticks=6)
    return figure


def _by_size(errors: _Errors, unit: str) -> go.Figure:
    figure = plotting.new_figure("", f"error, {unit}", "number of origins")
    known = errors.values[np.isfinite(errors.values)]
    counts, edges = np.histogram(known, bins=int(np.clip(np.sqrt(len(known)), 5, 40)))
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges) * 0.94,
        marker={"color": plotting.translucent(plotting.MODEL, 0.75)},
        hovertemplate="%{x:.4g}: %{y}<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": plotting.ACTUAL, "width": 1})
    figure.update_layout(hovermode="closest", showlegend=False)
    return figure


def _own_past(errors: _Errors) -> go.Figure:
    figure = plotting.new_figure("", "lag, origins", "autocorrelation")
    known = int(np.isfinite(errors.values).sum())
    coefficients = autocorrelation(errors.values, lags=min(40, max(1, known // 4)))
    bound = 1.96 / np.sqrt(known)
    figure.add_hrect(y0=-bound, y1=bound, fillcolor=plotting.translucent(plotting.REFERENCE, 0.25), line_width=0)
    figure.add_bar(
        x=np.arange(1, len(coefficients) + 1),
        y=coefficients,
        width=0.4,
        marker={"color": plotting.MODEL},
        hovertemplate="lag %{x}: %{y:.2f}<extra></extra>",
    )
    reach = max(0.3, bound, float(np.nanmax(np.abs(coefficients), initial=0.0)))
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_yaxes(range=[-1.1 * reach, 1.1 * reach])
    figure.update_xaxes(tickformat="d", range=[0.3, len(coefficients) + 0.7])
    return figure


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """Return the sample autocorrelation at lags 1 … ``lags``.

    Args:
        values: in time order, NaN where missing; pairs with a missing end are skipped.
        lags: how many.

    Returns:
        shape (lags,); NaN where no pair is left or the values do not vary.
    """
    centred = values - np.nanmean(values)
    variance = np.nanmean(centred**2)
    out = np.full(lags, np.nan)
    for lag in range(1, lags + 1):
        products = centred[lag:] * centred[:-lag]
        if variance > 0.0 and np.isfinite(products).any():
            out[lag - 1] = np.nansum(products) / (np.isfinite(centred).sum() * variance)
    return out
