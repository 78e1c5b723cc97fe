"""What an examination found, in words, in one figure and in a table of layers, in English or Polish."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nurt.diagnostics.examination.naming import GATES_IN_WORDS, in_words
from nurt.reports.page.html import Column, Markup, element, items, join, table, typeset
from nurt.reports.page.picture import Picture
from nurt.reports.sections.labels import labelled
from nurt.wording import MISSING, Language, Text, counted, localised, percent

if TYPE_CHECKING:
    from nurt.diagnostics.examination.examining import Examination
    from nurt.diagnostics.examination.layer_findings import LayerFindings
    from nurt.diagnostics.gradient.by_lag import GradientByLag

__all__ = ["HOW_TO_READ", "LAYER", "findings", "layer_rows", "layer_table", "layer_titles", "reach_picture"]

HOW_TO_READ = Text("How to read this.", "Jak to czytać.")
_AT_THESE_WEIGHTS = Text(
    "At its present weights, on {windows} of the data:", "Przy obecnych wagach, na podstawie {windows} danych:"
)
_REACH = Text("Gradient by lag", "Gradient według opóźnienia")
_REACH_SHOWS = Text(
    "The gradient that reaches the states or the inputs of the network, by their distance to the last step read.",
    "Gradient docierający do stanów lub wejść sieci, według odległości od ostatniego czytanego kroku.",
)
_REACH_READING = Text(
    "The norm of the gradient k steps before the loss, as a share of its maximum, in the median row: of the whole "
    "state or of the inputs, whichever reaches further. Steps to the right of where it falls below the dotted line "
    "hardly contribute to learning. A short reach is no fault where the far past holds no information.",
    "Norma gradientu k kroków przed funkcją straty, jako część maksimum, w wierszu medianowym: całego stanu albo "
    "wejść, zależnie od tego, co sięga dalej. Kroki na prawo od miejsca, gdzie spada poniżej kropkowanej linii, "
    "prawie nie wpływają na uczenie. Krótki zasięg nie jest wadą, jeśli odległa przeszłość nie niesie informacji.",
)
LAYER = Text("layer", "warstwa")
_COLUMNS: Mapping[str, Text] = {
    "layer": LAYER,
    "gradient": Text("gradient", "gradient"),
    "half_life": Text("half-life", "okres połowiczny"),
    "gates": Text("gates", "bramki"),
    "jacobian": Text("σ_max", "σ_max"),
    "lyapunov": Text("Lyapunov", "Lapunow"),
}
_COURSES = {
    "holds": Text("holds", "utrzymuje się"),
    "vanishes": Text("vanishes, {lag}", "zanikający, {lag}"),
    "explodes": Text("explodes, ×{factor}", "eksplodujący, ×{factor}"),
    "overflows": Text("explodes", "eksplodujący"),
}
_SIDES = (Text("closed", "zamknięta"), Text("open", "otwarta"))
_IN_RANGE = Text("in range", "w zakresie")
_CAPTION = Text("Layers in numbers", "Warstwy w liczbach")
NOTE = Text(
    "Gradient: its course, and after how many steps it stays below the threshold or by what it is multiplied per step; "
    "median of the rows. Half-life: median and 95 % quantile of the units, in steps. Gates: the one that stands most "
    "at one end of its range, and its share of all places. σ_max: median of the step Jacobians. Lyapunov: the largest "
    "exponent, nats per step, median of the rows.",
    "Gradient: jego przebieg oraz po ilu krokach pozostaje poniżej progu albo ile razy zmienia się na krok; mediana po "
    "wierszach. Okres połowiczny: mediana i kwantyl 95 % jednostek, w krokach. Bramki: ta, która najczęściej stoi na "
    "krańcu zakresu, i jej część wszystkich miejsc. σ_max: mediana jakobianów kroku. Lapunow: największy wykładnik, "
    "nata na krok, mediana po wierszach.",
)


def findings(found: Examination, language: Language = "en") -> Markup:
    """Return all findings of the rules, in the words of the rules."""
    windows = counted(found.rows, ("window", "windows"), ("okna", "okien", "okien"))
    lead = element("p", _AT_THESE_WEIGHTS.filled(windows=windows)[language])
    return join([lead, items(one.text[language] for one in found.advice) if found.advice else Markup()])


def reach_picture(found: Examination, language: Language = "en") -> Picture | None:
    """Return the gradient by its distance to the last step; None where it was not looked at or there is none."""
    known = [*(one.gradient for one in found.branches), *(one.gradient for one in found.layers)]
    if all(one is None for one in known):
        return None
    figure = labelled(found.plot(), language)
    figure.update_layout(title=None, showlegend=len(figure.data) > 1)
    return Picture(
        title=_REACH[language],
        description=_REACH_SHOWS[language],
        how_to_read=_REACH_READING[language],
        figures=[figure],
        height=320,
        lead=HOW_TO_READ[language],
    )


def layer_titles(language: Language) -> list[str]:
    """Return the titles of the columns of :func:`layer_rows`."""
    return [title[language] for title in _COLUMNS.values()]


def layer_rows(found: Examination, language: Language) -> list[list[str]]:
    """Return a row of cells for each layer: medians of the rows of data, as in the findings.

    Where all layers are of one module, they need its name no more than the table does.
    """
    alone = len({one.id.module for one in found.layers}) == 1
    names = [in_words(one.id)[language] for one in found.layers]
    if alone:
        names = [name.split(", ", 1)[1].removeprefix(f"{LAYER[language]} ") for name in names]
    return [[name, *_cells(one, language)] for name, one in zip(names, found.layers, strict=True)]


def _cells(layer: LayerFindings, language: Language) -> list[str]:
    half = MISSING
    if layer.memory is not None:
        half = " / ".join(
            localised(value, language, 3) for value in np.quantile(layer.memory.half_life, [0.5, 0.95]).tolist()
        )
    largest = math.nan if layer.jacobians is None else float(layer.jacobians.largest.nanmedian())
    exponent = math.nan if layer.lyapunov is None else layer.lyapunov.largest
    return [
        MISSING if layer.gradient is None else _course(layer.gradient)[language],
        half,
        _most_standing(layer, language),
        localised(largest, language, 4),
        f"{'+' if exponent > 0 else ''}{localised(exponent, language, 3)}",
    ]


def layer_table(found: Examination, language: Language = "en") -> Markup:
    """Return the table of layers."""
    titles = layer_titles(language)
    columns = [Column(_capital(title), numeric=at > 0) for at, title in enumerate(titles)]
    return table(columns, layer_rows(found, language), caption=_CAPTION[language], note=NOTE[language], typeset=typeset)


def _capital(title: str) -> str:
    return title if title.startswith("σ") else title[:1].upper() + title[1:]


def _course(gradient: GradientByLag) -> Text:
    if gradient.overflow is not None:
        return _COURSES["overflows"]
    words = _COURSES[gradient.course]
    factor = Text(*(localised(gradient.factor, language, 3) for language in ("en", "pl")))
    return words.filled(lag=MISSING if gradient.horizon is None else str(gradient.horizon), factor=factor)


def _most_standing(layer: LayerFindings, language: Language) -> str:
    """Return the gate that stands most at one end of its range, the end, and how often."""
    if layer.gates is None or not layer.gates.gates:
        return MISSING
    shares = [
        (float(values.mean()), name, side)
        for name, one in layer.gates.gates.items()
        for values, side in zip((one.left, one.right), _SIDES, strict=True)
    ]
    share, name, side = max(shares, key=lambda one: one[0])
    if share < 0.005:
        return _IN_RANGE[language]
    gate = GATES_IN_WORDS[name][language].removesuffix(" gate").removeprefix("bramka ")
    return f"{gate}, {side[language]} {percent(share, 0)}"
