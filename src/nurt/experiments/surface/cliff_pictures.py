"""The figures of the cliff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.results import Figure
from nurt.experiments.surface import ridge
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.surface.cliff import CliffResult

__all__ = ["figures"]

WEIGHT = Text("weight w", "waga w")
BIAS = Text("bias b", "wyraz wolny b")
NORM = Text("gradient norm ‖∇ℓ‖", "norma gradientu ‖∇ℓ‖")
RIDGE = Text("ridge, exact", "grań, dokładnie")
HERE = Text("this point", "ten punkt")
ASIDE = (1e-3, 1e-5)


def figures(result: CliffResult) -> tuple[Figure, ...]:
    """Return the pictures of ``result``."""
    return (_loss(result), _norm(result), _landscape(result), _along(result), _states(result), _wide(result))


def _with_ridge(figure: go.Figure, weights: np.ndarray, result: CliffResult, language: Language) -> go.Figure:
    low, high = figure.layout.yaxis.range
    line = 0.5 - ridge.START * weights
    shown = (line >= low) & (line <= high)
    style = {"color": "#FFFFFF", "width": 2.5}
    figure.add_scatter(
        x=weights[shown], y=line[shown], name=RIDGE[language], mode="lines", line=style, hoverinfo="name"
    )
    # A white line cannot be seen in a legend; the sentence below names it.
    figure.data[-1].showlegend = False
    figure.add_scatter(
        x=[result.settings.weight], y=[result.bias], name=HERE[language], mode="markers", marker=plotting.marker(1)
    )
    figure.update_layout(showlegend=True)
    return figure


def _loss(result: CliffResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        titles = (WEIGHT[language], BIAS[language], drawing.LOSS[language])
        figure = drawing.log_map(result.weights, result.biases, result.map.loss, titles)
        return _with_ridge(figure, result.weights, result, language)

    return Figure(
        Text("Loss", "Strata"),
        Text(
            "Below the white line the state falls to a low fixed point, above it rises to a high one. The dark stripe "
            "above the line is where h_50 = 0.7, so the goal lies right behind the wall.",
            "Poniżej białej linii stan spada do niskiego punktu stałego, powyżej rośnie do wysokiego. Ciemny pas nad "
            "linią to miejsce, gdzie h_50 = 0,7: cel leży tuż za ścianą.",
        ),
        draw,
        460,
    )


def _norm(result: CliffResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        titles = (WEIGHT[language], BIAS[language], NORM[language])
        figure = drawing.log_map(result.weights, result.biases, result.map.norm, titles)
        return _with_ridge(figure, result.weights, result, language)

    return Figure(
        Text("Gradient norm", "Norma gradientu"),
        Text(
            "The colours along the white line are an accident of the grid: the wall is thinner than any cell, and its "
            "true height is in the table.",
            "Kolory wzdłuż białej linii są dziełem przypadku: ściana jest cieńsza niż każda komórka siatki, a jej "
            "prawdziwą wysokość podaje tabela.",
        ),
        draw,
        460,
    )


def _landscape(result: CliffResult) -> Figure:
    def draw(_: Language) -> go.Figure:
        figure = plotting.new_figure("", "", "")
        every = max(1, len(result.weights) // 80)
        figure.add_surface(
            x=result.weights[::every],
            y=result.biases[::every],
            z=result.map.loss[::every, ::every].round(6),
            colorscale="Viridis",
            showscale=False,
        )
        # One letter each, and far enough away: longer titles leave a narrow page.
        axes = {"xaxis": "w", "yaxis": "b", "zaxis": "ℓ"}
        figure.update_layout(
            scene={
                **{axis: {"title": {"text": title}, "nticks": 5} for axis, title in axes.items()},
                "camera": {"eye": {"x": -2.0, "y": -2.0, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.15}},
            }
        )
        return figure

    return Figure(
        Text("The same loss as a landscape", "Ta sama strata jako krajobraz"),
        Text(
            "Turn it with the mouse. A step that starts on the wall follows its slope and is thrown far away.",
            "Krajobraz można obracać myszą. Krok, który zaczyna się na ścianie, idzie za jej nachyleniem i zostaje "
            "wyrzucony daleko.",
        ),
        draw,
        480,
    )


def _along(result: CliffResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        exact = np.array([np.linalg.norm(ridge.ridge_gradient(weight)) for weight in result.weights])
        found = result.map.norm.max(axis=0)
        grid = Text("largest on the grid", "największa na siatce")
        curves = [(RIDGE[language], exact), (grid[language], found)]
        figure = drawing.lines(result.weights, curves, WEIGHT[language], NORM[language])
        label = Text("m = 1", "m = 1")[language]
        figure.add_vline(
            x=ridge.STEEPEST_WEIGHT, line={"color": plotting.REFERENCE, "dash": "dot"}, annotation_text=label
        )
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("The norm along the ridge", "Norma wzdłuż grani"),
        Text(
            "Left of m = 1 the gradient of 50 steps stays small, right of it the exact norm grows like m⁵⁰ and the "
            "grid loses sight of it.",
            "Na lewo od m = 1 gradient po 50 krokach pozostaje mały, na prawo dokładna norma rośnie jak m⁵⁰, a siatka "
            "przestaje ją widzieć.",
        ),
        draw,
        360,
    )


def _states(result: CliffResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        weight, bias = result.settings.weight, result.bias
        curves = [(HERE[language], result.trajectory)]
        for aside in ASIDE:
            power = f"10<sup>{round(np.log10(aside))}</sup>".replace("-", "−")
            curves.append((f"b + {power}", ridge.states(weight, bias + aside)))
            curves.append((f"b − {power}", ridge.states(weight, bias - aside)))
        state = Text("state h<sub>t</sub>", "stan h<sub>t</sub>")
        figure = drawing.lines(np.arange(ridge.STEPS + 1), curves, drawing.STEP[language], state[language])
        figure.add_hline(y=ridge.TARGET, line={"color": plotting.REFERENCE, "dash": "dot"})
        return figure

    return Figure(
        Text("The state over time", "Stan w czasie"),
        Text(
            "The same weight with a slightly different bias. On an unstable fixed point a change in the fifth decimal "
            "decides in which basin the state ends. The dotted line is the target 0.7.",
            "Ta sama waga i nieco inny wyraz wolny. Na niestabilnym punkcie stałym zmiana na piątym miejscu po "
            "przecinku rozstrzyga, dokąd trafi stan. Linia kropkowana to cel 0,7.",
        ),
        draw,
        360,
    )


def _wide(result: CliffResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        titles = (WEIGHT[language], BIAS[language], drawing.LOSS[language])
        figure = drawing.log_map(result.wide_weights, result.wide_biases, result.wide.loss, titles)
        return _with_ridge(figure, result.wide_weights, result, language)

    return Figure(
        Text("Overview", "Widok ogólny"),
        Text(
            "The ridge crosses the whole plane; only to the right of w = 4.2553 is it a wall.",
            "Grań przecina całą płaszczyznę; ścianą jest dopiero na prawo od w = 4,2553.",
        ),
        draw,
        460,
    )
