"""Figures and tables of an experiment with binary numbers, from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.addition import model
from nurt.experiments.results import Figure, Measure, ResultTable
from nurt.wording import Language, Text, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["accuracy_figure", "draws_figure", "loss_figure", "losses_table", "sample_table", "states_figure"]

UNIT = Text("unit", "jednostka")
POSITION = Text("bit, lowest first", "bit, od najmłodszego")
STATE = Text("state h<sub>t</sub>", "stan h<sub>t</sub>")
RIGHT = Text("share of right bits", "udział poprawnych bitów")


def states_figure(
    sample: model.Pairs, operation: model.Operation, weights: model.AdditionWeights, title: Text
) -> Figure:
    """Return the states on the first pair of ``sample``, and its carry or borrow."""
    carry = Text("carry", "przeniesienie") if operation == "add" else Text("borrow", "pożyczka")

    def draw(language: Language) -> go.Figure:
        taken = model.run(weights, sample.inputs[:1])[0][0, 1:]
        carried = 2.0 * model.carries(sample, operation)[0] - 1.0
        curves = [(f"{UNIT[language]} {unit + 1}", taken[:, unit]) for unit in range(taken.shape[1])]
        figure = drawing.lines(np.arange(len(carried)), curves, POSITION[language], STATE[language])
        figure.add_scatter(
            x=np.arange(len(carried)),
            y=carried,
            name=carry[language],
            mode="markers",
            marker={"symbol": "diamond-open", "size": 13, "color": plotting.ACTUAL, "line": {"width": 2}},
        )
        figure.update_xaxes(dtick=1 if len(carried) <= 15 else 4)
        return figure

    first, second = sample.numbers[0]
    sign = "+" if operation == "add" else "−"
    return Figure(
        title,
        Text(
            f"{first} {sign} {second}. Black diamonds are the carry (or borrow) that leaves each bit: +1 or −1. Look "
            "for units that follow them, with either sign: these units are the memory.",
            f"{first} {sign} {second}. Czarne romby to przeniesienie (lub pożyczka) wychodzące z każdego bitu: +1 albo "
            "−1. Szukaj jednostek, które za nimi podążają, z dowolnym znakiem: to one są pamięcią.",
        ),
        draw,
        360,
    )


def loss_figure(losses: np.ndarray) -> Figure:
    """Return the loss after every update."""

    def draw(language: Language) -> go.Figure:
        name = Text("cross-entropy", "entropia krzyżowa")[language]
        updates = np.arange(1, len(losses) + 1)
        figure = drawing.lines(updates, [(name, losses)], drawing.UPDATE[language], name)
        plotting.log_axis(figure)
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Loss", "Strata"),
        Text(
            "Each point is the loss on the batch of that update. A long plateau followed by a fast decrease is "
            "typical: the loss falls as soon as the network represents the carry.",
            "Każdy punkt to strata na porcji danych tej aktualizacji. Typowe jest długie plateau, a potem szybki "
            "spadek: strata maleje, gdy tylko sieć zacznie pamiętać przeniesienie.",
        ),
        draw,
        340,
    )


def accuracy_figure(updates: np.ndarray, accuracies: np.ndarray, baselines: Sequence[Measure]) -> Figure:
    """Return the share of right bits at some updates, beside the baselines."""

    def draw(language: Language) -> go.Figure:
        curves = [(RIGHT[language], accuracies)]
        figure = drawing.lines(updates, curves, drawing.UPDATE[language], RIGHT[language])
        for index, baseline in enumerate(baselines):
            figure.add_hline(
                y=baseline.value,
                line={"color": plotting.REFERENCE, "dash": "dot" if index else "dash"},
                annotation_text=baseline.name[language],
                annotation_position="bottom right",
            )
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Accuracy during training", "Dokładność w trakcie uczenia"),
        Text(
            "Measured on the pairs that the verdict is about. The dashed line needs no memory: it uses each pair of "
            "bits alone.",
            "Mierzona na parach, o których mówi werdykt. Linia przerywana nie wymaga pamięci: korzysta z każdej pary "
            "bitów z osobna.",
        ),
        draw,
        340,
    )


def draws_figure(accuracies: np.ndarray, baseline: float) -> Figure:
    """Return the share of right bits of the trainings from other seeds."""

    def draw(language: Language) -> go.Figure:
        seed = Text("seed of data and weights", "ziarno danych i wag")
        figure = plotting.new_figure("", seed[language], RIGHT[language])
        figure.add_bar(x=np.arange(len(accuracies)), y=accuracies, marker_color=plotting.MODEL)
        figure.add_hline(y=baseline, line={"color": plotting.WARNING, "dash": "dash"})
        figure.update_yaxes(range=[0.5, 1.02])
        figure.update_xaxes(dtick=1 if len(accuracies) <= 10 else 5)
        return figure

    return Figure(
        Text("The same training from other seeds", "To samo uczenie z innych ziaren"),
        Text(
            "Only the seed differs. A bar at 1 has learnt the rule; a bar at the dashed line uses no memory.",
            "Różni się tylko ziarno. Słupek o wysokości 1 poznał regułę; słupek przy linii przerywanej nie korzysta "
            "z pamięci.",
        ),
        draw,
        320,
    )


def sample_table(pairs: model.Pairs, operation: model.Operation, weights: model.AdditionWeights) -> ResultTable:
    """Return the answers of trained weights and of the exact ones."""
    sign = "+" if operation == "add" else "−"
    trained = _answers(weights, pairs.inputs)
    exact = _answers(model.exact_parameters(operation), pairs.inputs)
    rows = tuple(
        (f"{first} {sign} {second}", int(right), int(own), int(known))
        for (first, second), right, own, known in zip(pairs.numbers, pairs.results, trained, exact, strict=True)
    )
    return ResultTable(
        caption=Text("A few held-out pairs", "Kilka nowych par"),
        columns=(
            Text("task", "działanie"),
            Text("right result", "poprawny wynik"),
            Text("trained network", "sieć nauczona"),
            Text("exact weights", "dokładne wagi"),
        ),
        rows=rows,
        note=Text(
            "The exact weights are constructed, not learnt: three units, right for numbers of any length.",
            "Dokładne wagi są skonstruowane, a nie wyuczone: trzy jednostki, poprawne dla liczb dowolnej długości.",
        ),
    )


def losses_table(start: float, losses: np.ndarray, gradient_check: float) -> ResultTable:
    """Return the loss before the first update, and after the first, the middle and the last."""
    rows: list[tuple[float | str | Text, ...]] = [(0, start)]
    rows += [(at, float(losses[at - 1])) for at in (1, len(losses) // 2, len(losses)) if at > 0]
    return ResultTable(
        caption=Text("Loss on its batch", "Strata na swojej porcji danych"),
        columns=(Text("after update", "po aktualizacji"), Text("cross-entropy", "entropia krzyżowa")),
        rows=tuple(rows),
        note=Text(
            "Gradient check by central differences, ε = 10⁻⁷, first 100 pairs: largest relative difference {off}.",
            "Sprawdzenie gradientu różnicami centralnymi, ε = 10⁻⁷, pierwszych 100 par: największa różnica względna "
            "{off}.",
        ).filled(off=to_digits(gradient_check, 2)),
        significant=8,
    )


def _answers(parameters: model.AdditionWeights, inputs: np.ndarray) -> np.ndarray:
    """Return the numbers that the output bits spell, (B,)."""
    bits = model.run(parameters, inputs)[1][:, :, 0] > 0.0
    return np.asarray(np.sum(bits.astype(np.int64) << np.arange(bits.shape[1]), axis=1))
