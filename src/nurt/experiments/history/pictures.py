"""Figures and table of what trained networks take from the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.results import Figure, ResultTable
from nurt.wording import Language, Text, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["closing_figure", "distance_figure", "input_figure", "state_figure", "table"]

Curves: TypeAlias = Sequence[tuple[str, np.ndarray]]
"""Names of cells with a value per lag or distance."""

LAG = Text("lag (letters before the last)", "odstęp (litery przed ostatnią)")


def _by_lag(curves: Curves, y_title: str, language: Language) -> go.Figure:
    positive = [(name, np.where(values > 0.0, values, np.nan)) for name, values in curves]
    figure = drawing.lines(np.arange(len(curves[0][1])), positive, LAG[language], y_title)
    plotting.log_axis(figure)
    return figure


def input_figure(curves: Curves, recent: int) -> Figure:
    """Return the gradient by the letters of windows that end anywhere."""

    def draw(language: Language) -> go.Figure:
        figure = _by_lag([(name, values / values.max()) for name, values in curves], "‖∂ℓ/∂x‖", language)
        figure.add_vrect(x0=-0.5, x1=recent - 0.5, fillcolor="#EFEFEF", layer="below", line_width=0)
        return figure

    return Figure(
        Text("Gradient by the letters of the history", "Gradient po literach historii"),
        Text(
            "How much the loss of the next letter depends on each earlier one, relative to the largest, mean over "
            "windows. A level line would be an equal share for all. Grey: the last {n} letters.",
            "Jak bardzo strata następnej litery zależy od każdej wcześniejszej, względem największej wartości, średnia "
            "po oknach. Linia pozioma oznaczałaby równy udział wszystkich. Szare tło: ostatnie litery, jest ich {n}.",
        ).filled(n=recent),
        draw,
        380,
    )


def state_figure(curves: Curves) -> Figure:
    """Return the gradient by the whole state."""

    def draw(language: Language) -> go.Figure:
        return _by_lag([(name, values / values.max()) for name, values in curves], "‖∂ℓ/∂s‖", language)

    return Figure(
        Text("Gradient by the whole state", "Gradient po całym stanie"),
        Text(
            "The same by the state that is handed on: h, of the LSTM h and c together. The state of a lag holds all "
            "earlier letters too, so its gradient may reach farther than that of the letter read there.",
            "To samo po stanie przekazywanym dalej: h, w LSTM h i c razem. Stan zawiera też wszystkie wcześniejsze "
            "litery, więc jego gradient może sięgać dalej niż gradient litery czytanej w tym kroku.",
        ),
        draw,
        360,
    )


def closing_figure(curves: Curves, distance: int) -> Figure:
    """Return the gradient by the letters before closing letters."""

    def draw(language: Language) -> go.Figure:
        figure = _by_lag([(name, values / values.max()) for name, values in curves], "‖∂ℓ/∂x‖", language)
        opening = Text("opening letter", "litera otwierająca")[language]
        figure.add_vline(x=distance - 1, line={"color": plotting.REFERENCE, "dash": "dot"}, annotation_text=opening)
        return figure

    peaks = [name for name, values in curves if stands_out(values, distance - 1)]
    told = (
        Text("A peak at the dotted line: {names}.", "Szczyt przy linii kropkowanej: {names}.").filled(
            names=", ".join(peaks)
        )
        if peaks
        else Text("No cell has a peak at the dotted line.", "Żadna komórka nie ma szczytu przy linii kropkowanej.")
    )
    words = Text(
        "The same at closing letters whose opening lies {d} letters back, the only one that decides. {told}",
        "To samo przy literach zamykających, których otwarcie leży {d} liter wcześniej i jako jedyne rozstrzyga. "
        "{told}",
    )
    return Figure(
        Text("Gradient at closing letters", "Gradient przy literach zamykających"),
        words.filled(d=distance, told=told),
        draw,
        380,
    )


def stands_out(values: np.ndarray, at: int) -> bool:
    """Return whether a curve is at ``at`` a fifth above both of its neighbours; (T,)."""
    beside = [values[near] for near in (at - 1, at + 1) if 0 <= near < len(values)]
    return bool(values[at] > 1.2 * max(beside))


def distance_figure(distances: Sequence[int], curves: Curves, known: float) -> Figure:
    """Return the share of right closing letters by distance, guessing, and what counts as known."""

    def draw(language: Language) -> go.Figure:
        titles = (
            Text("distance from opening to close (steps)", "odległość od otwarcia do zamknięcia (kroki)"),
            Text("right closing letters", "poprawne litery zamykające"),
        )
        figure = drawing.lines(np.array(distances), curves, titles[0][language], titles[1][language])
        figure.update_traces(mode="lines+markers")
        for height, style in ((0.5, "dash"), (known, "dot")):
            figure.add_hline(y=height, line={"color": plotting.REFERENCE, "width": 1.5, "dash": style})
        figure.update_yaxes(range=[0.35, 1.03])
        return figure

    return Figure(
        Text("Openings known at their close, by distance", "Otwarcia znane przy zamknięciu, według odległości"),
        Text(
            "Dashed: guessing. Above the dotted line, {known}, an opening counts as known. This is what a network "
            "remembers; the gradient only says what it can still learn from.",
            "Linia przerywana: zgadywanie. Powyżej kropkowanej, {known}, otwarcie uznajemy za znane. To jest pamięć "
            "sieci; gradient mówi tylko, z czego może się jeszcze uczyć.",
        ).filled(known=to_digits(known)),
        draw,
        360,
    )


def table(rows: tuple[tuple[str | float, ...], ...], recent: int, even: float) -> ResultTable:
    """Return the numbers of every cell."""
    return ResultTable(
        caption=Text("What each cell takes from the history", "Co każda komórka bierze z historii"),
        columns=(
            Text("cell", "komórka"),
            Text("loss, nats", "strata, naty"),
            Text("last {n} letters, %", "ostatnie litery ({n}), %").filled(n=recent),
            Text("reach by letters", "zasięg po literach"),
            Text("reach by the state", "zasięg po stanie"),
            Text("opening known up to", "otwarcie znane do"),
        ),
        rows=rows,
        note=Text(
            "Reach: the last lag at which the gradient is at least 1 % of its maximum. Equal shares of the last {n} "
            "letters would be {even} %.",
            "Zasięg: ostatni odstęp, przy którym gradient wynosi co najmniej 1 % maksimum. Równy udział ostatnich "
            "liter ({n}) to {even} %.",
        ).filled(n=recent, even=to_digits(even)),
        significant=3,
    )
