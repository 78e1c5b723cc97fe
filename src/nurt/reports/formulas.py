"""Formulas within plain sentences: ``h_t`` and ``w_rec^T`` with their indices below and their powers above the line."""

from __future__ import annotations

import re

from nurt.reports.html import Markup, safe
from nurt.wording import unbroken

__all__ = ["typeset"]

# One letter, perhaps with an arrow or a prime, before the index: names of files and arguments stay as they are.
INDEX = re.compile(r"(?<![\w.])([^\W\d_][→←′]*)_(\([^()]*\)|[A-Za-z]+|\d+)(?![\w.]*_)")
# No line ends between a number and its unit.
UNIT = re.compile(r"(?<=\d) (?=(?:h|s|PLN|µg/m³)\b)")
POWER = re.compile(r"\^(\([^()]*\)|[A-Za-z]|[−-]?\d+)")


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
