"""One figure of a page: its title, its data as the page's script draws them, and the sentence under it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.reports.page.html import Markup, element
from nurt.reports.page.packing import packed_bytes, packed_floats

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["FORMATS", "Picture"]

FORMATS = ("svg", "png", "csv")
"""What a reader can save a figure as."""

# Arrays of fewer numbers than this stay as they are: they would gain next to nothing.
WORTH_PACKING = 500
WORTH_SHARING = 100
# The JSON of a figure that is longer than this, in signs, is packed as a whole.
LONG = 3_000
# By this factor, plotly writes the labels of a logarithmic axis larger.
POWERS_LARGER = 1.25


@dataclass(frozen=True)
class Picture:
    """One figure of a page.

    Args:
        title: heading of the figure.
        description: what the figure shows, for screen readers.
        how_to_read: the sentence under the figure.
        figures: one figure, or one per choice of the section's switch.
        height: in CSS pixels.
        heading: element of the title, "h2", "h3" or "h4".
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
        # The page's script shows them as soon as there is something to save.
        buttons = [element("button", name.upper(), type="button", data_format=name) for name in FORMATS]
        return element(
            "figure",
            element(self.heading, self.title),
            element("div", class_="plot", role="img", aria_label=self.description, style=f"--height:{self.height}px"),
            _data(drawings),
            element("p", *buttons, class_="export", hidden=True),
            element("figcaption", element("strong", f"{self.lead} "), self.how_to_read),
        )


def _plain(figure: go.Figure) -> dict[str, Any]:
    """Return data and layout; the page has its own titles and space for them."""
    _break_at_zero(figure)
    figure.update_layout(title=None, margin={"l": 8, "r": 12, "t": 8, "b": 8})
    _even_sizes(figure)
    drawing = json.loads(figure.to_json(), parse_constant=lambda _: None)
    drawing["layout"].pop("template", None)
    return {"data": _packed(drawing["data"]), "layout": drawing["layout"]}


def _break_at_zero(figure: go.Figure) -> None:
    """Leave a gap where a value has no place on a logarithmic axis: a line would fall to the edge of the plot."""
    for trace in figure.select_traces({"type": "scatter"}):
        axis = figure.layout[f"yaxis{(trace.yaxis or 'y')[1:]}"]
        if axis.type == "log" and trace.y is not None:
            values = np.asarray(trace.y, dtype=np.float64)
            trace.y = np.where(values > 0.0, values, np.nan)


def _even_sizes(figure: go.Figure) -> None:
    """Write powers of ten and the names of colours in the size of other labels; plotly makes them larger."""
    plain = figure.layout.font.size
    if plain is None:
        return
    for trace in figure.data:
        if "colorbar" in trace and trace.colorbar.title.font.size is None:
            trace.colorbar.title.font.size = plain
    for axis in (*figure.select_xaxes({"type": "log"}), *figure.select_yaxes({"type": "log"})):
        if axis.exponentformat == "power" and not axis.tickformat and axis.tickfont.size is None:
            axis.tickfont.size = plain / POWERS_LARGER


def _packed(traces: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return traces whose large arrays are packed, and whose equal arrays are written once.

    ``{"same": [trace, name]}`` stands for an array that an earlier trace has under that name.
    """
    seen: dict[str, list[int | str]] = {}
    written = []
    for index, trace in enumerate(traces):
        entries = {}
        for name, value in trace.items():
            text = value["bdata"] if isinstance(value, dict) and "bdata" in value else ""
            place = seen.setdefault(f"{value['dtype']} {text}", [index, name]) if len(text) >= WORTH_SHARING else None
            # Shapes are not compared: what is drawn over both axes of a map stands in one trace.
            again = place is not None and place != [index, name] and "shape" not in value
            entries[name] = {"same": place} if again else _packed_array(value)
        written.append(entries)
    return written


def _packed_array(value: Any) -> Any:
    if not isinstance(value, dict) or value.get("dtype") not in ("f4", "f8"):
        return value
    values = np.frombuffer(base64.b64decode(value["bdata"]), dtype=f"<{value['dtype']}")
    text = packed_floats(values) if values.size >= WORTH_PACKING else None
    if text is None:
        return value
    shape = [int(size) for size in value["shape"].split(",")] if "shape" in value else [values.size]
    return {"packed": text, "shape": shape}


def _data(drawings: Sequence[dict[str, Any]]) -> Markup:
    """Return what the page's script draws, as JSON; a long one packed, which labels and dates gain most by."""
    text = json.dumps(drawings, allow_nan=False, separators=(",", ":"))
    if len(text) > LONG:
        return element("script", Markup(packed_bytes(text.encode())), type="text/plain")
    return element("script", _json_in_html(text), type="application/json")


def _json_in_html(text: str) -> Markup:
    """Return JSON that cannot end its script element, whatever names the data carry."""
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
