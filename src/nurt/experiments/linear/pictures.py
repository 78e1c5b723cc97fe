"""Figures and tables of a linear experiment, from arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.linear import model
from nurt.experiments.results import Figure, ResultTable
from nurt.wording import LANGUAGES, Language, Text, joined

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "extremes_table",
    "gradient_check_table",
    "gradient_figure",
    "length_figure",
    "markers_table",
    "path_figure",
    "profile_figure",
    "surface_figure",
]

Point: TypeAlias = tuple[float, float]
Bounds: TypeAlias = tuple[float, float]
Extreme: TypeAlias = tuple[str, float, float, float]
"""``minimum`` or ``saddle``, w_rec, w_x, loss."""
Data: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Inputs (B, T) and targets (B,)."""

GRID = 101
INPUT_WEIGHT = Text("input weight w<sub>x</sub>", "waga wejścia w<sub>x</sub>")
RECURRENT_WEIGHT = Text("recurrent weight w<sub>rec</sub>", "waga rekurencyjna w<sub>rec</sub>")
PATH = Text("update", "aktualizacja")
END = Text("end", "koniec")
KINDS = {"minimum": Text("minimum", "minimum"), "saddle": Text("saddle", "siodło")}


def surface_figure(data: Data, bounds: Bounds, title: Text, markers: Iterable[Point]) -> Figure:
    """Return the loss over both weights within ``bounds``, with the markers that lie there."""

    def draw(language: Language) -> go.Figure:
        figure = _map(data, bounds, language)
        drawing.add_points(figure, markers, language)
        return figure

    return Figure(
        title,
        Text(
            "Each step of the colour scale is a factor of the loss. Look for the thin dark valley and the walls "
            "beside it: where |w_rec| is above 1, a small change of the weights changes the loss by powers of ten.",
            "Każdy stopień koloru to wielokrotność straty. Szukaj cienkiej ciemnej doliny i ścian obok: tam, gdzie "
            "|w_rec| przekracza 1, mała zmiana wag zmienia stratę o rzędy wielkości.",
        ),
        draw,
        460,
    )


def gradient_figure(markers: Mapping[Point, model.Gradients], scale: int) -> Figure:
    """Return ``scale`` times G_k of every marker, from the last state back to the first."""

    def draw(language: Language) -> go.Figure:
        curves = [scale * found.over_time[::-1] for found in markers.values()]
        axis = drawing.SignedLog(np.array(curves), floor=0.01)
        x_title = Text("steps back from the last state", "kroki wstecz od ostatniego stanu")
        y_title = Text("gradient G<sub>k</sub>", "gradient G<sub>k</sub>")
        back = -np.arange(curves[0].size)
        named = [
            (drawing.point_name(point, language), axis.place(curve))
            for point, curve in zip(markers, curves, strict=True)
        ]
        figure = drawing.lines(back, named, x_title[language], y_title[language])
        for trace, curve in zip(figure.data, curves, strict=True):
            trace.update(customdata=curve, hovertemplate="%{customdata:.4g}", meta=plotting.along(y=axis.floor))
        axis.apply(figure)
        figure.update_xaxes(autorange="reversed")
        return figure

    scaled = Text(
        "This preset shows B² times the gradient, the result of code that sums over the batch twice.",
        "Ten wariant pokazuje gradient pomnożony przez B², czyli wynik kodu, który dwa razy sumuje po próbkach.",
    )
    how_to_read = Text(
        "Time runs backwards to the right. Every step multiplies by w_rec: 2 explodes, −2 explodes and changes sign, "
        "0.5 vanishes, 1 stays constant. The axis is linear within ±0.01 and logarithmic beyond.",
        "W prawo czas biegnie wstecz. Każdy krok mnoży przez w_rec: 2 eksploduje, −2 eksploduje i zmienia znak, 0,5 "
        "zanika, 1 pozostaje bez zmian. Oś jest liniowa w zakresie ±0,01, a dalej logarytmiczna.",
    )
    if scale != 1:
        how_to_read = joined(how_to_read, scaled)
    return Figure(Text("Gradient over time", "Gradient w czasie"), how_to_read, draw)


def path_figure(data: Data, path: np.ndarray, bounds: Bounds, title: Text) -> Figure:
    """Return the path of the optimiser, (updates + 1, 2), on the surface."""

    def draw(language: Language) -> go.Figure:
        figure = _map(data, bounds, language)
        inside = np.all(np.abs(path) < 1e3, axis=1)
        drawing.add_path(figure, path[inside], PATH[language], END[language])
        return figure

    return Figure(
        title,
        _told_path(path, bounds),
        draw,
        460,
    )


def _told_path(path: np.ndarray, bounds: Bounds) -> Text:
    """Return where the path begins and ends, and whether it leaves the map; (updates + 1, 2)."""
    start = path[0]
    begin = Text(*(drawing.point_name((float(start[0]), float(start[1])), one) for one in LANGUAGES))
    words = Text(
        "One dot per update. The path starts at {begin} and has to follow the curved valley.",
        "Jedna kropka na aktualizację. Droga zaczyna się w {begin} i musi prowadzić zakrzywioną doliną.",
    ).filled(begin=begin)
    low, high = bounds
    if np.all(np.isfinite(path)) and np.all((path >= low) & (path <= high)):
        return words
    left = Text("It leaves the map.", "Opuszcza mapę.")
    if not np.all(np.isfinite(path[-1])):
        left = Text(
            "It leaves the map and every bound: it diverges.", "Opuszcza mapę i wszelkie granice: rozbiega się."
        )
    return joined(words, left)


def _told_extremes(extremes: Sequence[Extreme]) -> Text:
    """Return how many minima and saddles the profile has, and what that means for the optimiser."""
    kinds = [kind for kind, *_ in extremes]
    minima, saddles = kinds.count("minimum"), kinds.count("saddle")
    if (minima, saddles) == (1, 1):
        return Text(
            "There is one minimum and one saddle; no steep passages separate local minima.",
            "Jest jedno minimum i jedno siodło; nie ma minimów lokalnych rozdzielonych stromymi przejściami.",
        )
    return Text("Minima: {minima}, saddles: {saddles}.", "Minima: {minima}, siodła: {saddles}.").filled(
        minima=minima, saddles=saddles
    )


def profile_figure(data: Data, extremes: Sequence[Extreme], bounds: Bounds) -> Figure:
    """Return the least loss for every recurrent weight, with its minima and saddles."""

    def draw(language: Language) -> go.Figure:
        inputs, targets = data
        weights = np.linspace(*bounds, 601)
        losses = model.best_input_weight(weights, inputs, targets)[1]
        name = Text("best loss over w<sub>x</sub>", "najmniejsza strata względem w<sub>x</sub>")
        figure = drawing.lines(weights, [(name[language], losses)], RECURRENT_WEIGHT[language], name[language])
        for index, (kind, weight, _, loss) in enumerate(extremes):
            figure.add_scatter(
                x=[weight], y=[loss], name=KINDS[kind][language], mode="markers", marker=plotting.marker(index + 1)
            )
        constant = float(np.var(targets))
        label = Text("constant answer", "stała odpowiedź")[language]
        figure.add_hline(y=constant, line={"color": plotting.REFERENCE, "dash": "dot"}, annotation_text=label)
        return figure

    return Figure(
        Text("Profile: the floor of the valley", "Profil: dno doliny"),
        joined(
            Text(
                "For every recurrent weight the best input weight is computed exactly. A maximum of the curve is a "
                "saddle of the surface: on its other side the floor of the valley leads away from the minimum.",
                "Dla każdej wagi rekurencyjnej dokładnie wyznaczono najlepszą wagę wejścia. Maksimum krzywej to siodło "
                "powierzchni: po jego drugiej stronie dno doliny prowadzi w dół z dala od minimum.",
            ),
            _told_extremes(extremes),
        ),
        draw,
        340,
    )


def length_figure(lengths: np.ndarray, errors: np.ndarray, trained: int) -> Figure:
    """Return the error on fresh sequences by length; ``trained`` is the length in training."""

    def draw(language: Language) -> go.Figure:
        name = Text("root mean squared error", "pierwiastek błędu średniokwadratowego")[language]
        x_title = Text("length of the sequence (steps)", "długość ciągu (kroki)")[language]
        figure = drawing.lines(lengths, [(name, errors)], x_title, name)
        label = Text("length in training", "długość przy uczeniu")[language]
        figure.add_vline(x=trained, line={"color": plotting.WARNING, "dash": "dash"}, annotation_text=label)
        plotting.log_axis(figure)
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Other lengths", "Inne długości"),
        Text(
            "Error on fresh sequences, shorter and longer than those of the training. Weights that represent the "
            "rule keep a small error; weights fitted to one length do not.",
            "Błąd dla nowych ciągów, krótszych i dłuższych niż podczas uczenia. Wagi, które wyrażają regułę, mają "
            "mały błąd wszędzie; wagi dopasowane do jednej długości — nie.",
        ),
        draw,
        340,
    )


def gradient_check_table(exact: np.ndarray, numeric: np.ndarray) -> ResultTable:
    """Return both derivatives, (2,), through time and by differences."""
    names = (Text("∂ℓ/∂w_x", "∂ℓ/∂w_x"), Text("∂ℓ/∂w_rec", "∂ℓ/∂w_rec"))
    return ResultTable(
        caption=Text("Gradient check at (1.2, 1.2)", "Sprawdzenie gradientu w punkcie (1,2; 1,2)"),
        columns=(
            Text("derivative", "pochodna"),
            Text("through time", "wstecz w czasie"),
            Text("numeric", "numerycznie"),
            Text("relative difference", "różnica względna"),
        ),
        rows=tuple(
            (name, float(a), float(b), float(abs(a - b) / max(abs(a), abs(b))))
            for name, a, b in zip(names, exact, numeric, strict=True)
        ),
        note=Text(
            "Central differences with ε = 10⁻⁷. Check the gradient, not the training curve: an optimiser that uses "
            "only signs also works with a gradient that is wrong by any factor.",
            "Różnice centralne, ε = 10⁻⁷. Sprawdzaj gradient, a nie krzywą uczenia: optymalizator, który patrzy tylko "
            "na znaki, poradzi sobie także z gradientem błędnym o dowolny czynnik.",
        ),
        significant=9,
    )


def markers_table(markers: Mapping[Point, model.Gradients]) -> ResultTable:
    """Return loss and gradients at the markers."""
    rows = tuple(
        (
            Text(drawing.point_name(point, "en"), drawing.point_name(point, "pl")),
            found.loss,
            found.input_weight,
            found.recurrent_weight,
            float(found.over_time[-1]),
            float(found.over_time[0]),
        )
        for point, found in markers.items()
    )
    columns = ("(w_x, w_rec)", "ℓ", "∂ℓ/∂w_x", "∂ℓ/∂w_rec", "G_T", "G_0")
    return ResultTable(
        caption=Text("At the six markers", "W sześciu punktach"),
        columns=tuple(Text(name, name) for name in columns),
        rows=rows,
        note=Text(
            "G_T is the gradient at the last state, G_0 that at the first: G_0 = w_rec^T · G_T.",
            "G_T to gradient przy ostatnim stanie, G_0 przy pierwszym: G_0 = w_rec^T · G_T.",
        ),
        significant=7,
    )


def extremes_table(extremes: Sequence[Extreme], end: np.ndarray, final: float) -> ResultTable:
    """Return minima and saddles of the profile, and the end of the path with its loss."""
    rows: list[tuple[float | str | Text, ...]] = [
        (KINDS[kind], best, weight, loss) for kind, weight, best, loss in extremes
    ]
    rows.append((Text("end of the path", "koniec drogi"), float(end[0]), float(end[1]), final))
    return ResultTable(
        caption=Text(
            "Stationary points of the surface, and the end of the path",
            "Punkty stacjonarne powierzchni i koniec drogi",
        ),
        columns=(Text("point", "punkt"), Text("w_x", "w_x"), Text("w_rec", "w_rec"), Text("ℓ", "ℓ")),
        rows=tuple(rows),
        note=joined(
            Text(
                "For w_rec from −3 to 3. The loss is a parabola in w_x, so every minimum of the surface is a minimum "
                "of the profile.",
                "Dla w_rec od −3 do 3. Strata jest parabolą względem w_x, więc każde minimum powierzchni jest minimum "
                "profilu.",
            ),
            _told_extremes(extremes),
        ),
    )


def _map(data: Data, bounds: Bounds, language: Language) -> go.Figure:
    axis = np.linspace(*bounds, GRID)
    values = model.surface(axis, axis, *data)
    titles = (INPUT_WEIGHT[language], RECURRENT_WEIGHT[language], drawing.LOSS[language])
    return drawing.log_map(axis, axis, values, titles)
