"""Figures and tables of the cliff, from arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.descent import SGD, descend
from nurt.experiments import drawing
from nurt.experiments.results import Figure, ResultTable
from nurt.experiments.surface import ridge
from nurt.wording import LANGUAGES, Language, Text, localised, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "PlaneMap",
    "along_figure",
    "landscape_figure",
    "loss_figure",
    "norm_figure",
    "ridge_table",
    "searches_table",
    "signed",
    "states_figure",
    "steps_table",
]

WEIGHT = Text("weight w", "waga w")
BIAS = Text("bias b", "przesunięcie (bias) b")
NORM = Text("gradient norm ‖∇ℓ‖", "norma gradientu ‖∇ℓ‖")
RIDGE = Text("on the ridge, closed form", "na grani, ze wzoru")
BESIDE = Text("largest beside the ridge", "największa obok grani")
HERE = Text("this point", "ten punkt")
ASIDE = (1e-3, 1e-5)
RIDGE_WEIGHTS = (2.0, 4.5, 5.0, 5.5, 6.0, 7.0)


@dataclass(frozen=True)
class PlaneMap:
    """Value and gradient on a grid over (w, b), and the point that is examined.

    Args:
        weights: horizontal axis, (columns,).
        biases: vertical axis, (rows,).
        found: value and gradient, (rows, columns).
        point: w and b of the point.
    """

    weights: np.ndarray
    biases: np.ndarray
    found: ridge.Slope
    point: tuple[float, float]

    def draw(self, values: np.ndarray, name: Text, language: Language) -> go.Figure:
        """Return a map of ``values``, (rows, columns), with the ridge and the point."""
        titles = (WEIGHT[language], BIAS[language], name[language])
        figure = drawing.log_map(self.weights, self.biases, values, titles)
        low, high = figure.layout.yaxis.range
        line = 0.5 - ridge.START * self.weights
        shown = (line >= low) & (line <= high)
        style = {"color": "#FFFFFF", "width": 2.5}
        figure.add_scatter(
            x=self.weights[shown], y=line[shown], name=RIDGE[language], mode="lines", line=style, hoverinfo="name"
        )
        # A white line is invisible in a legend; the caption names it.
        figure.data[-1].showlegend = False
        weight, bias = self.point
        figure.add_scatter(x=[weight], y=[bias], name=HERE[language], mode="markers", marker=plotting.marker(1))
        figure.update_layout(showlegend=True)
        return figure


def loss_figure(plane: PlaneMap) -> Figure:
    """Return the loss."""

    def draw(language: Language) -> go.Figure:
        return plane.draw(plane.found.loss, drawing.LOSS, language)

    return Figure(
        Text("Loss", "Strata"),
        Text(
            "The white line is the ridge. To the right of w = 4.2553 it is a wall: below it the state falls to a low "
            "fixed point, above it rises to a high one. The dark stripe is where h_50 = 0.7, the target; there it lies "
            "directly behind the wall.",
            "Biała linia to grań. Na prawo od w = 4,2553 jest ścianą: poniżej niej stan spada do niskiego punktu "
            "stałego, powyżej rośnie do wysokiego. Ciemny pas to miejsce, gdzie h_50 = 0,7, czyli cel; leży tam tuż "
            "za ścianą.",
        ),
        draw,
        460,
    )


def norm_figure(plane: PlaneMap) -> Figure:
    """Return the norm of the gradient."""

    def draw(language: Language) -> go.Figure:
        return plane.draw(plane.found.norm, NORM, language)

    return Figure(
        Text("Gradient norm", "Norma gradientu"),
        Text(
            "The colours along the white line depend on the grid: at large w the wall is thinner than any cell, and "
            "the table gives its largest gradient.",
            "Kolory wzdłuż białej linii zależą od siatki: przy dużych w ściana jest cieńsza niż komórka siatki, a jej "
            "największy gradient podaje tabela.",
        ),
        draw,
        460,
    )


def landscape_figure(plane: PlaneMap) -> Figure:
    """Return the loss as a surface in three dimensions."""

    def draw(_: Language) -> go.Figure:
        figure = plotting.new_figure("", "", "")
        every = max(1, len(plane.weights) // 80)
        figure.add_surface(
            x=plane.weights[::every],
            y=plane.biases[::every],
            z=plane.found.loss[::every, ::every].round(6),
            colorscale="Viridis",
            showscale=False,
        )
        # One letter each, and far enough away: longer titles leave a narrow page.
        axes = {"xaxis": "w", "yaxis": "b", "zaxis": "ℓ"}
        figure.update_layout(
            scene={
                **{axis: {"title": {"text": title}, "nticks": 5} for axis, title in axes.items()},
                "camera": {"eye": {"x": -1.5, "y": -1.5, "z": 0.85}, "center": {"x": 0, "y": 0, "z": -0.2}},
                "aspectmode": "manual",
                "aspectratio": {"x": 1.3, "y": 1.3, "z": 0.75},
            }
        )
        return figure

    return Figure(
        Text("The same loss as a landscape", "Ta sama strata jako krajobraz"),
        Text(
            "Rotate it with the mouse. A step that starts on the wall follows its slope and ends far away.",
            "Krajobraz można obracać myszą. Krok, który zaczyna się na ścianie, idzie za jej nachyleniem i kończy "
            "się daleko.",
        ),
        draw,
        560,
    )


def along_figure(plane: PlaneMap) -> Figure:
    """Return the norm on the ridge in closed form, the largest beside it, and the largest on the grid, by weight."""

    def draw(language: Language) -> go.Figure:
        exact = np.array([np.linalg.norm(ridge.ridge_gradient(weight)) for weight in plane.weights])
        found = plane.found.norm.max(axis=0)
        tops = np.array([_top(weight).norm for weight in plane.weights])
        grid = Text("largest on the grid", "największa na siatce")
        curves = [(RIDGE[language], exact), (BESIDE[language], tops), (grid[language], found)]
        figure = drawing.lines(plane.weights, curves, WEIGHT[language], NORM[language])
        label = Text("m = 1", "m = 1")[language]
        figure.add_vline(
            x=ridge.STEEPEST_WEIGHT, line={"color": plotting.REFERENCE, "dash": "dot"}, annotation_text=label
        )
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("The norm along the ridge", "Norma wzdłuż grani"),
        Text(
            "Left of m = 1 there is no wall. Right of it the norm on the ridge grows like m⁵⁰, and beside the ridge "
            "it is larger still; the grid resolves neither.",
            "Na lewo od m = 1 nie ma ściany. Na prawo norma na grani rośnie jak m⁵⁰, a obok grani jest jeszcze "
            "większa; siatka nie oddaje żadnej z nich.",
        ),
        draw,
        360,
    )


def states_figure(point: tuple[float, float], trajectory: np.ndarray) -> Figure:
    """Return the states at the point, (51,), and those of slightly different biases."""

    def draw(language: Language) -> go.Figure:
        weight, bias = point
        curves = [(HERE[language], trajectory)]
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
        _sensitivity(point),
        draw,
        360,
    )


def _sensitivity(point: tuple[float, float]) -> Text:
    """Return how far apart slightly different biases end, and what that means for the gradient."""
    weight, bias = point
    ends = [[float(ridge.states(weight, bias + sign * aside)[-1]) for sign in (1, -1)] for aside in ASIDE]
    apart = [abs(high - low) for high, low in ends]
    words = Text(
        "The same weight with a slightly different bias. After 50 steps b ± 10⁻³ are {far} apart, b ± 10⁻⁵ {near}: "
        "{told}. The dotted line is the target 0.7.",
        "Ta sama waga i nieco inne przesunięcie (bias). Po 50 krokach b ± 10⁻³ dzieli {far}, a b ± 10⁻⁵ {near}: "
        "{told}. Linia kropkowana to cel 0,7.",
    )
    grows = Text("the difference grows, the fixed point is unstable", "różnica rośnie, punkt stały jest niestabilny")
    fades = Text("the difference fades, the states end together", "różnica zanika, stany kończą razem")
    told = grows if apart[0] > 2.0 * ASIDE[0] else fades
    return words.filled(far=to_digits(apart[0], 2), near=to_digits(apart[1], 2), told=told)


def signed(offset: float) -> Text:
    """Return a number with its sign and a space, as it stands behind another: ``− 1.2·10⁻¹¹``."""
    return Text(*(f"{'−' if offset < 0 else '+'} {localised(abs(offset), one, 3)}" for one in LANGUAGES))


@functools.cache
def _top(weight: float) -> ridge.Crest:
    """Return the steepest place beside the ridge; nothing where there is no wall."""
    return ridge.crest(weight) if weight > ridge.STEEPEST_WEIGHT else ridge.Crest(math.nan, math.nan)


def ridge_table() -> ResultTable:
    """Return bias, factor and gradient on the ridge for some weights, and the largest gradient beside it."""
    rows = []
    for weight in RIDGE_WEIGHTS:
        exact = ridge.ridge_gradient(weight)
        through = ridge.slope(weight, ridge.ridge_bias(weight))
        off = to_digits(abs(through.bias / exact[1] - 1.0), 2)
        norm, top = float(np.linalg.norm(exact)), _top(weight)
        where = (to_digits(top.norm, 5), to_digits(top.offset, 4))
        rows.append((weight, ridge.ridge_bias(weight), ridge.multiplier(weight), float(exact[1]), norm, off, *where))
    names = ("w", "b*", "m", "∂ℓ/∂b", "‖∇ℓ‖")
    return ResultTable(
        caption=Text("On the ridge, in closed form, and beside it", "Na grani, ze wzoru, i obok niej"),
        columns=(
            *(Text(name, name) for name in names),
            Text("off", "błąd"),
            Text("largest beside", "największe obok"),
            Text("at b − b*", "przy b − b*"),
        ),
        rows=tuple(rows),
        note=Text(
            "Off: the relative difference between the gradient computed through all 50 steps in double precision and "
            "the closed form. On the ridge the loss is 0.0060126 for every w. Largest beside: from a search over b "
            "on both sides of the ridge; where m < 1 there is no wall.",
            "Błąd: względna różnica między gradientem obliczonym przez wszystkie 50 kroków w podwójnej precyzji a "
            "wzorem. Na grani strata wynosi 0,0060126 dla każdego w. Największe obok: z przeszukiwania b po obu "
            "stronach grani; gdzie m < 1, ściany nie ma.",
        ),
        significant=7,
    )


def searches_table(searches: Iterable[tuple[float, float, float, float]]) -> ResultTable:
    """Return cell, largest norm, w and b of every search."""
    return ResultTable(
        caption=Text("Results of the search", "Wyniki przeszukiwania"),
        columns=(
            Text("finest cell in b", "najmniejsza komórka w b"),
            Text("largest ‖∇ℓ‖", "największe ‖∇ℓ‖"),
            Text("at w", "przy w"),
            Text("at b", "przy b"),
        ),
        rows=tuple(searches),
        note=Text(
            "The first row is the grid. Below it the cells in which h_50 jumps are halved repeatedly.",
            "Pierwszy wiersz to siatka. Niżej komórki, w których h_50 skacze, są wielokrotnie dzielone na pół.",
        ),
        significant=6,
    )


def steps_table(
    point: tuple[float, float], gradient: tuple[float, float], learning_rate: float, clip_norm: float
) -> ResultTable:
    """Return where one step of gradient descent leads, plain and clipped."""
    start, slope = np.array(point), np.array(gradient)
    rules = {
        Text("plain", "zwykły"): SGD(learning_rate),
        Text("clipped", "z obcinaniem"): SGD(learning_rate, clip_norm),
    }
    rows = []
    for name, rule in rules.items():
        end = descend(rule, start, lambda _: slope, 1).end
        rows.append((name, float(np.linalg.norm(end - start)), float(end[0]), float(end[1])))
    return ResultTable(
        caption=Text("One step of gradient descent from this point", "Jeden krok spadku gradientu z tego punktu"),
        columns=(
            Text("step", "krok"),
            Text("distance", "długość kroku"),
            Text("w after", "w po kroku"),
            Text("b after", "b po kroku"),
        ),
        rows=tuple(rows),
        note=Text(
            "Learning rate {rate}, clipped to norm {norm}.",
            "Współczynnik uczenia {rate}, obcinanie do normy {norm}.",
        ).filled(rate=learning_rate, norm=clip_norm),
        significant=6,
    )
