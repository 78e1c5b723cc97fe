"""One page in one file: the script that draws, the styles and the data all inside, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from nurt.reports.html import Markup, element, join, safe
from nurt.writing import write_whole

__all__ = ["ENGLISH", "POLISH", "Frame", "Section", "render", "switch", "write_page"]


@dataclass(frozen=True)
class Frame:
    """The words around the sections of a page, in its language.

    Args:
        language: code for browsers and screen readers.
        skip: link past the heading.
        contents_label: name of the contents.
        without_script: shown where no script runs.
    """

    language: str
    skip: str
    contents_label: str
    without_script: str


ENGLISH = Frame(
    "en",
    "Skip to the results",
    "Contents",
    "The figures of this page are drawn by the script inside it, which your browser does not run. The tables hold the "
    "same numbers.",
)
POLISH = Frame(
    "pl",
    "Przejdź do wyników",
    "Spis treści",
    "Rysunki na tej stronie tworzy zawarty w niej skrypt, którego przeglądarka nie uruchomiła. Te same liczby są w "
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


def switch(names: Sequence[str], *, label: str) -> Markup:
    """Return a chooser that redraws the figures of its section; nothing when there is nothing to choose."""
    if len(names) < 2:
        return Markup()
    options = [element("option", name, value=str(index)) for index, name in enumerate(names)]
    return element("label", f"{label} ", element("select", *options, class_="switch"), class_="chooser")


def render(title: str, header: Markup, sections: Sequence[Section], footer: Markup, frame: Frame = ENGLISH) -> str:
    """Return the whole page.

    Args:
        title: shown by the browser, escaped here.
        header: heading and verdict, above the contents.
        sections: in the order a person asks.
        footer: versions and the like.
        frame: the words around them.
    """
    from plotly.offline import get_plotlyjs

    contents = [element("a", section.title, href=f"#{section.anchor}") for section in sections]
    return Template(_asset("page.html")).substitute(
        language=safe(frame.language),
        skip=safe(frame.skip),
        contents_label=safe(frame.contents_label),
        without_script=safe(frame.without_script),
        title=safe(title),
        styles=_asset("page.css"),
        header=header,
        contents=join(contents),
        sections=join(section.to_html() for section in sections),
        footer=footer,
        library=get_plotlyjs(),
        script=_asset("page.js"),
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


def _asset(name: str) -> str:
    return (resources.files("nurt.reports") / "assets" / name).read_text(encoding="utf-8")
