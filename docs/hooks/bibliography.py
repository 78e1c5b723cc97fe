"""Turn `REFERENCES.bib` into the page of the bibliography, and keys on other pages into links to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MARK = "<!-- bibliography -->"
FILE = Path(__file__).resolve().parents[2] / "REFERENCES.bib"
ENTRY = re.compile(r"@(\w+)\{([^,]+),\n(.*?)\n\}", re.DOTALL)
CITED = re.compile(r"\[([a-z]+(?:19|20)\d\d[a-z]+)\]")
FIELD = re.compile(r"^ *(\w+) *= *\{(.*)\},?$", re.MULTILINE)


def entries(text: str) -> dict[str, dict[str, str]]:
    """Return key → field → value."""
    return {key: dict(FIELD.findall(body)) for _, key, body in ENTRY.findall(text)}


def listed(text: str) -> str:
    """Return the entries as a list in Markdown, in order of their keys."""
    return "\n".join(f"- [](){{ #{key} }}**{key}**. {_sentence(part)}" for key, part in sorted(entries(text).items()))


def _sentence(part: dict[str, str]) -> str:
    people = part["author"].split(" and ")
    names = [" ".join(reversed(one.split(", "))) for one in people]
    where = part.get("journal") or part.get("booktitle") or part.get("publisher") or part.get("note", "")
    volume = part.get("volume", "") + (f"({part['number']})" if "number" in part else "")
    place = ", ".join(one for one in (f"*{where}*", volume, part.get("pages")) if one)
    return _plain(f"{', '.join(names)}: {part['title']}. {place}, {part['year']}.")


def _plain(text: str) -> str:
    """Return the text without what only TeX needs."""
    for sign, meant in (("{", ""), ("}", ""), ("\\&", "&"), ("--", "–")):
        text = text.replace(sign, meant)
    return text


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the list where a page asks for it, and link what is cited."""
    if MARK in markdown:
        return markdown.replace(MARK, listed(FILE.read_text(encoding="utf-8")))
    return CITED.sub(r"\\[[\1][\1]\\]", markdown)
