"""Tables and pictures of the dust in the air."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments.results import Figure, Table
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.pm10 import PM10Result

__all__ = ["design_table", "error_figure", "free_table"]

# For the legend, where a line is short on a narrow page.
SHORT = (
    Text("last hour", "ostatnia godzina"),
    Text("yesterday", "wczoraj"),
    Text("last week", "tydzień temu"),
    Text("least squares", "regresja liniowa"),
)


def design_table(result: PM10Result) -> Table:
    """Return the errors of every combination, and where it is better than all that is free."""
    marks = {True: Text("yes", "tak"), False: Text("no", "nie")}
    rows: list[tuple[float | str | Text, ...]] = []
    for one in result.designs:
        means = [float(value) for value in one.errors.mean(axis=0)]
        won = [marks[better] for better in one.better]
        said = Text(", ".join(mark.en for mark in won), ", ".join(mark.pl for mark in won))
        rows.append((one.design.name, *means, float(np.ptp(one.errors[:, -1])), said))
    columns = (
        Text("cell, layers × units, look-back", "komórka, warstwy × jednostki, okno"),
        *(_horizon(hours) for hours in result.settings.horizons),
        Text("range over seeds", "rozrzut po ziarnach"),
        Text("better than all that is free", "lepsze od metod bez kosztów"),
    )
    note = Text(
        "Mean over {n} seeds, µg/m³. The last column asks, horizon by horizon, whether the worst seed is below the "
        "best of what costs nothing. A missing hour is not scored.",
        "Średnia po ziarnach (liczba ziaren: {n}), µg/m³. Ostatnia kolumna mówi, horyzont po horyzoncie, czy najgorsze "
        "ziarno jest poniżej najlepszej z metod bez kosztów. Brakujących godzin nie oceniamy.",
    ).filled(n=result.settings.repeats)
    return Table(
        Text("Every combination, µg/m³", "Wszystkie kombinacje, µg/m³"), columns, tuple(rows), note, significant=4
    )


def free_table(result: PM10Result) -> Table:
    """Return the errors of what costs nothing."""
    columns = (
        Text("method", "metoda"),
        Text("MAE, one hour ahead", "MAE, o godzinę naprzód"),
        Text("RMSE, one hour ahead", "RMSE, o godzinę naprzód"),
        *(_horizon(hours) for hours in result.settings.horizons),
    )
    rows: list[tuple[float | str | Text, ...]] = [(one.name, one.mae, one.rmse, *one.errors) for one in result.free]
    note = Text(
        "{hours} hours, {missing} without a value; the last {tested} are the test part.",
        "Godzin: {hours}, bez wartości: {missing}; ostatnie {tested} to część testowa.",
    ).filled(hours=result.hours, missing=result.missing, tested=result.tested)
    caption = Text("What costs nothing, µg/m³", "Co nic nie kosztuje, µg/m³")
    return Table(caption, columns, tuple(rows), note, significant=5)


def error_figure(result: PM10Result) -> Figure:
    """Return the errors by horizon, of every combination and of what costs nothing."""

    def draw(language: Language) -> go.Figure:
        hours = [f"{h} h" for h in result.settings.horizons]
        figure = plotting.new_figure("", Text("ahead", "naprzód")[language], "MAE, µg/m³")
        for index, one in enumerate(result.designs):
            colour = plotting.PALETTE[index % len(plotting.PALETTE)]
            figure.add_bar(x=hours, y=one.errors.mean(axis=0), name=one.design.name, marker={"color": colour})
        for free, short, symbol in zip(result.free, SHORT, ("diamond", "x", "cross", "star"), strict=True):
            marker = {"symbol": symbol, "size": 11, "color": plotting.ACTUAL}
            figure.add_scatter(x=hours, y=free.errors, name=short[language], mode="markers", marker=marker)
        return figure

    return Figure(
        Text("Error by horizon", "Błąd według horyzontu"),
        Text(
            "A bar is worth its training only where it ends below all black marks.",
            "Słupek jest wart uczenia tylko tam, gdzie kończy się poniżej wszystkich czarnych znaków.",
        ),
        draw,
        460,
    )


def _horizon(hours: int) -> Text:
    return Text("MAE at {h} h", "MAE przy {h} h").filled(h=hours)
