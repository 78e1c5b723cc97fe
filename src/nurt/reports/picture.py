"""A figure with what a reader needs beside it: a title, a description for those who cannot see it, how to read it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.reports.html import Markup, element

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Picture", "axis_unit", "numbers", "plain_text", "tick_label"]

LONGEST_UNIT = 24
STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d)\S*)?")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Picture:
    """One figure of a page.

    Args:
        title: heading of the figure.
        description: what the figure shows, for screen readers.
        how_to_read: the sentence under the figure.
        figures: one figure, or one per choice of the section's switch.
        height: in CSS pixels.
        heading: element of the title, "h3" or "h4".
        lead: what introduces the sentence under the figure.
    """

    title: str
    description: str
    how_to_read: str
    figures: Sequence[go.Figure]
    height: int = 360
    heading: str = "h3"
    lead: str = "How to read this."

    def to_html(self) -> Markup:
        """Return the figure element; the page's script draws it from the JSON inside."""
        drawings = [_plain(figure) for figure in self.figures]
        return element(
            "figure",
            element(self.heading, self.title),
            element("div", class_="plot", role="img", aria_label=self.description, style=f"--height:{self.height}px"),
            element("script", _json_in_html(drawings), type="application/json"),
            element("figcaption", element("strong", f"{self.lead} "), self.how_to_read),
        )


def plain_text(value: object) -> str:
    """Return ``value`` as figure text that is shown literally: plotly reads tags and entities in every label."""
    return html.escape(str(value), quote=False)


def axis_unit(target: str) -> str:
    """Return the target's name for an axis title, cut where it would outgrow the axis."""
    return plain_text(target if len(target) <= LONGEST_UNIT else target[: LONGEST_UNIT - 1].rstrip() + "…")


def tick_label(label: object) -> str:
    """Return a time label in two short lines, narrow enough for a telephone; other labels stay as they are."""
    found = STAMP.fullmatch(str(label))
    if found is None or not 1 <= int(found[2]) <= 12:
        return plain_text(label)
    year, month, day, hour = found.groups()
    date = f"{int(day)} {MONTHS[int(month) - 1]}"
    return f"{hour}<br>{date} {year}" if hour else f"{date}<br>{year}"


def _plain(figure: go.Figure) -> dict[str, Any]:
    """Return data and layout; the page has its own titles and space for them."""
    _break_at_zero(figure)
    figure.update_layout(title=None, margin={"l": 8, "r": 12, "t": 8, "b": 8})
    drawing = json.loads(figure.to_json(), parse_constant=lambda _: None)
    drawing["layout"].pop("template", None)
    return {"data": drawing["data"], "layout": drawing["layout"]}


def _break_at_zero(figure: go.Figure) -> None:
    """Leave a gap where a value has no place on a logarithmic axis: a line would fall to the edge of the plot."""
    for trace in figure.select_traces({"type": "scatter"}):
        axis = figure.layout[f"yaxis{(trace.yaxis or 'y')[1:]}"]
        if axis.type == "log" and trace.y is not None:
            values = np.asarray(trace.y, dtype=np.float64)
            trace.y = np.where(values > 0.0, values, np.nan)


def _json_in_html(value: Any) -> Markup:
    """Return JSON that cannot end its script element, whatever names the data carry."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def numbers(values: Sequence[float | None]) -> np.ndarray:
    """Return ``values`` as floats, None as NaN, so that a line breaks where nothing is known."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
