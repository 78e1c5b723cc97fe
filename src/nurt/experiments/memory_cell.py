"""From a scalar recurrence to a cell with gates: the decay of the gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "MemoryCellResult", "MemoryCellSettings", "half_life"]

WEIGHTS = (0.5, 0.9, 0.99, 1.01, 1.1, 2.0)
DISTANCES = (3, 10, 50, 100)
FORGET_BIASES = (0.0, 1.0, 2.0, 3.0, 5.0)


@dataclass(frozen=True)
class MemoryCellSettings(Settings):
    """Settings of the memory cell.

    Args:
        seed: of the inputs and weights of the LSTM.
        steps: T.
        forget_bias: of its forget gate.
        recurrent_scale: size of its recurrent weights; with 0 the gates do not depend on h.
    """

    steps: int = 50
    forget_bias: float = 3.0
    recurrent_scale: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MemoryCellResult(ExperimentResult):
    """Derivatives and gates of the cell.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: ∂c_T/∂c_0 of the LSTM, by autograd.
        baselines: the product of its forget gates.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        exact: ∂c_T/∂c_t for t = 0 … T, by autograd through the cell, (T + 1,).
        gates: product of the forget gates after t, (T + 1,).
    """

    settings: MemoryCellSettings
    exact: np.ndarray
    gates: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the powers, and the LSTM."""
        return _lstm(self), _powers()

    def tables(self) -> tuple[ResultTable, ...]:
        """Return powers and half-lives."""
        return _power_table(), _half_lives()


def half_life(forget: float) -> float:
    """Return the number of steps in which a gate constant at ``forget`` halves the cell: ln ½ / ln f."""
    return math.log(0.5) / math.log(forget)


def compute(settings: MemoryCellSettings, progress: ReportProgress) -> MemoryCellResult:
    """Run one LSTM unit and differentiate its cell."""
    progress(0.0, Text("back-propagation through time", "propagacja wsteczna w czasie"))
    exact, gates = _derivatives(settings)
    values = {"exact": float(exact[0]), "gates": float(gates[0]), "steps": settings.steps}
    alike = math.isclose(exact[0], gates[0], rel_tol=1e-10)
    text = (
        Text(
            "Over {steps} steps the cell passes back {exact} of its gradient, exactly the product of its forget gates.",
            "Przez {steps} kroków komórka przekazuje {exact} swojego gradientu, dokładnie iloczyn bramek zapominania.",
        )
        if alike
        else Text(
            "Over {steps} steps the cell passes back {exact} of its gradient, but the product of its forget gates is "
            "{gates}: the gates depend on h, which is a second path for the gradient.",
            "Przez {steps} kroków komórka przekazuje {exact} swojego gradientu, a iloczyn bramek zapominania wynosi "
            "{gates}: bramki zależą od h, a to druga droga gradientu.",
        )
    )
    return MemoryCellResult(
        settings=settings,
        verdict=Verdict(Standing.REACHED if alike else Standing.SHOWN, text.filled(**values)),
        score=Measure(Text("∂c_T/∂c_0 of the LSTM", "∂c_T/∂c_0 w LSTM"), float(exact[0])),
        baselines=(
            Measure(Text("product of the forget gates", "iloczyn bramek zapominania"), float(gates[0])),
            Measure(Text("carousel without gates, f = 1", "karuzela bez bramek, f = 1"), 1.0),
        ),
        exact=exact,
        gates=gates,
    )


def _derivatives(settings: MemoryCellSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return ∂c_T/∂c_t and the products of later forget gates for one LSTM unit."""
    import torch

    from nurt.nn import LSTMCell, LSTMState

    stream = np.random.RandomState(settings.seed)
    cell = LSTMCell(1, 1, dtype=torch.float64)
    bias = torch.tensor([0.0, settings.forget_bias, 0.0, 0.0], dtype=torch.float64)
    weights = {
        "weight_ih": torch.from_numpy(stream.standard_normal((4, 1))),
        "weight_hh": torch.from_numpy(settings.recurrent_scale * stream.standard_normal((4, 1))),
        "bias_ih": bias,
        "bias_hh": torch.zeros_like(bias),
    }
    cell.load_state_dict(weights)
    inputs = torch.from_numpy(stream.standard_normal((settings.steps, 1, 1)))
    start = torch.full((1, 1), 0.5, dtype=torch.float64, requires_grad=True)
    state = LSTMState(torch.zeros(1, 1, dtype=torch.float64), start)
    cells, forgets = [start], []
    for x in inputs:
        sums = x @ cell.weight_ih.T + state.hidden @ cell.weight_hh.T + bias
        forgets.append(torch.sigmoid(sums[0, 1]).item())
        state = cell.step(x, state)
        cells.append(state.cell)
    exact = torch.autograd.grad(state.cell.sum(), cells)
    gates = np.append(np.cumprod(forgets[::-1])[::-1], 1.0)
    return np.array([one.item() for one in exact]), gates


def _power_table() -> ResultTable:
    return ResultTable(
        caption=Text("w to the power of T: the gradient through T steps", "w do potęgi T: gradient przez T kroków"),
        columns=(Text("w", "w"), *(Text(f"T = {steps}", f"T = {steps}") for steps in DISTANCES)),
        rows=tuple((weight, *(weight**steps for steps in DISTANCES)) for weight in WEIGHTS),
        note=Text(
            "h_t = w·h_(t−1). Only w = 1 neither explodes nor vanishes: the constant error carousel, c_t = c_(t−1).",
            "h_t = w·h_(t−1). Tylko w = 1 ani nie eksploduje, ani nie zanika: to karuzela stałego błędu, c_t = "
            "c_(t−1).",
        ),
        significant=6,
    )


def _half_lives() -> ResultTable:
    rows = []
    for bias in FORGET_BIASES:
        forget = 1.0 / (1.0 + math.exp(-bias))
        rows.append((bias, forget, half_life(forget)))
    return ResultTable(
        caption=Text("Forget bias and half-life", "Przesunięcie (bias) bramki zapominania i czas połowicznego zaniku"),
        columns=(Text("bias", "przesunięcie"), Text("gate f", "bramka f"), Text("half-life (steps)", "czas (kroki)")),
        rows=tuple(rows),
        note=Text(
            "Without input, f = σ(bias). torch initialises it near 0, so the gate halves the cell in every step.",
            "Bez wejścia f = σ(przesunięcie). torch inicjuje je blisko 0, więc bramka w każdym kroku zachowuje połowę.",
        ),
        significant=6,
    )


def _lstm(result: MemoryCellResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        back = -np.arange(len(result.exact))
        names = Text("derivative of the cell", "pochodna komórki"), Text("product of gates", "iloczyn bramek")
        curves = [(names[0][language], np.abs(result.exact[::-1])), (names[1][language], result.gates[::-1])]
        x_title = Text("steps back from the last state", "kroki wstecz od ostatniego stanu")[language]
        figure = drawing.lines(back, curves, x_title, "|∂c<sub>T</sub>/∂c<sub>t</sub>|")
        figure.update_xaxes(autorange="reversed")
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("Gradient passed back by the cell", "Gradient przekazywany wstecz przez komórkę"),
        Text(
            "Time runs backwards to the right. As long as the gates do not depend on h, both curves coincide. The "
            "slope is the logarithm of the gate.",
            "W prawo czas biegnie wstecz. Dopóki bramki nie zależą od h, obie krzywe się pokrywają. Nachylenie to "
            "logarytm bramki.",
        ),
        draw,
        360,
    )


def _powers() -> Figure:
    def draw(language: Language) -> go.Figure:
        steps = np.arange(101)
        curves = [
            (f"w = {weight:g}".replace(".", "," if language == "pl" else "."), weight**steps) for weight in WEIGHTS
        ]
        title = Text("gradient w<sup>T</sup>", "gradient w<sup>T</sup>")
        distance = Text("distance T (steps)", "odległość T (kroki)")
        figure = drawing.lines(steps, curves, distance[language], title[language])
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("A scalar memory", "Pamięć skalarna"),
        Text(
            "Each line is straight, because the axis is logarithmic: the gradient changes by the same factor in every "
            "step.",
            "Każda linia jest prosta, bo oś jest logarytmiczna: gradient w każdym kroku zmienia się o ten sam czynnik.",
        ),
        draw,
        360,
    )


EXPERIMENT = Experiment(
    id="memory-cell",
    name=Text("A memory of one number", "Pamięć jednej liczby"),
    description=Text(
        "Three stages of a memory: h_t = w·h_(t−1), whose gradient is a power of w; the constant error carousel c_t "
        "= c_(t−1), whose gradient is 1; and a gated cell, c_t = f·c_(t−1) + i·tanh(a), whose gradient is the "
        "product of its forget gates as long as the gates do not depend on h. Slides often draw the gated cell first "
        "without a forget gate; that is f = 1.",
        "Trzy etapy pamięci: h_t = w·h_(t−1), której gradient jest potęgą w; karuzela stałego błędu c_t = c_(t−1), "
        "której gradient wynosi 1; oraz komórka z bramkami, c_t = f·c_(t−1) + i·tanh(a), której gradient jest "
        "iloczynem bramek zapominania, dopóki bramki nie zależą od h. Slajdy często pokazują najpierw komórkę bez "
        "bramki zapominania; to przypadek f = 1.",
    ),
    how_to_read=Text(
        "Compare the two curves of the first figure, then switch to the preset gates-read-h.",
        "Porównaj dwie krzywe na pierwszym rysunku, a potem wybierz wariant gates-read-h.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("Gates independent of h", "Bramki niezależne od h"), MemoryCellSettings()),
        "gates-read-h": Preset(
            Text("Gates that depend on h", "Bramki zależne od h"), MemoryCellSettings(recurrent_scale=1.0)
        ),
        "no-bias": Preset(
            Text("Forget bias 0, as initialised by torch", "Przesunięcie 0, jak przy inicjalizacji w torch"),
            MemoryCellSettings(forget_bias=0.0),
        ),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "“An LSTM carries its gradient over 100 steps.” Under which condition?",
                "„LSTM przenosi gradient przez 100 kroków.” Pod jakim warunkiem?",
            ),
            Text(
                "Only while f stays near 1. At f = 0.99 a gate has a half-life of 69 steps, at f = 0.5 of one step.",
                "Tylko dopóki f jest bliskie 1. Przy f = 0,99 czas połowicznego zaniku to 69 kroków, przy f = 0,5 "
                "jeden krok.",
            ),
        ),
    ),
)
