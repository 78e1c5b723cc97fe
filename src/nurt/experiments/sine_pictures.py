"""The figures of the noisy sine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.results import Figure
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.sine import SineResult

__all__ = ["figures"]

SQUARED_ERROR = Text("mean squared error", "błąd średniokwadratowy")


def figures(result: SineResult) -> tuple[Figure, ...]:
    """Return the end of the test part with both forecasts, and the errors side by side."""
    return _series(result), _errors(result)


def _series(result: SineResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        end = result.settings.observations
        steps = np.arange(end - len(result.actual), end)
        curves = [("LSTM", result.forecasts[0]), (f"AR({result.settings.look_back})", result.forecasts[1])]
        figure = drawing.lines(steps, curves, drawing.STEP[language], Text("value", "wartość")[language])
        figure.add_scatter(
            x=steps,
            y=result.actual,
            name=Text("truth", "prawda")[language],
            mode="markers",
            marker={"color": plotting.ACTUAL, "size": 6},
        )
        return figure

    return Figure(
        Text("One step ahead on the end of the test part", "O krok naprzód na końcu części testowej"),
        Text(
            "Both forecasts run through the middle of the points. What is left between them and the points is noise, "
            "which no model knows.",
            "Obie prognozy biegną środkiem punktów. To, co zostaje między nimi a punktami, jest szumem, którego nie "
            "zna żaden model.",
        ),
        draw,
    )


def _errors(result: SineResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        names = [f"LSTM {index}" for index in range(len(result.errors))]
        names += [f"AR({result.settings.look_back})", Text("repeat", "powtórzenie")[language]]
        heights = [*result.errors, result.autoregression, result.repeat]
        figure = plotting.new_figure("", "", SQUARED_ERROR[language])
        colours = [plotting.MODEL] * len(result.errors) + [plotting.PALETTE[1], plotting.REFERENCE]
        figure.add_bar(x=names, y=heights, marker={"color": colours}, showlegend=False)
        figure.add_hline(y=result.floor, line={"color": plotting.ACTUAL, "width": 2, "dash": "dash"})
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("Errors beside the noise", "Błędy obok szumu"),
        Text(
            "The dashed line is the variance of the noise. The axis is logarithmic; repeating the last value "
            "stands far above the rest.",
            "Linia przerywana to wariancja szumu. Oś jest logarytmiczna; powtarzanie ostatniej wartości "
            "leży wysoko nad resztą.",
        ),
        draw,
        340,
    )
