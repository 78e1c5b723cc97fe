"""The forecast: fan chart and numbers of each series, and the long table in CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.reports.page.document import Picture, Section, axis_unit, plain_text, switch, tick_label
from nurt.reports.page.html import Column, Markup, element, join, table
from nurt.wording import MISSING, decimals_for, fixed, interval
from nurt.writing import write_whole

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.tasks.forecasting.results import ForecastStep

__all__ = [
    "SHOWN_SERIES",
    "fan_chart",
    "forecast_picture",
    "forecast_section",
    "series_switch",
    "write_forecast_table",
]

ANCHOR = "forecast"
SHOWN_SERIES = 12
# Enough history to judge the forecast by, not so much that the forecast becomes a sliver.
FEWEST_SHOWN = 60
SHOWN_PER_STEP = 6

Recent = Mapping[str, tuple[tuple[str, ...], np.ndarray]]


def forecast_picture(target: str, steps: Sequence[ForecastStep], recent: Recent) -> Picture | None:
    """Return the fan charts of the first :data:`SHOWN_SERIES` series; None where nothing was forecast."""
    empty: tuple[tuple[str, ...], np.ndarray] = ((), np.empty(0))
    figures = [fan_chart(target, own, *recent.get(name, empty)) for name, own in _shown(steps).items()]
    return _picture(target, figures) if figures else None


def series_switch(steps: Sequence[ForecastStep]) -> Markup:
    """Return the chooser of the series, for a figure outside the section of the forecast."""
    return switch(list(_shown(steps)), label="Series", follows=ANCHOR)


def forecast_section(target: str, steps: Sequence[ForecastStep], above: str = "") -> Section:
    """Return the tables of the first :data:`SHOWN_SERIES` series.

    Args:
        target: name of what is forecast.
        steps: of all series.
        above: what stands above the tables.
    """
    shown = _shown(steps)
    total = len({step.series for step in steps})
    parts = [above] if shown else [element("p", "There is no forecast in this run.")]
    if total > len(shown):
        note = f"The first {len(shown)} of {total} series are drawn; forecast.csv holds them all."
        parts.append(element("p", note, class_="note"))
    for index, (name, own) in enumerate(shown.items()):
        numbers = _numbers(own, f"Forecast of {target}" + (f", {name}" if len(shown) > 1 else ""))
        parts.append(element("div", numbers, data_choice=str(index), hidden=index > 0))
    return Section(ANCHOR, "Forecast", join(parts))


def _shown(steps: Sequence[ForecastStep]) -> dict[str, list[ForecastStep]]:
    by_series: dict[str, list[ForecastStep]] = {}
    for step in steps:
        by_series.setdefault(step.series, []).append(step)
    return {name: by_series[name] for name in list(by_series)[:SHOWN_SERIES]}


def _picture(target: str, figures: Sequence[go.Figure]) -> Picture:
    return Picture(
        title=f"{target}: the forecast",
        description=f"The last observations of {target} and the forecast after them, its 80 and 95 per cent bands.",
        how_to_read=(
            "Left of the upright line lies what was observed, right of it the forecast. In about eight of ten cases "
            "the truth should fall into the dark band, in about nineteen of twenty into the light one; the line "
            "between is as likely too low as too high. Dotted: repeating the last value."
        ),
        figures=figures,
        height=430,
    )


def fan_chart(target: str, steps: Sequence[ForecastStep], labels: Sequence[str], values: np.ndarray) -> go.Figure:
    """Return recent history, median and bands on an axis of observations: 0 is the last one known.

    Args:
        target: name of what is forecast.
        steps: forecast of one series, in order.
        labels: time labels of the recent observations.
        values: the recent observations, NaN where missing; may be empty.
    """
    figure = plotting.new_figure("", "", axis_unit(target))
    figure.update_layout(hovermode="closest")
    shown = max(FEWEST_SHOWN, SHOWN_PER_STEP * len(steps))
    labels, values = labels[-shown:], values[-shown:]
    past = np.arange(1 - len(values), 1)
    figure.add_scatter(
        x=past,
        y=values,
        name="observed",
        mode="lines",
        line={"color": plotting.ACTUAL, "width": 1.8},
        customdata=[plain_text(label) for label in labels],
        hovertemplate="%{customdata}: %{y}<extra>observed</extra>",
    )
    _add_band(figure, steps, "95", 0.16)
    _add_band(figure, steps, "80", 0.30)
    ahead = [step.h for step in steps]
    known = values[np.isfinite(values)]
    if len(known):
        figure.add_scatter(
            x=[0, *ahead],
            y=np.full(len(steps) + 1, known[-1]),
            name="repeat last value",
            mode="lines",
            line={"color": plotting.REFERENCE, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=ahead,
        y=[step.median for step in steps],
        name="forecast",
        mode="lines+markers" if len(steps) < 4 else "lines",
        line={"color": plotting.MODEL, "width": 3},
        customdata=[_hover(step) for step in steps],
        hovertemplate="%{customdata}<extra>forecast</extra>",
    )
    figure.add_vline(x=0, line={"color": "#8A8A8A", "width": 1})
    positions, texts = _ticks(steps, labels)
    first, last = (past[0] if len(past) else 0), (ahead[-1] if ahead else 0)
    # Labels centred on the first and last position need room beside them.
    pad = 0.03 * (last - first) + 0.5
    figure.update_xaxes(
        tickvals=positions, ticktext=texts, tickangle=0, showgrid=False, range=[first - pad, last + pad]
    )
    return figure


def _add_band(figure: go.Figure, steps: Sequence[ForecastStep], level: str, opacity: float) -> None:
    bounds = [(step.h, getattr(step, f"lo_{level}"), getattr(step, f"hi_{level}")) for step in steps]
    known = [(h, low, high) for h, low, high in bounds if low is not None and high is not None]
    if not known:
        return
    ahead, lower, upper = (list(column) for column in zip(*known, strict=True))
    if len(known) == 1:
        # A band of one step has no width; a bar has.
        figure.add_scatter(
            x=ahead * 2,
            y=[lower[0], upper[0]],
            name=f"{level} % band",
            mode="lines",
            line={"color": plotting.translucent(plotting.MODEL, 2 * opacity), "width": 14},
            hoverinfo="skip",
        )
        return
    figure.add_scatter(
        x=[*ahead, *reversed(ahead)],
        y=[*lower, *reversed(upper)],
        name=f"{level} % band",
        mode="lines",
        fill="toself",
        fillcolor=plotting.translucent(plotting.MODEL, opacity),
        line={"width": 0},
        hoverinfo="skip",
    )


def _hover(step: ForecastStep) -> str:
    decimals = _decimals([step])
    lines = [f"step {step.h}" + (f", {plain_text(step.time)}" if step.time else "")]
    lines.append(f"{fixed(step.median, decimals)}")
    lines += [
        f"{level} %: {interval(getattr(step, f'lo_{level}'), getattr(step, f'hi_{level}'), decimals)}"
        for level in ("80", "95")
    ]
    return "<br>".join(lines)


def _decimals(steps: Sequence[ForecastStep]) -> int:
    """Return decimals that resolve the bands; five significant digits where there are none."""
    widths = [step.hi_80 - step.lo_80 for step in steps if step.lo_80 is not None and step.hi_80 is not None]
    return decimals_for(widths, 3) if any(widths) else decimals_for([step.median for step in steps], 5)


def _ticks(steps: Sequence[ForecastStep], labels: Sequence[str]) -> tuple[list[int], list[str]]:
    """Return a few positions and their labels: dates behind, dates or step numbers ahead."""
    count = len(labels)
    behind = sorted({0, count // 2, count - 1}) if count else []
    positions = [index + 1 - count for index in behind]
    texts = [tick_label(labels[index]) for index in behind]
    if steps and (last := steps[-1]).h > 0.1 * count:
        positions.append(last.h)
        texts.append(tick_label(last.time) if last.time else f"+{last.h}")
    return positions, texts


def _numbers(steps: Sequence[ForecastStep], caption: str) -> Markup:
    decimals = _decimals(steps)
    dated = any(step.time is not None for step in steps)
    columns = [Column("Step"), *([Column("Time", numeric=False)] if dated else [])]
    columns += [Column("Forecast"), Column("80 % band"), Column("95 % band")]
    rows = [
        [
            f"+{step.h}",
            *([step.time or MISSING] if dated else []),
            fixed(step.median, decimals),
            interval(step.lo_80, step.hi_80, decimals),
            interval(step.lo_95, step.hi_95, decimals),
        ]
        for step in steps
    ]
    return element("details", element("summary", "The forecast as a table"), table(columns, rows, caption=caption))


def write_forecast_table(
    steps: Sequence[ForecastStep], path: str | Path, *, model: str, recommended: str | None = None
) -> Path:
    """Write a forecast as CSV: ``unique_id, ds, step, <model>, <model>-lo-80, …``, one row per series and step.

    Free forecasts follow, a column each, and last the recommended forecast once more, with its name. Numbers are
    written in full, so that reading gives the same floats; what is unknown stays empty.

    Args:
        steps: the forecast.
        path: the file; its folder is made if need be.
        model: name of the forecast column.
        recommended: name of the forecast that a run recommends; None writes no such columns.

    Returns:
        the path written.

    Raises:
        OutputError: it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bounds = ("lo-95", "lo-80", "hi-80", "hi-95")
    free = list(dict.fromkeys(name for step in steps for name in step.free))
    advice = [] if recommended is None else ["recommended", "recommended-name"]
    writer.writerow(["unique_id", "ds", "step", model, *(f"{model}-{bound}" for bound in bounds), *free, *advice])
    for step in steps:
        values = [step.median, *(getattr(step, bound.replace("-", "_")) for bound in bounds)]
        values += [step.free.get(name) for name in free]
        if recommended is not None:
            values.append(step.free.get(recommended, step.median))
        written = ["" if value is None or not math.isfinite(value) else repr(float(value)) for value in values]
        named = [] if recommended is None else [recommended]
        writer.writerow([step.series, step.time or "", step.h, *written, *named])
    write_whole(Path(path), text.getvalue())
    return Path(path)
