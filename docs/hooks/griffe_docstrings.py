"""Let docstrings that were written to be read in the source be read on a page too.

Sphinx roles become links, keys of `REFERENCES.bib` become links to the bibliography, and an argument entry that
stands for several arguments becomes one entry for each.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|data|mod|attr|exc):`(~?)([\w.]+)`")
KEY = re.compile(r"[\[(]?\b([a-z]+(?:19|20)\d\d[a-z]+)\b[\])]?")
JOINT = re.compile(r"^( +)(\w+(?:, \w+)+): (.+)$")
SECTION = re.compile(r"^( *)(Args|Attributes):$")


class ReadableDocstrings(griffe.Extension):
    """Rewrite docstrings after they were collected."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is None:
            return
        text = _one_entry_each(obj.docstring.value)
        # The plural is the section that is set as code; the singular would be a remark.
        text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
        text = re.sub(r"(?<=\w)::$", ":", text, flags=re.MULTILINE)
        text = ROLE.sub(lambda found: _link(obj, found[2], short=bool(found[1])), text)
        obj.docstring.value = KEY.sub(r'[<autoref identifier="\1" optional>\1</autoref>]', text)


def _one_entry_each(text: str) -> str:
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if SECTION.match(line):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        joint = JOINT.match(line) if inside else None
        if joint:
            indent, names, meaning = joint.groups()
            lines.extend(f"{indent}{name}: {meaning}" for name in names.split(", "))
        else:
            lines.append(line)
    return "\n".join(lines)


def _link(obj: griffe.Object, target: str, *, short: bool) -> str:
    """Return ``target`` as a link, where what it names is on a page; ``short`` shows its last part alone."""
    try:
        place = obj.resolve(target) if not target.startswith("nurt.") else target
    except griffe.NameResolutionError:
        place = target
    shown = target.rpartition(".")[2] if short else target
    return f'<autoref identifier="{place}" optional><code>{shown}</code></autoref>'
