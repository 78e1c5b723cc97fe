"""One LSTM in two notations: one matrix over [h, x], or two separate matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt.experiments import drawing
from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "GATES", "Joined", "LSTMFormsResult", "LSTMFormsSettings", "join_weights", "split_weights"]

GATES = ("i", "f", "g", "o")
ROUNDING = 1e-12


@dataclass(frozen=True)
class LSTMFormsSettings(Settings):
    """Settings of the comparison.

    Args:
        seed: of weights and inputs.
        steps: T.
        inputs: I.
        hidden: H.
    """

    steps: int = 20
    inputs: int = 2
    hidden: int = 3


@dataclass(frozen=True)
class Joined:
    """The joined form: per gate a matrix over [h, x], (H, H + I), and a bias, (H,)."""

    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class LSTMFormsResult(ExperimentResult):
    """Weights and states in both notations.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: largest difference of states between the two forms.
        baselines: the difference of the weights after conversion to the split form and back.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        joined: the weights in the joined form.
        gates: values of the first unit over time by name, in the joined form.
        cell: its cell state, (T,).
    """

    settings: LSTMFormsSettings
    joined: Joined
    gates: dict[str, np.ndarray]
    cell: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return gates and cell of the first unit."""
        return (_gates(self),)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the first row of each gate in both notations."""
        hidden = self.settings.hidden
        rows = []
        for gate in GATES:
            row = self.joined.weights[gate][0]
            rows.append((f"W_{gate}", _numbers(row), _numbers(row[:hidden]), _numbers(row[hidden:])))
        return (
            ResultTable(
                caption=Text("The same numbers in both notations", "Te same liczby w obu zapisach"),
                columns=(
                    Text("gate, first row", "bramka, pierwszy wiersz"),
                    Text("joined: over [h, x]", "łącznie: względem [h, x]"),
                    Text("split: weight_hh", "osobno: weight_hh"),
                    Text("split: weight_ih", "osobno: weight_ih"),
                ),
                rows=tuple(rows),
                note=Text(
                    "torch stacks the gates in the order i, f, g, o and adds two biases; the joined form has one.",
                    "torch układa bramki w kolejności i, f, g, o i dodaje dwa przesunięcia (bias); postać łączna ma "
                    "jedno.",
                ),
            ),
        )


def _numbers(values: np.ndarray) -> Text:
    words = ["; ".join(f"{value:.2f}".replace("-", "−") for value in values)]
    return Text(words[0], words[0].replace(".", ","))


def split_weights(joined: Joined) -> dict[str, np.ndarray]:
    """Return the split form with torch's names: W_hf = W_f[:, :H], W_xf = W_f[:, H:]; the second bias is 0."""
    stacked = np.concatenate([joined.weights[gate] for gate in GATES])
    bias = np.concatenate([joined.biases[gate] for gate in GATES])
    hidden = len(bias) // len(GATES)
    return {
        "weight_ih": stacked[:, hidden:],
        "weight_hh": stacked[:, :hidden],
        "bias_ih": bias,
        "bias_hh": np.zeros_like(bias),
    }


def join_weights(split: dict[str, np.ndarray]) -> Joined:
    """Return the joined form of a split one; both biases are added."""
    stacked = np.concatenate([split["weight_hh"], split["weight_ih"]], axis=1)
    bias = split["bias_ih"] + split["bias_hh"]
    return Joined(
        dict(zip(GATES, np.split(stacked, len(GATES)), strict=True)),
        dict(zip(GATES, np.split(bias, len(GATES)), strict=True)),
    )


def _run_joined(joined: Joined, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return h and c, (T, H), and the gates, (T, H) by name, from h = c = 0.

    c = f ⊙ c′ + i ⊙ g, h = o ⊙ tanh(c), g = tanh(W_g [h′, x] + b_g), the gates σ(W [h′, x] + b).
    """
    hidden = np.zeros(len(joined.biases["i"]))
    cell = np.zeros_like(hidden)
    states, cells = [], []
    values: dict[str, list[np.ndarray]] = {gate: [] for gate in GATES}
    for x in inputs:
        read = np.concatenate([hidden, x])
        now = {}
        for gate in GATES:
            total = joined.weights[gate] @ read + joined.biases[gate]
            now[gate] = np.tanh(total) if gate == "g" else 1.0 / (1.0 + np.exp(-total))
            values[gate].append(now[gate])
        cell = now["f"] * cell + now["i"] * now["g"]
        hidden = now["o"] * np.tanh(cell)
        states.append(hidden)
        cells.append(cell)
    return np.array(states), np.array(cells), {gate: np.array(taken) for gate, taken in values.items()}


def _run_split(split: dict[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return the states of ``nurt.nn.LSTMCell``, (T, H)."""
    import torch

    from nurt.nn import LSTMCell, unroll

    cell = LSTMCell(inputs.shape[1], split["weight_hh"].shape[1], dtype=torch.float64)
    cell.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in split.items()})
    with torch.no_grad():
        outputs, _ = unroll(cell, torch.from_numpy(inputs)[None])
    return np.asarray(outputs[0].numpy())


def compute(settings: LSTMFormsSettings, progress: ReportProgress) -> LSTMFormsResult:
    """Run both forms on the same numbers."""
    progress(0.0, Text("comparing", "porównywanie"))
    stream = np.random.RandomState(settings.seed)
    shape = (settings.hidden, settings.hidden + settings.inputs)
    joined = Joined(
        {gate: stream.standard_normal(shape) for gate in GATES},
        {gate: stream.standard_normal(settings.hidden) for gate in GATES},
    )
    inputs = stream.standard_normal((settings.steps, settings.inputs))
    split = split_weights(joined)
    states, cells, gates = _run_joined(joined, inputs)
    apart = float(np.abs(_run_split(split, inputs) - states).max())
    back = join_weights(split)
    there_and_back = max(float(np.abs(back.weights[gate] - joined.weights[gate]).max()) for gate in GATES)
    return LSTMFormsResult(
        settings=settings,
        verdict=Verdict(
            Standing.REACHED if apart < ROUNDING and there_and_back == 0.0 else Standing.MISSED,
            Text(
                "Both notations describe the same unit: the states differ by {apart}, and conversion to the other "
                "form and back returns the weights bit for bit.",
                "Oba zapisy to ta sama jednostka: stany różnią się o {apart}, a wagi po przekształceniu do drugiej "
                "postaci i z powrotem są identyczne co do bitu.",
            ).filled(apart=apart),
        ),
        score=Measure(Text("largest difference of states", "największa różnica stanów"), apart),
        baselines=(
            Measure(Text("weights, converted and back", "wagi, po przekształceniu i z powrotem"), there_and_back),
        ),
        joined=joined,
        gates={gate: taken[:, 0] for gate, taken in gates.items()},
        cell=cells[:, 0],
    )


def _gates(result: LSTMFormsResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        names = {
            "i": Text("input gate i", "bramka wejścia i"),
            "f": Text("forget gate f", "bramka zapominania f"),
            "g": Text("candidate g", "kandydat g"),
            "o": Text("output gate o", "bramka wyjścia o"),
        }
        curves = [(names[gate][language], result.gates[gate]) for gate in GATES]
        curves.append((Text("cell c", "komórka c")[language], result.cell))
        steps = np.arange(1, len(result.cell) + 1)
        return drawing.lines(steps, curves, drawing.STEP[language], Text("value", "wartość")[language])

    return Figure(
        Text("The gates of unit 1", "Bramki jednostki 1"),
        Text(
            "Where f is near 1 and i near 0 the cell keeps its value; where f is near 0 it is reset to i times g.",
            "Gdzie f jest bliskie 1, a i bliskie 0, komórka zachowuje wartość; gdzie f jest bliskie 0, jest "
            "ustawiana na i razy g.",
        ),
        draw,
        380,
    )


EXPERIMENT = Experiment(
    id="lstm-forms",
    name=Text("Two notations of the LSTM", "Dwa zapisy LSTM"),
    description=Text(
        "Some texts write a gate as σ(W·[h, x] + b) with one matrix over the joined vector, others as σ(W_x x + W_h "
        "h + b) with two. It is the same unit: the columns of one matrix are those of the other two. torch and nurt "
        "use the split form with two biases that are added.",
        "Jedne teksty zapisują bramkę jako σ(W·[h, x] + b) z jedną macierzą dla połączonego wektora, inne jako σ(W_x "
        "x + W_h h + b) z dwiema. To ta sama jednostka: kolumny jednej macierzy to kolumny dwóch pozostałych. torch "
        "i nurt używają postaci rozdzielonej z dwoma przesunięciami (bias), które się sumują.",
    ),
    how_to_read=Text(
        "Follow one row of the table: the joined row is split into two, no number is computed.",
        "Prześledź jeden wiersz tabeli: wiersz zapisany łącznie jest dzielony na dwa, żadna liczba nie jest obliczana.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("3 units, 2 inputs", "3 jednostki, 2 wejścia"), LSTMFormsSettings()),
        "wide": Preset(Text("20 units, 10 inputs", "20 jednostek, 10 wejść"), LSTMFormsSettings(inputs=10, hidden=20)),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "Conversion from split to joined and back does not return the two biases. Is information lost?",
                "Przejście z postaci rozdzielonej do łącznej i z powrotem nie odtwarza dwóch przesunięć. Czy tracimy "
                "informację?",
            ),
            Text(
                "No information that the unit uses: only the sum of both biases counts. In the GRU of torch it would "
                "be a loss, because one of them is multiplied by the reset gate.",
                "Żadnej, z której jednostka korzysta: liczy się tylko suma obu. W GRU z biblioteki torch byłaby to "
                "strata, bo jedno z nich jest mnożone przez bramkę resetującą.",
            ),
        ),
    ),
)
