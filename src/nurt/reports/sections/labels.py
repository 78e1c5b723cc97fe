"""The labels of diagnostic figures in another language: results draw themselves in English, and pages may be Polish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nurt.diagnostics.examination.naming import GATES_IN_WORDS, in_words
from nurt.diagnostics.look.finding import LayerId
from nurt.wording import Language

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["labelled", "labels_of"]

# Whole labels; names of weights and formulas are the same in both languages.
_LABELS = {
    "distance k (steps)": "odległość k (kroki)",
    "half-life (steps)": "okres połowicznego zaniku (kroki)",
    "index i": "indeks i",
    "input step s": "krok wejścia s",
    "lag k (steps before the loss)": "opóźnienie k (kroki przed funkcją straty)",
    "log₁₀ singular value": "log₁₀ wartości osobliwej",
    "norm": "norma",
    "output step t": "krok wyjścia t",
    "power k": "potęga k",
    "relative error": "błąd względny",
    "share of the maximum": "część maksimum",
    "step s": "krok s",
    "step t": "krok t",
    "time step": "krok",
    "units, sorted": "jednostki, posortowane",
    "window K (steps)": "okno K (kroki)",
    "λ_i (nats per step)": "λ_i (nata na krok)",
    "cell highway": "wprost przez stan komórki",
    "detached every K steps": "odcięcie co K kroków",
    "final cell": "końcowy stan komórki",
    "inputs ‖∂ℓ/∂x‖, median": "wejścia ‖∂L/∂x‖, mediana",
    "whole state ‖∂ℓ/∂s‖, median": "cały stan ‖∂L/∂s‖, mediana",
    "median of the batch": "mediana po wierszach",
    "own output": "własne wyjście",
    "through the gates": "przez bramki",
    "sliding window": "okno przesuwne",
    **{name: text.pl for name, text in GATES_IN_WORDS.items()},
}
# Labels that hold a number or a name.
_PATTERNS = (
    (re.compile(r"share above (?P<bound>[\d.]+)"), "część powyżej {bound}"),
    (re.compile(r"share of steps below (?P<bound>[\d.]+)"), "część kroków poniżej {bound}"),
    (re.compile(r"by way of all layers, (?P<quantity>state|inputs)"), "przez wszystkie warstwy, {quantity}"),
    (
        re.compile(r"(?P<name>.+): by way of all layers, (?P<quantity>state|inputs)"),
        "{name}: przez wszystkie warstwy, {quantity}",
    ),
    (re.compile(r"(?P<name>.+), (?P<quantity>state|inputs)"), "{name}, {quantity}"),
)
_WORDS = {"state": "stan", "inputs": "wejścia"}
_LAYER = re.compile(r"(?P<module>.+), layer (?P<layer>\d+), (?P<direction>forward|backward)")


def labelled(figure: go.Figure, language: Language) -> go.Figure:
    """Return a figure with its labels in a language, its numbers with the language's decimal sign."""
    if language == "en":
        return figure
    for holder, name in _places(figure):
        holder[name] = _in_polish(holder[name])
    figure.update_layout(separators=",\N{NO-BREAK SPACE}")
    return figure


def labels_of(figure: go.Figure) -> list[str]:
    """Return the titles of axes and colours and the names of traces of a figure."""
    return [holder[name] for holder, name in _places(figure)]


def _places(figure: go.Figure) -> Iterator[tuple[Any, str]]:
    """Yield what holds each label, and the name by which it does."""
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.title.text:
            yield axis.title, "text"
    for trace in figure.data:
        if trace.name:
            yield trace, "name"
        if "colorbar" in trace and trace.colorbar.title.text:
            yield trace.colorbar.title, "text"


def _in_polish(label: str) -> str:
    if label in _LABELS:
        return _LABELS[label]
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(label)
        if found is not None:
            parts = {name: _part(value) for name, value in found.groupdict().items()}
            return words.format(**parts)
    return label


def _part(value: str) -> str:
    """Return a number or a name within a label: a decimal comma, the address of a layer in words."""
    ends = value.split(" to ")
    if len(ends) == 2 and all(_LAYER.fullmatch(end) for end in ends):
        return " – ".join(map(_part, ends))
    found = _LAYER.fullmatch(value)
    if found is not None:
        module = "" if found["module"] == "the model" else found["module"]
        return in_words(LayerId(module, int(found["layer"]), found["direction"])).pl  # type: ignore[arg-type]
    return _WORDS.get(value, value.replace(".", ",") if re.fullmatch(r"[\d.]+", value) else value)
