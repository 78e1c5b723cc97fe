"""Where it all came from: data, settings, versions; enough to do it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nurt.reports.html import Markup, definitions, element, items, join
from nurt.reports.page import Section

__all__ = ["data_section", "reproduction_section"]


def data_section(facts: Sequence[tuple[str, str]], notes: Sequence[str], sources: Sequence[str]) -> Section:
    """Return what was read, what was noticed while reading, and from where."""
    parts = [definitions(facts)]
    if notes:
        parts += [element("h3", "Noticed on the way"), items(notes)]
    if sources:
        parts += [element("h3", "Sources"), items(sources)]
    return Section("data", "Data", join(parts))


def reproduction_section(settings: Mapping[str, Any], versions: Mapping[str, str]) -> Section:
    """Return settings and versions."""
    parts = [
        element("h3", "Settings"),
        definitions((name.replace("_", " "), _shown(value)) for name, value in settings.items()),
    ]
    parts += [element("h3", "Versions"), definitions(versions.items())] if versions else []
    return Section("again", "To do it again", join(parts))


def _shown(value: Any) -> str | Markup:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value) or "–"
    return str(value)
