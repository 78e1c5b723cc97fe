"""Tables and pictures of the exchange rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.results import Figure, ResultTable
from nurt.wording import Language, Text, joined

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.data import Series
    from nurt.evaluation.forecasts.results import Comparison

__all__ = [
    "forecast_figure",
    "gradient_figure",
    "horizon_figure",
    "one_step_table",
    "range_table",
    "reach",
    "residual_figure",
    "skill_table",
    "two_years",
]

DAY = Text("day", "dzień")
# Share of the maximum above which a gradient is counted.
NOTICEABLE = 0.01


def two_years(series: Series) -> tuple[Series, int]:
    """Return the first two calendar years, and how many observations lie in the first.

    Raises:
        DataError: there are no two years.
    """
    from nurt.errors import DataError
    from nurt.tasks.forecasting.parts import series_until

    years = np.array([series.label(index)[:4] for index in range(len(series))])
    names = list(dict.fromkeys(years.tolist()))
    if series.time is None or len(names) < 2:
        raise DataError(
            "The data do not cover two years.",
            expected="dates in at least two calendar years",
            got=", ".join(names[:3]),
        )
    first, second = ((years == name).sum() for name in names[:2])
    return series_until(series, int(first + second)), int(first)


def one_step_table(errors: Mapping[str, tuple[float, float]]) -> ResultTable:
    """Return mean absolute error and its root mean square per method."""
    from nurt.evaluation.forecasts.baselines import label_of

    return ResultTable(
        caption=Text("One quotation ahead, test part", "O jedno notowanie naprzód, część testowa"),
        columns=(Text("method", "metoda"), Text("MAE, PLN", "MAE, PLN"), Text("RMSE, PLN", "RMSE, PLN")),
        rows=tuple((label_of(name).action, absolute, root) for name, (absolute, root) in errors.items()),
        note=Text(
            "AR(p) is least squares on the last p rates, fitted to the training part.",
            "AR(p) to najmniejsze kwadraty na ostatnich p kursach, dopasowane do części uczącej.",
        ),
    )


def skill_table(comparisons: Sequence[Comparison]) -> ResultTable:
    """Return the skill over whole paths against every baseline, with its interval."""
    from nurt.evaluation.forecasts.baselines import label_of

    missing = float("nan")
    rows = [
        (
            label_of(one.baseline).action,
            one.skill,
            missing if one.skill_low is None else one.skill_low,
            missing if one.skill_high is None else one.skill_high,
        )
        for one in comparisons
    ]
    return ResultTable(
        caption=Text("Skill over whole paths", "Umiejętność (skill) na całych ścieżkach"),
        columns=(Text("against", "wobec"), Text("skill", "umiejętność"), Text("from", "od"), Text("to", "do")),
        rows=tuple(rows),
        note=Text(
            "1 − MAE / MAE of the other: above 0 the network is better. The interval is a block bootstrap at 95 %.",
            "1 − MAE / MAE drugiej metody: powyżej 0 sieć jest lepsza. Przedział 95 % z blokowego bootstrapu.",
        ),
        significant=3,
    )


def range_table(ranges: np.ndarray) -> ResultTable:
    """Return the ranges of training and test part, and the test part scaled by the training part."""
    (low, high), (least, greatest) = ranges
    scaled = (np.array([least, greatest]) - low) / (high - low)
    part = (Text("training", "ucząca"), Text("test", "testowa"), Text("test, scaled", "testowa, przeskalowana"))
    rows = ((low, high), (least, greatest), tuple(scaled))
    return ResultTable(
        caption=Text("Range of the scaler", "Zakres skalowania"),
        columns=(Text("part", "część"), Text("least", "najmniejszy"), Text("greatest", "największy")),
        rows=tuple((name, float(a), float(b)) for name, (a, b) in zip(part, rows, strict=True)),
        note=Text(
            "The scaler is fitted to the training part, which becomes 0 to 1. The network has no training data "
            "outside this range.",
            "Skalowanie dopasowano do części uczącej, która staje się zakresem od 0 do 1. Poza nim sieć nie ma "
            "danych uczących.",
        ),
        significant=5,
    )


def forecast_figure(days: Sequence[str], actual: np.ndarray, forecast: np.ndarray, name: str) -> Figure:
    """Return rates and forecasts one ahead on the days of the test part."""

    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", DAY[language], "PLN")
        _by_month(figure)
        rate = Text("rate", "kurs")[language]
        figure.add_scatter(x=days, y=actual, name=rate, mode="lines", line={"color": plotting.ACTUAL, "width": 2})
        figure.add_scatter(x=days, y=forecast, name=name, mode="lines", line=plotting.MODEL_LINE.to_plotly())
        return figure

    return Figure(
        Text("One quotation ahead", "O jedno notowanie naprzód"),
        Text(
            "Look at a jump of the rate: a forecast that follows one day later is a copy. Hover to compare.",
            "Znajdź skok kursu: prognoza, która podąża dzień później, tylko go kopiuje. Najedź kursorem, aby porównać.",
        ),
        draw,
    )


def _by_month(figure: go.Figure) -> None:
    # Plotly writes names of months in English, also on a Polish page.
    figure.update_xaxes(tickformat="%Y-%m", hoverformat="%Y-%m-%d", nticks=6)


def residual_figure(days: Sequence[str], residuals: np.ndarray) -> Figure:
    """Return rate minus forecast."""

    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", DAY[language], Text("rate − forecast, PLN", "kurs − prognoza, PLN")[language])
        _by_month(figure)
        figure.add_bar(x=days, y=residuals, marker={"color": plotting.MODEL}, showlegend=False)
        return figure

    return Figure(
        Text("Residuals", "Reszty"),
        Text(
            "Good residuals have no pattern. Runs of one sign mean that the network lags behind or is biased.",
            "Dobre reszty nie mają wzoru. Serie jednego znaku oznaczają, że sieć się spóźnia albo jest obciążona.",
        ),
        draw,
        300,
    )


def horizon_figure(steps: Sequence[int], own: Sequence[float], naive: Sequence[float], name: str) -> Figure:
    """Return the error by horizon, with that of repeating the last value."""
    from nurt.evaluation.forecasts.baselines import label_of

    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", Text("steps ahead", "kroków naprzód")[language], "MAE, PLN")
        for label, values, line in (
            (name, own, plotting.MODEL_LINE.to_plotly()),
            (Text("repeating", "powtórzenie")[language], naive, label_of("naive").line.to_plotly()),
        ):
            figure.add_scatter(x=list(steps), y=list(values), name=label, mode="lines", line=line)
        figure.update_yaxes(rangemode="tozero")
        return figure

    return Figure(
        Text("Error by horizon", "Błąd według horyzontu"),
        joined(
            Text(
                "For a random walk the error of repeating grows with the square root of the horizon, and on average no "
                "forecast is better.",
                "Dla błądzenia losowego błąd powtórzenia rośnie z pierwiastkiem horyzontu i średnio żadna prognoza nie "
                "jest lepsza.",
            ),
            _below(own, naive, name),
        ),
        draw,
        360,
    )


def _below(own: Sequence[float], naive: Sequence[float], name: str) -> Text:
    """Return at how many horizons the network is below repeating."""
    below = sum(a < b for a, b in zip(own, naive, strict=True))
    words = {
        0: Text("{name} is below it at no horizon.", "{name} nie leży poniżej przy żadnym horyzoncie."),
        len(own): Text("{name} is below it at every horizon.", "{name} leży poniżej przy każdym horyzoncie."),
    }
    some = Text("{name} is below it at {below} of {n} horizons.", "{name} leży poniżej przy {below} z {n} horyzontów.")
    return words.get(below, some).filled(name=name, below=below, n=len(own))


def reach(gradients: np.ndarray) -> Text:
    """Return how far back the gradient of the whole state of each layer stays above 1 % of its maximum.

    Args:
        gradients: ‖dℓ/d(h, c)_t‖, (L, T).
    """
    parts = []
    for index, row in enumerate(gradients):
        if not row.max() > 0.0:
            words = Text("in layer {n} there is none", "w warstwie {n} nie ma go wcale")
            parts.append(words.filled(n=index + 1))
            continue
        back = len(row) - 1 - int(np.flatnonzero(row >= NOTICEABLE * row.max())[0])
        words = (
            Text("in layer {n} over the whole window", "w warstwie {n} w całym oknie")
            if back == len(row) - 1
            else Text("in layer {n} up to {back} steps back", "w warstwie {n} do {back} kroków wstecz")
        )
        parts.append(words.filled(n=index + 1, back=back))
    listed = Text(", ".join(one.en for one in parts), ", ".join(one.pl for one in parts))
    words = Text("It is at least 1 % of its maximum {listed}.", "Wynosi co najmniej 1 % swojego maksimum: {listed}.")
    return words.filled(listed=listed)


def gradient_figure(gradients: np.ndarray) -> Figure:
    """Return the gradient of the whole state over the window, a curve per layer; ``gradients`` is (L, T)."""

    def draw(language: Language) -> go.Figure:
        steps = np.arange(1 - gradients.shape[1], 1)
        layer = Text("layer", "warstwa")[language]
        # A gradient of exactly 0 has no place on the logarithmic axis.
        curves = [(f"{layer} {index + 1}", np.where(row > 0, row, np.nan)) for index, row in enumerate(gradients)]
        title = Text("steps back", "kroki wstecz")
        figure = drawing.lines(steps, curves, title[language], "‖dℓ/d(h, c)<sub>t</sub>‖")
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("Gradient of the state over the window", "Gradient stanu w oknie"),
        joined(
            Text(
                "The total gradient of the squared error by the whole state of each layer, for an LSTM h and c "
                "together; mean over test windows.",
                "Pełny gradient błędu kwadratowego po całym stanie każdej warstwy, w LSTM po h i c razem; średnia po "
                "oknach testowych.",
            ),
            reach(gradients),
        ),
        draw,
        360,
    )
