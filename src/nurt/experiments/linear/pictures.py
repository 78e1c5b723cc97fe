"""The figures of a linear experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.linear import model, points
from nurt.experiments.results import Figure
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.linear.study import LinearResult

__all__ = ["figures"]

GRID = 101
INPUT_WEIGHT = Text("input weight w<sub>x</sub>", "waga wejścia w<sub>x</sub>")
RECURRENT_WEIGHT = Text("recurrent weight w<sub>rec</sub>", "waga rekurencyjna w<sub>rec</sub>")
WALK = Text("update", "aktualizacja")
END = Text("end", "koniec")


def figures(result: LinearResult) -> tuple[Figure, ...]:
    """Return the pictures of ``result``."""
    return (
        _surface(result, points.WIDE, Text("Error surface", "Powierzchnia błędu")),
        _surface(result, points.MARKER_ZOOM, Text("Error surface, closer", "Powierzchnia błędu z bliska")),
        _gradient_over_time(result),
        _walk(result, points.WIDE, Text("Path of the optimiser", "Droga optymalizatora")),
        _walk(result, points.PATH_ZOOM, Text("Path of the optimiser, closer", "Droga optymalizatora z bliska")),
        _profile(result),
        _length(result),
    )


def _map(result: LinearResult, bounds: tuple[float, float], language: Language) -> go.Figure:
    axis = np.linspace(*bounds, GRID)
    values = model.surface(axis, axis, result.inputs, result.targets)
    titles = (INPUT_WEIGHT[language], RECURRENT_WEIGHT[language], drawing.LOSS[language])
    return drawing.log_map(axis, axis, values, titles)


def _surface(result: LinearResult, bounds: tuple[float, float], title: Text) -> Figure:
    def draw(language: Language) -> go.Figure:
        figure = _map(result, bounds, language)
        drawing.add_points(figure, points.MARKERS, language)
        return figure

    return Figure(
        title,
        Text(
            "Each step of the colours is a factor of the loss. Look for the thin dark valley and the walls beside it: "
            "where |w_rec| is above 1 a small move changes the loss by powers of ten.",
            "Każdy stopień koloru to wielokrotność straty. Szukaj cienkiej ciemnej doliny i ścian obok: tam, gdzie "
            "|w_rec| przekracza 1, mały ruch zmienia stratę o rzędy wielkości.",
        ),
        draw,
        460,
    )


def _gradient_over_time(result: LinearResult) -> Figure:
    scale = len(result.targets) ** 2 if result.settings.gradient_scale == "summed" else 1

    def draw(language: Language) -> go.Figure:
        curves = [scale * found.over_time[::-1] for found in result.markers]
        axis = drawing.SignedLog(np.array(curves), floor=0.01)
        x_title = Text("steps back from the last state", "kroki wstecz od ostatniego stanu")
        y_title = Text("gradient G<sub>k</sub>", "gradient G<sub>k</sub>")
        back = -np.arange(curves[0].size)
        named = [
            (drawing.point_name(point, language), axis.place(curve))
            for point, curve in zip(points.MARKERS, curves, strict=True)
        ]
        figure = drawing.lines(back, named, x_title[language], y_title[language])
        for trace, curve in zip(figure.data, curves, strict=True):
            trace.update(customdata=curve, hovertemplate="%{customdata:.4g}")
        axis.apply(figure)
        figure.update_xaxes(autorange="reversed")
        return figure

    scaled = Text(
        " This preset shows B² times the gradient, the scale of code that sums over the batch twice.",
        " Ten wariant pokazuje gradient pomnożony przez B², czyli skalę kodu, który dwa razy sumuje po próbkach.",
    )
    told = Text(
        "Reading to the right is going back in time. The step multiplies by w_rec: 2 explodes, −2 explodes and changes "
        "sign, 0.5 vanishes, 1 stays level. The axis is linear within ±0.01 and logarithmic beyond.",
        "Czytanie w prawo to cofanie się w czasie. Każdy krok mnoży przez w_rec: 2 wybucha, −2 wybucha i zmienia znak, "
        "0,5 zanika, 1 pozostaje bez zmian. Oś jest liniowa w zakresie ±0,01, a dalej logarytmiczna.",
    )
    if scale != 1:
        told = Text(told.en + scaled.en, told.pl + scaled.pl)
    return Figure(Text("Gradient over time", "Gradient w czasie"), told, draw)


def _walk(result: LinearResult, bounds: tuple[float, float], title: Text) -> Figure:
    def draw(language: Language) -> go.Figure:
        figure = _map(result, bounds, language)
        walked = result.path.points
        inside = np.all(np.abs(walked) < 1e3, axis=1)
        drawing.add_path(figure, walked[inside], WALK[language], END[language])
        return figure

    return Figure(
        title,
        Text(
            "One dot per update. The walk starts at the top left and has to follow the curved valley. Steps that stop "
            "growing show where signs alternate from wall to wall.",
            "Jedna kropka na aktualizację. Droga zaczyna się u góry po lewej i musi prowadzić zakrzywioną doliną. "
            "Gdzie kroki przestają rosnąć, tam znaki gradientu zmieniają się od ściany do ściany.",
        ),
        draw,
        460,
    )


def _profile(result: LinearResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        weights = np.linspace(*points.WIDE, 601)
        losses = model.best_input_weight(weights, result.inputs, result.targets)[1]
        name = Text("best loss over w<sub>x</sub>", "najmniejsza strata względem w<sub>x</sub>")
        figure = drawing.lines(weights, [(name[language], losses)], RECURRENT_WEIGHT[language], name[language])
        kinds = {"minimum": Text("minimum", "minimum"), "saddle": Text("saddle", "siodło")}
        for index, (kind, weight, _, loss) in enumerate(result.extremes):
            figure.add_scatter(
                x=[weight], y=[loss], name=kinds[kind][language], mode="markers", marker=plotting.marker(index + 1)
            )
        constant = float(np.var(result.targets))
        label = Text("constant answer", "stała odpowiedź")[language]
        figure.add_hline(y=constant, line={"color": plotting.REFERENCE, "dash": "dot"}, annotation_text=label)
        return figure

    return Figure(
        Text("Profile: the floor of the valley", "Profil: dno doliny"),
        Text(
            "For every recurrent weight the best input weight is computed exactly. The curve has one minimum; left of "
            "the maximum, a saddle of the surface, it falls towards the edge and leads a walk astray.",
            "Dla każdej wagi rekurencyjnej dokładnie wyznaczono najlepszą wagę wejścia. Krzywa ma jedno minimum; na "
            "lewo od maksimum, które jest siodłem powierzchni, opada ku brzegowi i prowadzi na manowce.",
        ),
        draw,
        340,
    )


def _length(result: LinearResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        name = Text("root mean squared error", "pierwiastek błędu średniokwadratowego")[language]
        x_title = Text("length of the sequence (steps)", "długość ciągu (kroki)")[language]
        figure = drawing.lines(result.lengths, [(name, result.length_error)], x_title, name)
        label = Text("length in training", "długość przy uczeniu")[language]
        figure.add_vline(
            x=result.settings.steps, line={"color": plotting.WARNING, "dash": "dash"}, annotation_text=label
        )
        plotting.log_axis(figure)
        figure.update_layout(showlegend=False)
        return figure

    return Figure(
        Text("Other lengths", "Inne długości"),
        Text(
            "Error on fresh sequences, shorter and longer than those of the training. Weights that found the rule "
            "keep a small error; weights that fitted one length do not.",
            "Błąd dla nowych ciągów, krótszych i dłuższych niż podczas uczenia. Wagi, które odkryły regułę, mają mały "
            "błąd wszędzie; wagi dopasowane do jednej długości — nie.",
        ),
        draw,
        340,
    )
