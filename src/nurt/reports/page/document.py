"""One page in one file: sections and figures, with script, styles and data inside, nothing fetched."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np

from nurt.reports.page.html import Markup, element, join, safe
from nurt.reports.page.packing import SIGNS, packed_library
from nurt.reports.page.picture import Picture
from nurt.writing import write_whole

__all__ = [
    "ENGLISH",
    "POLISH",
    "Frame",
    "Opening",
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

# In the order in which they use each other.
SCRIPTS = ("unpack.js", "save.js", "page.js")
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
        save: what a button under a figure does; ``{format}`` stands for SVG, PNG or CSV.
        rounded: what is added to it where numbers of a figure are stored rounded.
        series: heading of the column that names the traces, in a table that is saved.
    """

    language: str
    skip: str
    contents_label: str
    without_script: str
    without_drawing: str
    save: str
    rounded: str
    series: str


ENGLISH = Frame(
    "en",
    "Skip to the results",
    "Contents",
    "The figures of this page are drawn by the script inside it, which your browser does not run. The tables hold the "
    "same numbers.",
    "The figures of this page cannot be drawn: their script is compressed, and this browser could not unpack it. "
    "Chrome and Edge from version 80, Firefox from 113 and Safari from 16.4 can. The tables hold the same numbers.",
    "Save this figure as {format}",
    "large maps to five significant digits",
    "trace",
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
    "Zapisz rysunek jako {format}",
    "duże mapy z dokładnością do pięciu cyfr znaczących",
    "seria",
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
        body = element("div", self.body, class_="body")
        return element("section", element("h2", self.title, id=label), body, id=self.anchor, aria_labelledby=label)


@dataclass(frozen=True)
class Opening:
    """The first screen of a page: its heading, and the verdict with the first figure beside it.

    Args:
        heading: what the page is about.
        verdict: the answer in words.
        picture: the figure that shows it; None where a page has no figure at all.
        numbers: what the answer rests on, below it.
        chooser: redraws the figure, and the section that it names.
    """

    heading: Markup
    verdict: Markup
    picture: Picture | None
    numbers: str = ""
    chooser: str = ""

    def to_html(self) -> Markup:
        """Return the header element of the page."""
        parts = [element("div", self.verdict, class_="answer"), element("div", self.numbers, class_="grounds")]
        if self.picture is not None:
            # Between the page's title and those of its sections.
            picture = replace(self.picture, heading="h2")
            parts.insert(1, element("div", self.chooser, picture.to_html(), class_="evidence"))
        first = element("div", *parts, class_="first" if self.picture is not None else None)
        return element("header", self.heading, first, class_="opening")


def write_page(
    path: Path, title: str, opening: Opening, sections: Sequence[Section], footer: Markup, frame: Frame = ENGLISH
) -> Path:
    """Write the page to ``path`` and return it.

    Raises:
        OutputError: it cannot be written.
    """
    write_whole(path, render(title, opening, sections, footer, frame))
    return path


def render(title: str, opening: Opening, sections: Sequence[Section], footer: Markup, frame: Frame = ENGLISH) -> str:
    """Return the whole page.

    Args:
        title: shown by the browser, escaped here.
        opening: heading, verdict and first figure, above the contents.
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
        save=safe(frame.save),
        rounded=safe(frame.rounded),
        series=safe(frame.series),
        opening=opening.to_html(),
        contents=join(contents),
        sections=join(section.to_html() for section in sections),
        footer=footer,
        signs=safe(SIGNS),
        library=packed_library(),
        script=join(Markup(_asset(name)) for name in SCRIPTS),
    )


def switch(names: Sequence[str], *, label: str, follows: str | None = None) -> Markup:
    """Return a chooser that redraws the figures of its section; nothing when there is nothing to choose.

    Args:
        names: of the choices.
        label: what is chosen.
        follows: anchor of a further section whose parts belong to the choices.
    """
    if len(names) < 2:
        return Markup()
    options = [element("option", name, value=str(index)) for index, name in enumerate(names)]
    select = element("select", *options, class_="switch", data_follows=follows)
    return element("label", f"{label} ", select, class_="chooser")


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
