"""The figures of an experiment with binary numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.addition import model
from nurt.experiments.addition.numbers import carries, exact_parameters
from nurt.experiments.results import Figure
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.addition.study import AdditionResult

__all__ = ["figures"]

UNIT = Text("unit", "jednostka")
POSITION = Text("bit, lowest first", "bit, od najmłodszego")
STATE = Text("state h<sub>t</sub>", "stan h<sub>t</sub>")
RIGHT = Text("share of right bits", "udział poprawnych bitów")


def figures(result: AdditionResult) -> tuple[Figure, ...]:
    """Return the pictures of ``result``."""
    trained = Text("States of the trained network, one task", "Stany nauczonej sieci, jedno działanie")
    exact = Text("States with the exact weights, same task", "Stany przy dokładnych wagach, to samo działanie")
    drawn = (_loss(result), _accuracy(result))
    shown = (
        _states(result, result.parameters, trained),
        _states(result, exact_parameters(result.settings.operation), exact),
    )
    return (*shown, *drawn, *((_draws(result),) if len(result.draw_accuracies) else ()))


def _states(result: AdditionResult, parameters: model.Parameters, title: Text) -> Figure:
    operation = result.settings.operation
    carry = Text("carry", "przeniesienie") if operation == "add" else Text("borrow", "pożyczka")

    def draw(language: Language) -> go.Figure:
        taken = model.run(parameters, result.sample.inputs[:1])[0][0, 1:]
        told = 2.0 * carries(result.sample, operation)[0] - 1.0
        curves = [(f"{UNIT[language]} {unit + 1}", taken[:, unit]) for unit in range(taken.shape[1])]
        figure = drawing.lines(np.arange(len(told)), curves, POSITION[language], STATE[language])
        figure.add_scatter(
            x=np.arange(len(told)),
            y=told,
            name=carry[language],
            mode="markers",
            marker={"symbol": "diamond-open", "size": 13, "color": plotting.ACTUAL, "line": {"width": 2}},
        )
        figure.update_xaxes(dtick=1 if len(told) <= 15 else 4)
        return figure

    first, second = result.sample.numbers[0]
    sign = "+" if operation == "add" else "−"
    return Figure(
        title,
        Text(
            f"{first} {sign} {second}. Black diamonds are the carry (or borrow) that leaves each bit: +1 or −1. Look "
            "for units that follow them, upright or upside down; that is where the network remembers.",
            f"{first} {sign} {second}. Czarne romby to przeniesienie (lub pożyczka) wychodzące z każdego bitu: +1 albo "
            "−1. Szukaj jednostek, które za nimi podążają wprost lub odwrotnie: tam sieć pamięta.",
        ),
        draw,
        360,
    )


def _loss(result: AdditionResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        name = Text("cross-entropy", "entropia krzyżowa")[language]
        updates = np.arange(1, len(result.losses) + 1)
        figure = drawing.lines(updates, [(name, result.losses)], drawing.UPDATE[language], name)
        plotting.log_axis(figure)
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Loss", "Strata"),
        Text(
            "Each point is the loss on the batch of that update. A long plateau, then a fall, is usual: before the "
            "carry is found nothing helps, after it everything does.",
            "Każdy punkt to strata na porcji danych tej aktualizacji. Typowe jest długie plateau, a potem spadek: "
            "dopóki sieć nie odkryje przeniesienia, nic nie pomaga, a potem pomaga wszystko.",
        ),
        draw,
        340,
    )


def _accuracy(result: AdditionResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        figure = drawing.lines(
            result.shown, [(RIGHT[language], result.accuracies)], drawing.UPDATE[language], RIGHT[language]
        )
        for index, baseline in enumerate(result.baselines):
            figure.add_hline(
                y=baseline.value,
                line={"color": plotting.REFERENCE, "dash": "dot" if index else "dash"},
                annotation_text=baseline.name[language],
                annotation_position="bottom right",
            )
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Accuracy while it learns", "Dokładność w trakcie uczenia"),
        Text(
            "Measured on the pairs the verdict speaks of. The dashed line needs no memory: it answers each pair of "
            "bits by itself.",
            "Mierzona na parach, o których mówi werdykt. Linia przerywana nie wymaga pamięci: odpowiada na każdą parę "
            "bitów z osobna.",
        ),
        draw,
        340,
    )


def _draws(result: AdditionResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        seed = Text("seed of data and weights", "ziarno danych i wag")
        figure = plotting.new_figure("", seed[language], RIGHT[language])
        figure.add_bar(x=np.arange(len(result.draw_accuracies)), y=result.draw_accuracies, marker_color=plotting.MODEL)
        figure.add_hline(y=result.baselines[0].value, line={"color": plotting.WARNING, "dash": "dash"})
        figure.update_yaxes(range=[0.5, 1.02])
        figure.update_xaxes(dtick=1 if len(result.draw_accuracies) <= 10 else 5)
        return figure

    return Figure(
        Text("The same training from other draws", "To samo uczenie przy innych losowaniach"),
        Text(
            "Nothing differs but the random draw. A bar at 1 has learnt the rule; a bar at the dashed line has learnt "
            "no memory at all.",
            "Różni się tylko losowanie. Słupek o wysokości 1 poznał regułę; słupek przy linii przerywanej nie nauczył "
            "się żadnej pamięci.",
        ),
        draw,
        320,
    )
