"""Figures and tables of the remedies, from their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.results import Figure, ResultTable
from nurt.wording import Language, Text, counted, joined, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.remedies.outcome import Outcome

__all__ = ["case_table", "changed", "lag_figure", "loss_figure", "names_of"]

CASE = {
    "exploding": Text("exploding", "eksplozja"),
    "vanishing": Text("vanishing", "zanikanie"),
}
# How far the gradient at the longest lag must move before a remedy counts as one against the product.
MOVED = 10.0
# A ring, so that a mark on the same place is seen within it.
FIRST = {"symbol": "circle-open", "color": plotting.PALETTE[0], "size": 15, "line": {"width": 2.5}}
# Of a line in the legend, in letters.
LONGEST_NAME = 30
LAG = Text("lag (steps before the loss)", "odstęp (kroki przed stratą)")


def loss_figure(outcomes: Sequence[Outcome], constant: float, learnt: float) -> Figure:
    """Return the loss after training per remedy and case, the constant answer, and the share that counts as learnt."""

    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", Text("loss after training", "strata po uczeniu")[language], "")
        for index, case in enumerate(CASE):
            own = [one for one in outcomes if one.case == case]
            figure.add_scatter(
                x=[one.worst for one in own],
                y=[one.name[language] for one in own],
                name=CASE[case][language],
                mode="markers",
                marker=FIRST if index == 0 else plotting.marker(index),
            )
        figure.add_vline(x=constant, line={"color": plotting.REFERENCE, "width": 2, "dash": "dash"})
        figure.add_vline(x=learnt * constant, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        losses = [one.worst for one in outcomes]
        # On a narrow page there is room for whole powers of ten alone.
        marks = {"dtick": 1} if max(losses) > 10.0 * min(losses) else {"dtick": "D2", "tickformat": "~g"}
        figure.update_xaxes(type="log", exponentformat="power", **marks)
        figure.update_yaxes(autorange="reversed")
        figure.update_layout(hovermode="closest")
        return figure

    return Figure(
        Text("Loss after training, by remedy", "Strata po uczeniu, według środka"),
        Text(
            "{seeds}. Dashed: the loss of a constant answer. Dotted: half of it. A mark at the dashed line has learnt "
            "nothing.",
            "{seeds}. Linia przerywana: strata stałej odpowiedzi. Kropkowana: jej połowa. Znak przy linii przerywanej: "
            "sieć niczego się nie nauczyła.",
        ).filled(
            seeds=_seeds(
                outcomes[0],
                ("Of one seed", "Dla jednego ziarna"),
                ("The worst seed of each", "Najgorsze ziarno każdego"),
            )
        ),
        draw,
        440,
    )


def lag_figure(own: Sequence[Outcome]) -> Figure:
    """Return the gradient by lag before training; remedies with the same curve as the plain network share its line."""
    plain = own[0]
    alike = [one for one in own if np.allclose(one.start, plain.start, rtol=1e-5)]
    lines = [(alike, plain.start), *(([one], one.start) for one in own if one not in alike)]

    def draw(language: Language) -> go.Figure:
        curves = [(_shared(group)[language], np.where(start > 0.0, start, np.nan)) for group, start in lines]
        figure = drawing.lines(np.arange(len(plain.start)), curves, LAG[language], "‖∂ℓ/∂s‖")
        figure.data[0].line.width = 4
        plotting.log_axis(figure)
        return figure

    same = Text("On the thick line too: {names}.", "Na grubej linii leżą też: {names}.").filled(
        names=names_of(alike[1:])
    )
    factor = float((plain.start[-1] / plain.start[0]) ** (1.0 / (len(plain.start) - 1)))
    words = Text(
        "Without a remedy the gradient changes by a factor of {factor} per step back. A curve that ends early is "
        "exactly zero beyond: truncation removes long lags. The state s is h, of the LSTM h and c.",
        "Bez środka gradient zmienia się {factor} razy na każdy krok wstecz. Krzywa, która kończy się wcześniej, jest "
        "dalej dokładnie zerem: skracanie usuwa długie odstępy. Stan s to h, w LSTM h i c.",
    )
    titles = {
        "exploding": Text(
            "Gradient by lag before training, exploding case", "Gradient według odstępu przed uczeniem, eksplozja"
        ),
        "vanishing": Text(
            "Gradient by lag before training, vanishing case", "Gradient według odstępu przed uczeniem, zanikanie"
        ),
    }
    return Figure(
        titles[plain.case],
        joined(words.filled(factor=to_digits(factor)), *([same] if alike[1:] else []), changed(own)),
        draw,
        460,
    )


def _seeds(outcome: Outcome, one: tuple[str, str], several: tuple[str, str]) -> Text:
    """Return which seeds a loss is of, in the words for one or for several."""
    return Text(*(one if len(outcome.losses) == 1 else several))


def _shared(group: Sequence[Outcome]) -> Text:
    """Return the name of a line: of one remedy, or short of the plain network and all that leave its line as it is."""
    names = names_of(group)
    if max(len(names.en), len(names.pl)) <= LONGEST_NAME:
        return names
    others = counted(len(group) - 1, ("other", "others"), ("inny", "inne", "innych"))
    return Text("{plain} and {others}", "{plain} i {others}").filled(plain=group[0].name, others=others)


def changed(own: Sequence[Outcome]) -> Text:
    """Name the remedies that move the gradient at the longest lag the right way by a factor of ten."""
    plain, others = own[0], own[1:]
    case = plain.case
    ratio = {one.id: one.carried / plain.carried for one in others}
    if case == "vanishing":
        helped = [one for one in others if ratio[one.id] >= MOVED]
        words = Text(
            "Relative to lag 0, the vanishing gradient at the longest lag is at least ten times that without a remedy "
            "with: {names}.",
            "Względem odstępu 0 zanikający gradient przy najdłuższym odstępie jest co najmniej dziesięć razy większy "
            "niż bez środka, gdy działa: {names}.",
        )
    else:
        helped = [one for one in others if ratio[one.id] <= 1.0 / MOVED]
        words = Text(
            "Relative to lag 0, the exploding gradient at the longest lag is at most a tenth of that without a remedy "
            "with: {names}.",
            "Względem odstępu 0 eksplodujący gradient przy najdłuższym odstępie jest co najmniej dziesięć razy "
            "mniejszy niż bez środka, gdy działa: {names}.",
        )
    return words.filled(names=names_of(helped))


def names_of(outcomes: Sequence[Outcome]) -> Text:
    """Return the names of remedies in a row, or that there is none."""
    names = list(dict.fromkeys(one.name for one in outcomes))
    if not names:
        return Text("none of them", "żaden z nich")
    return Text(", ".join(one.en for one in names), ", ".join(one.pl for one in names))


def case_table(own: Sequence[Outcome]) -> ResultTable:
    """Return gradient, clipped share and loss of every remedy in one case."""
    rows = [
        (
            one.name,
            to_digits(one.carried),
            to_digits(float(one.after[-1] / one.after[0])),
            100.0 * one.clipped_share,
            one.worst,
        )
        for one in own
    ]
    captions = {
        "exploding": Text("The exploding case", "Przypadek eksplozji"),
        "vanishing": Text("The vanishing case", "Przypadek zanikania"),
    }
    return ResultTable(
        caption=captions[own[0].case],
        columns=(
            Text("remedy", "środek"),
            Text("longest lag / lag 0, before", "najdłuższy odstęp / odstęp 0, przed"),
            Text("the same, after training", "to samo, po uczeniu"),
            Text("clipped, %", "obcięte, %"),
            Text("loss", "strata"),
        ),
        rows=tuple(rows),
        note=Text(
            "Gradient of the state, median over sequences. Loss: squared error on test sequences, {seeds}.",
            "Gradient stanu, mediana po ciągach. Strata: błąd kwadratowy na ciągach testowych, {seeds}.",
        ).filled(seeds=_seeds(own[0], ("of one seed", "dla jednego ziarna"), ("the worst seed", "najgorsze ziarno"))),
        significant=3,
    )
