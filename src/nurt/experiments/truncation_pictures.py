"""Tables and pictures of truncated back-propagation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.longmemory.judging import CHANCE
from nurt.experiments.results import Figure, Table
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.truncation import TruncationResult

__all__ = ["figures", "tables"]

WINDOW = Text("window K, steps", "okno K, kroki")
GRADIENT = Text("gradient ∂ℓ/∂w<sub>rec</sub>", "gradient ∂ℓ/∂w<sub>rec</sub>")
SLIDING, CHUNKED = Text("sliding window", "okno przesuwne"), Text("chunks, state cut", "kawałki, stan odcięty")
RIGHT = Text("share of right bits", "udział poprawnych bitów")


def figures(result: TruncationResult) -> tuple[Figure, ...]:
    """Return the echoes, the gradients per window, and the gradient per lag."""
    return _echo_figure(result), _window_figure(result), _lag_figure(result)


def tables(result: TruncationResult) -> tuple[Table, ...]:
    """Return the exact gradients and the echoes."""
    return _gradient_table(result), _echo_table(result)


def _gradient_table(result: TruncationResult) -> Table:
    full = float(result.parts.sum())
    rows = [
        (window, s, abs(s - full) / abs(full), c, abs(c - full) / abs(full))
        for window, s, c in zip(result.settings.windows, result.sliding.tolist(), result.chunked.tolist(), strict=True)
    ]
    bias = Text("relative bias", "względne obciążenie")
    return Table(
        caption=Text("The gradient that is left, linear recurrence", "Pozostały gradient, rekurencja liniowa"),
        columns=(WINDOW, SLIDING, bias, CHUNKED, bias),
        rows=tuple(rows),
        note=Text("The full gradient is {full}.", "Pełny gradient to {full}.").filled(full=full),
        significant=7,
    )


def _echo_table(result: TruncationResult) -> Table:
    rows = [
        (one.delay, one.chunk, 100.0 * one.linked_share, run.cell, run.seed, run.value, 100.0 * run.clipped_share)
        for one in result.echoes
        for run in one.runs
    ]
    return Table(
        caption=Text("Echoes, state carried and cut from the gradient", "Echa, stan przenoszony bez gradientu"),
        columns=(
            Text("delay d", "opóźnienie d"),
            Text("chunk K", "kawałek K"),
            Text("linked, %", "powiązane, %"),
            Text("cell", "komórka"),
            Text("seed", "ziarno"),
            RIGHT,
            Text("clipped, %", "przycięte, %"),
        ),
        rows=tuple(rows),
        note=Text(
            "Linked are the answers that stand in one chunk with their bit: (K − d)/K of them, none from d = K on. "
            "Clipped are the updates whose gradient was longer than the threshold.",
            "Powiązane są odpowiedzi stojące w jednym kawałku ze swoim bitem: (K − d)/K, od d = K żadna. Przycięte są "
            "aktualizacje, w których gradient był dłuższy od progu.",
        ),
        significant=4,
    )


def _echo_figure(result: TruncationResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", "d, K", RIGHT[language])
        groups = (Text("linked", "powiązane"), Text("not linked", "niepowiązane"))
        for index, (group, linked) in enumerate(zip(groups, (True, False), strict=True)):
            chosen = [one for one in result.echoes if (one.linked_share > 0.0) == linked]
            figure.add_scatter(
                x=[f"{one.delay}, {one.chunk}" for one in chosen for _ in one.runs],
                y=[run.value for one in chosen for run in one.runs],
                text=[f"{run.cell}, {run.seed}" for one in chosen for run in one.runs],
                name=group[language],
                mode="markers",
                marker=plotting.marker(index),
            )
        figure.add_hline(y=CHANCE, line={"color": plotting.REFERENCE, "width": 2, "dash": "dash"})
        figure.update_xaxes(type="category")
        figure.update_yaxes(range=[0.45, 1.02])
        return figure

    return Figure(
        Text("Delay d in chunks of K", "Opóźnienie d w kawałkach po K"),
        Text(
            "One mark per run. The dashed line is chance. Marks a little above it read faint traces of old bits from "
            "the carried state, which needs no gradient through time.",
            "Jeden znak na przebieg. Linia przerywana to zgadywanie. Znaki nieco nad nią odczytują słabe ślady dawnych "
            "bitów z przenoszonego stanu, do czego nie trzeba gradientu w czasie.",
        ),
        draw,
    )


def _window_figure(result: TruncationResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        curves = [(SLIDING[language], result.sliding), (CHUNKED[language], result.chunked)]
        figure = drawing.lines(result.settings.windows, curves, WINDOW[language], GRADIENT[language])
        full = float(result.parts.sum())
        figure.add_hline(y=full, line={"color": plotting.REFERENCE, "width": 2, "dash": "dot"})
        return figure

    return Figure(
        Text("The gradient by window", "Gradient w zależności od okna"),
        Text(
            "The dotted line is the whole gradient. Truncation does not cure explosion, it cuts the product short: "
            "what is missing is bias, and it does not average out.",
            "Linia kropkowana to cały gradient. Obcięcie nie leczy wybuchu, tylko skraca iloczyn: brakująca część to "
            "obciążenie, które się nie uśrednia.",
        ),
        draw,
    )


def _lag_figure(result: TruncationResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        lags = np.arange(len(result.parts))
        figure = plotting.new_figure("", Text("lag, steps", "odstęp, kroki")[language], GRADIENT[language])
        figure.add_bar(
            x=lags,
            y=[float(np.trace(result.parts, offset=int(lag))) for lag in lags],
            marker={"color": plotting.PALETTE[0]},
            showlegend=False,
        )
        return figure

    return Figure(
        Text("Where the gradient comes from", "Skąd pochodzi gradient"),
        Text(
            "Each bar is the part that travels so many steps back. A window of K keeps the first K bars.",
            "Każdy słupek to część, która cofa się o tyle kroków. Okno K zachowuje pierwsze K słupków.",
        ),
        draw,
        320,
    )
