"""A noisy sine: the error of an LSTM compared with the noise and with an autoregression."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress, about, part_of
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, counted, joined, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "SineResult", "SineSettings", "noiseless_error"]

TEST = 0.2
SHOWN = 60
# Errors that differ by less count as equal: the test part has about a hundred points.
MARGIN = 0.05
SQUARED_ERROR = Text("mean squared error", "błąd średniokwadratowy")


@dataclass(frozen=True)
class SineSettings(Settings):
    """Settings of the noisy sine.

    Args:
        seed: of the noise.
        observations: T of the series.
        noise: width of the uniform noise.
        look_back: p, values that network and autoregression use.
        hidden: H.
        epochs: passes over the training windows.
        learning_rate: of Adam.
        repeats: trainings from different initial weights.
    """

    observations: int = 500
    noise: float = 0.4
    look_back: int = 10
    hidden: int = 8
    epochs: int = 300
    learning_rate: float = 1e-3
    repeats: int = 3


@dataclass(frozen=True, kw_only=True)
class SineResult(ExperimentResult):
    """Errors of the forecasts compared with the noise.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: squared error of the network on the test part, mean over its initial weights.
        baselines: that of the noise, of the autoregression and of repeating the last value.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        errors: squared error of each training.
        floor: variance of the noise.
        autoregression: squared error of least squares on the last p values, with intercept.
        repeat: squared error of repeating the last value.
        expected_repeat: its expected value.
        variance: of the series.
        exact: largest error of two linear units on the sine without noise.
        actual: end of the test part.
        forecasts: of the first network and of the autoregression there, (2, n).
    """

    settings: SineSettings
    errors: tuple[float, ...]
    floor: float
    autoregression: float
    repeat: float
    expected_repeat: float
    variance: float
    exact: float
    actual: np.ndarray
    forecasts: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the end of the test part with both forecasts, and the errors side by side."""
        return _series(self), _errors(self)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the errors, and that of two linear units without noise."""
        rows: list[tuple[float | str | Text, ...]] = [
            (Text("variance of the noise: lower bound", "wariancja szumu: granica dolna"), self.floor),
            (_ar(self.settings), self.autoregression),
        ]
        rows += [
            (Text("LSTM({h}), weights {n}", "LSTM({h}), wagi {n}").filled(h=self.settings.hidden, n=index), error)
            for index, error in enumerate(self.errors)
        ]
        rows += [
            (Text("repeating the last value", "powtórzenie ostatniej wartości"), self.repeat),
            (Text("the same, on average", "to samo, średnio"), self.expected_repeat),
            (Text("variance of the series", "wariancja szeregu"), self.variance),
        ]
        caption = Text("Squared error one step ahead, test part", "Błąd kwadratowy o krok naprzód, część testowa")
        columns = (Text("forecast", "prognoza"), Text("error", "błąd"))
        note = Text(
            "Without noise every value is 2 cos(1) times the last one minus the one before: two linear units continue "
            "the sine for {n} steps with an error of at most {exact}.",
            "Bez szumu każda wartość to 2 cos(1) razy ostatnia minus przedostatnia: dwie jednostki liniowe przedłużają "
            "sinus o {n} kroków z błędem nie większym niż {exact}.",
        ).filled(n=self.settings.observations, exact=to_digits(self.exact, 2))
        return (ResultTable(caption, columns, tuple(rows), note, significant=5),)


def noiseless_error(steps: int) -> float:
    """Return the largest error of a linear recurrence of two units that continues a sine by itself.

    s_t = 2 cos(1)·s_{t-1} - s_{t-2}; the state is (s_t, s_{t-1}) and starts at (sin 0, sin -1).

    Args:
        steps: T.
    """
    import torch

    from nurt import nn

    cell = nn.LinearCell(1, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.weight_hh.copy_(torch.tensor([[2.0 * math.cos(1.0), -1.0], [1.0, 0.0]], dtype=torch.float64))
        start = nn.LinearState(torch.tensor([[0.0, math.sin(-1.0)]], dtype=torch.float64))
        outputs, _ = nn.unroll(cell, torch.zeros(1, steps, 1, dtype=torch.float64), start)
    return float(np.abs(outputs[0, :, 0].numpy() - np.sin(np.arange(1, steps + 1))).max())


def compute(settings: SineSettings, progress: ReportProgress) -> SineResult:
    """Train the network from several initial weights and compare it with an autoregression."""
    from nurt.data import Series
    from nurt.data.synthetic import noisy_sine
    from nurt.data.windows import split_by_time
    from nurt.evaluation.forecasts.baselines import Linear, Naive
    from nurt.experiments.forecasts.trial import DesignTrial, train_and_judge
    from nurt.tasks.forecasting.options import ForecastPlan

    values = noisy_sine(settings.seed, settings.observations, noise=settings.noise)
    known = split_by_time(len(values), settings.look_back, 1, validation=0.0, test=TEST).train_end
    plan = ForecastPlan(
        recipe="sine",
        look_back=settings.look_back,
        horizon=1,
        hidden=settings.hidden,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
    )
    baselines = (Linear(settings.look_back, 1), Naive())
    trials: list[DesignTrial] = []
    for repeat in range(settings.repeats):
        doing = Text(f"training, weights {repeat}", f"uczenie, wagi {repeat}")
        tell = part_of(about(progress, doing), repeat, settings.repeats)
        trials.append(train_and_judge(Series(values), replace(plan, seed=repeat), known, baselines, tell))
    errors = tuple(one.squared_error() for one in trials)
    cells = trials[0].result.cells
    floor = settings.noise**2 / 12.0
    autoregression, repeating = (trials[0].squared_error(one.name) for one in baselines)
    return SineResult(
        settings=settings,
        verdict=_verdict(settings, errors, autoregression, floor),
        score=Measure(Text("squared error of the LSTM", "błąd kwadratowy LSTM"), float(np.mean(errors))),
        baselines=(
            Measure(_ar(settings), autoregression),
            Measure(Text("variance of the noise", "wariancja szumu"), floor),
            Measure(Text("repeating the last value", "powtórzenie ostatniej wartości"), repeating),
        ),
        updates=sum(one.updates for one in trials),
        errors=errors,
        floor=floor,
        autoregression=autoregression,
        repeat=repeating,
        expected_repeat=1.0 - math.cos(1.0) + 2.0 * floor,
        variance=float(values.var()),
        exact=noiseless_error(settings.observations),
        actual=cells.actual[-SHOWN:, 0],
        forecasts=np.array([cells.forecasts[name][-SHOWN:, 0] for name in (cells.model, "linear")]),
    )


def _ar(settings: SineSettings) -> Text:
    return Text("least squares, AR({p})", "najmniejsze kwadraty, AR({p})").filled(p=settings.look_back)


def _verdict(settings: SineSettings, errors: tuple[float, ...], line: float, floor: float) -> Verdict[Text]:
    ratios = np.array(errors) / line
    worse = int((ratios > 1.0 + MARGIN).sum())
    standing = Standing.REACHED if worse == 0 else Standing.PARTLY if worse < len(errors) else Standing.MISSED
    claim = {
        Standing.REACHED: Text("The LSTM reaches {ar}", "LSTM dorównuje {ar}"),
        Standing.PARTLY: Text(
            "Some initial weights reach {ar}, {worse} of {n} do not",
            "Część wag początkowych dorównuje {ar}, {worse} z {n} nie dorównuje",
        ),
        Standing.MISSED: Text("The LSTM has not reached {ar}", "LSTM nie dorównuje {ar}"),
    }[standing]
    rest = Text(
        "{claim}: {mean} against {line} after {epochs}. The variance of the noise is {floor}.",
        "{claim}: {mean} wobec {line} po {epochs}. Wariancja szumu wynosi {floor}.",
    )
    filled = claim.filled(ar=f"AR({settings.look_back})", worse=worse, n=len(errors))
    epochs = counted(settings.epochs, ("epoch", "epochs"), ("epoce", "epokach", "epokach"))
    numbers = {"mean": to_digits(float(np.mean(errors))), "line": to_digits(line), "floor": to_digits(floor)}
    return Verdict(standing, rest.filled(claim=filled, epochs=epochs, **numbers))


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
        joined(
            _fit(result),
            Text(
                "The distance of a perfect forecast from the points is noise, which no model can predict.",
                "Odległość doskonałej prognozy od punktów to szum, którego nie przewidzi żaden model.",
            ),
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
        Text("Errors compared with the noise", "Błędy w porównaniu z szumem"),
        joined(
            Text(
                "The dashed line is the variance of the noise. The axis is logarithmic.",
                "Linia przerywana to wariancja szumu. Oś jest logarytmiczna.",
            ),
            _repeating(result),
        ),
        draw,
        340,
    )


def _fit(result: SineResult) -> Text:
    """Return how far the shown network is from the autoregression."""
    ratio = result.errors[0] / result.autoregression
    if ratio <= 1.0 + MARGIN:
        return Text("Both forecasts are equally close to the points.", "Obie prognozy są równie blisko punktów.")
    return Text(
        "The LSTM is farther from the points: its squared error is {ratio} times that of the autoregression.",
        "LSTM leży dalej od punktów: jej błąd kwadratowy to {ratio} błędu autoregresji.",
    ).filled(ratio=to_digits(ratio))


def _repeating(result: SineResult) -> Text:
    """Return how the error of repeating the last value compares with the worst of the others."""
    ratio = result.repeat / max(*result.errors, result.autoregression)
    if ratio > 1.0:
        return Text(
            "Repeating the last value has {ratio} times the error of the worst other forecast.",
            "Powtarzanie ostatniej wartości ma {ratio} razy większy błąd niż najgorsza z pozostałych prognoz.",
        ).filled(ratio=to_digits(ratio, 2))
    return Text(
        "Repeating the last value is not the worst: a network has a larger error.",
        "Powtarzanie ostatniej wartości nie jest najgorsze: pewna sieć ma większy błąd.",
    )


EXPERIMENT = Experiment(
    id="sine",
    name=Text("Noisy sine", "Zaszumiony sinus"),
    description=Text(
        "500 values of a sine with uniform noise; a small LSTM reads ten of them and forecasts the next. Here the "
        "lowest possible error is known: the variance of the noise. Linear regression on the same ten values comes "
        "near it without training, so a network that does not reach the regression has not learnt the task.",
        "500 wartości sinusa z szumem jednostajnym; mała LSTM czyta dziesięć z nich i prognozuje następną. Najlepszy "
        "możliwy błąd jest tu znany: to wariancja szumu. Regresja liniowa na tych samych dziesięciu wartościach "
        "zbliża się do niego bez uczenia, więc sieć, która jej nie dorównuje, nie nauczyła się zadania.",
    ),
    how_to_read=Text(
        "Compare the bars with the dashed line and with the autoregression, then run fewer epochs.",
        "Porównaj słupki z linią przerywaną i z autoregresją, a potem uruchom mniej epok.",
    ),
    expected_seconds=18,
    presets={
        "default": Preset(Text("300 epochs, noise of seed 0", "300 epok, szum z ziarna 0"), SineSettings()),
        "seed-42": Preset(Text("The same, noise of seed 42", "To samo, szum z ziarna 42"), SineSettings(seed=42)),
        "too-short": Preset(Text("20 epochs, too few", "20 epok, za mało"), SineSettings(epochs=20)),
        "handout": Preset(Text("100 epochs", "100 epok"), SineSettings(epochs=100)),
        "faster": Preset(
            Text("20 epochs at a rate of 0.01", "20 epok przy kroku 0,01"), SineSettings(epochs=20, learning_rate=1e-2)
        ),
        "look-back-20": Preset(Text("Look-back of 20", "Okno 20 wartości"), SineSettings(look_back=20)),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "An exercise asks for an LSTM on this series and gives no baseline. With 20 epochs its figure looks "
                "fine. Where is the problem?",
                "W zadaniu LSTM na tym szeregu nie podano poziomu odniesienia. Po 20 epokach wykres wygląda dobrze. "
                "Gdzie jest problem?",
            ),
            Text(
                "The error is still several times that of linear regression. A curve with the right phase looks good "
                "at almost any error; run the preset too-short.",
                "Błąd jest wciąż kilka razy większy niż regresji liniowej. Krzywa o właściwej fazie wygląda dobrze "
                "przy prawie każdym błędzie; uruchom wariant too-short.",
            ),
        ),
        Exercise(
            Text(
                "Without noise two linear units are exact. Why does AR(10) with noise beat AR(2)?",
                "Bez szumu dwie jednostki liniowe są dokładne. Dlaczego przy szumie AR(10) jest lepsze od AR(2)?",
            ),
            Text(
                "The two exact coefficients also pass on the noise of the two values. More values average the noise.",
                "Dwa dokładne współczynniki przenoszą też szum obu wartości. Większa liczba wartości go uśrednia.",
            ),
        ),
    ),
)
