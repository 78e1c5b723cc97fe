"""HTML that is safe by construction: only :class:`Markup` passes unescaped. Formulas are typeset."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nurt.wording import unbroken

__all__ = ["Column", "Markup", "definitions", "element", "items", "join", "safe", "table", "typeset"]

VOID = frozenset({"br", "hr", "img", "meta"})
# One letter, perhaps with an arrow or a prime, before the index: names of files and arguments stay as they are.
INDEX = re.compile(r"(?<![\w.])([^\W\d_][→←′]*)_(\([^()]*\)|[A-Za-z]+|\d+)(?![\w.]*_)")
# No line ends between a number and its unit.
UNIT = re.compile(r"(?<=\d) (?=(?:h|s|PLN|µg/m³)\b)")
POWER = re.compile(r"\^(\([^()]*\)|[A-Za-z]|[−-]?\d+)")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def safe(value: str) -> Markup:
    """Return ``value`` as HTML: escaped, unless it is HTML already."""
    return value if isinstance(value, Markup) else Markup(html.escape(value, quote=True))


def join(parts: Iterable[str], separator: str = "") -> Markup:
    """Return ``parts`` one after the other as HTML."""
    return Markup(safe(separator).join(safe(part) for part in parts))


def element(name: str, *content: str, **attributes: str | bool | None) -> Markup:
    """Return one HTML element.

    Args:
        name: tag name, trusted.
        content: children; plain strings are escaped.
        attributes: values are escaped; ``_`` in a name becomes ``-`` (``aria_label``), a trailing one is dropped
            (``class_``). True gives a bare attribute, None and False give none.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written.append(f" {attribute}" if value is True else f' {attribute}="{html.escape(value, quote=True)}"')
    opening = f"<{name}{''.join(written)}>"
    return Markup(opening) if name in VOID else Markup(f"{opening}{join(content)}</{name}>")


@dataclass(frozen=True)
class Column:
    """One column of a table; numbers stand to the right, words to the left, a narrow column never breaks its lines."""

    title: str
    numeric: bool = True


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    caption: str,
    note: str = "",
    highlight: int | None = None,
    typeset: Callable[[str], Markup] = safe,
) -> Markup:
    """Return a table in a box of its own that scrolls sideways on narrow screens.

    Args:
        columns: their titles; the first column holds the header of each row.
        rows: cells, as many per row as there are columns.
        caption: what the table shows, its name for screen readers.
        note: what has to be said to read it, below.
        highlight: index of the row that is tinted, or None.
        typeset: makes HTML of titles, cells, caption and note.
    """
    kinds = ["number" if column.numeric else "words" for column in columns]
    head = [
        element("th", typeset(column.title), scope="col", class_=kind)
        for column, kind in zip(columns, kinds, strict=True)
    ]
    body = []
    for index, row in enumerate(rows):
        first, *rest = zip(row, kinds, strict=True)
        cells = [element("th", typeset(first[0]), scope="row", class_=first[1])]
        cells += [element("td", typeset(cell), class_=kind) for cell, kind in rest]
        body.append(element("tr", *cells, class_="tinted" if index == highlight else None))
    whole = element(
        "table",
        element("caption", typeset(caption)),
        element("thead", element("tr", *head)),
        element("tbody", *body),
    )
    box = element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)
    # Outside the box, or it would scroll out of sight with the columns.
    return join([box, element("p", typeset(note), class_="note")]) if note else box


def definitions(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return a list of names and what they stand for."""
    rows = [element("div", element("dt", name), element("dd", value)) for name, value in pairs]
    return element("dl", *rows, class_="facts")


def items(entries: Iterable[str]) -> Markup:
    """Return a bulleted list."""
    return element("ul", *(element("li", entry) for entry in entries))


def typeset(text: str) -> Markup:
    """Return ``text`` as HTML with its indices and powers typeset; what is HTML already stays as it is.

    Example:
        >>> typeset("h_(t−1) and w_rec^T")
        'h<sub>t−1</sub> and w<sub>rec</sub><sup>T</sup>'
    """
    if isinstance(text, Markup):
        return text
    lowered = INDEX.sub(
        lambda found: f"{found[1]}<sub>{_bare(found[2])}</sub>", safe(UNIT.sub("\N{NO-BREAK SPACE}", unbroken(text)))
    )
    return Markup(POWER.sub(lambda found: f"<sup>{_bare(found[1])}</sup>", lowered))


def _bare(index: str) -> str:
    """Return an index without the brackets that held it together."""
    return index.removeprefix("(").removesuffix(")")
