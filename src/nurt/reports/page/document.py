"""One page in one file: sections and figures, with script, styles and data inside, nothing fetched."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.reports.page.html import Markup, element, join, safe
from nurt.reports.page.library import SIGNS, packed_library
from nurt.writing import write_whole

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "ENGLISH",
    "POLISH",
    "Frame",
    "Picture",
    "Section",
    "axis_unit",
    "numbers",
    "plain_text",
    "render",
    "switch",
    "tick_label",
    "write_page",
]

LONGEST_UNIT = 24
STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d)\S*)?")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Frame:
    """The words around the sections of a page, in its language.

    Args:
        language: code for browsers and screen readers.
        skip: link past the heading.
        contents_label: name of the contents.
        without_script: shown where no script runs.
        without_drawing: shown where the script that draws cannot be unpacked.
    """

    language: str
    skip: str
    contents_label: str
    without_script: str
    without_drawing: str


ENGLISH = Frame(
    "en",
    "Skip to the results",
    "Contents",
    "The figures of this page are drawn by the script inside it, which your browser does not run. The tables hold the "
    "same numbers.",
    "The figures of this page cannot be drawn: their script is compressed, and this browser could not unpack it. "
    "Chrome and Edge from version 80, Firefox from 113 and Safari from 16.4 can. The tables hold the same numbers.",
)
POLISH = Frame(
    "pl",
    "Przejdź do wyników",
    "Spis treści",
    "Rysunki na tej stronie tworzy zawarty w niej skrypt, którego przeglądarka nie uruchomiła. Te same liczby są w "
    "tabelach.",
    "Rysunków na tej stronie nie da się wyświetlić: ich skrypt jest skompresowany, a przeglądarka nie zdołała go "
    "rozpakować. Potrafią to Chrome i Edge od wersji 80, Firefox od 113 i Safari od 16.4. Te same liczby są w "
    "tabelach.",
)


@dataclass(frozen=True)
class Section:
    """One part of a page: ``anchor`` is its place in the address, ``title`` heads it and names it in the contents."""

    anchor: str
    title: str
    body: Markup

    def to_html(self) -> Markup:
        """Return the section element."""
        label = f"{self.anchor}-title"
        return element("section", element("h2", self.title, id=label), self.body, id=self.anchor, aria_labelledby=label)


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


def write_page(
    path: Path, title: str, header: Markup, sections: Sequence[Section], footer: Markup, frame: Frame = ENGLISH
) -> Path:
    """Write the page to ``path`` and return it.

    Raises:
        OutputError: it cannot be written.
    """
    write_whole(path, render(title, header, sections, footer, frame))
    return path


def render(title: str, header: Markup, sections: Sequence[Section], footer: Markup, frame: Frame = ENGLISH) -> str:
    """Return the whole page.

    Args:
        title: shown by the browser, escaped here.
        header: heading and verdict, above the contents.
        sections: in the order a person asks.
        footer: versions and the like.
        frame: the words around them.
    """
    contents = [element("a", section.title, href=f"#{section.anchor}") for section in sections]
    return Template(_asset("page.html")).substitute(
        language=safe(frame.language),
        skip=safe(frame.skip),
        contents_label=safe(frame.contents_label),
        without_script=safe(frame.without_script),
        without_drawing=safe(frame.without_drawing),
        title=safe(title),
        styles=_asset("page.css"),
        header=header,
        contents=join(contents),
        sections=join(section.to_html() for section in sections),
        footer=footer,
        signs=safe(SIGNS),
        library=packed_library(),
        script=_asset("page.js"),
    )


def switch(names: Sequence[str], *, label: str) -> Markup:
    """Return a chooser that redraws the figures of its section; nothing when there is nothing to choose."""
    if len(names) < 2:
        return Markup()
    options = [element("option", name, value=str(index)) for index, name in enumerate(names)]
    return element("label", f"{label} ", element("select", *options, class_="switch"), class_="chooser")


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


def numbers(values: Sequence[float | None]) -> np.ndarray:
    """Return ``values`` as floats, None as NaN, so that a line breaks where nothing is known."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _asset(name: str) -> str:
    return (resources.files("nurt.reports") / "assets" / name).read_text(encoding="utf-8")


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
