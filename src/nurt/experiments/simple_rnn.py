"""The simple recurrent network of the lectures, and the equivalent layers of torch and nurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from nurt.experiments import drawing
from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.diagram import Arrow, Diagram, Node, draw_diagrams, unrolled
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "SimpleRNNResult", "SimpleRNNSettings", "by_hand"]

Output: TypeAlias = Literal["identity", "sigmoid"]

SAME = {"double": 1e-12, "single": 1e-6}


@dataclass(frozen=True)
class SimpleRNNSettings(Settings):
    """Settings of the comparison.

    Args:
        seed: of weights and inputs.
        batch: B.
        steps: T.
        inputs: I.
        hidden: H.
        outputs: size of the output, O.
        biases: whether b_h and b_y exist; the code of the lectures leaves them out.
        output: g_2 of the output equation, "identity" or "sigmoid".
    """

    batch: int = 5
    steps: int = 12
    inputs: int = 3
    hidden: int = 7
    outputs: int = 2
    biases: bool = True
    output: Output = "identity"


@dataclass(frozen=True, kw_only=True)
class SimpleRNNResult(ExperimentResult):
    """Differences between equations and layers.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: largest relative difference in double precision.
        baselines: the rounding of double precision.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        differences: largest difference in units of the largest value, by quantity, in double and single precision.
        written: first output of the first sequence by the equations, (T,).
        layer: the same of the layer, (T,).
    """

    settings: SimpleRNNSettings
    differences: dict[str, tuple[float, float]]
    written: np.ndarray
    layer: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the network drawn out over time, and one output of both."""
        return _unrolled(self), _outputs(self)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return differences and shapes."""
        return _differences(self), _shapes(self)


def by_hand(
    weights: dict[str, np.ndarray], inputs: np.ndarray, output: Output = "identity"
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return outputs (B, T, O) and the gradients of half the sum of their squares, written out in NumPy.

    h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), y_t = g_2(W_hy h_t + b_y), from h_0 = 0. Backwards, with a_t the argument
    of tanh, o_t that of g_2 and e_t = y_t ⊙ g_2′(o_t): ∂ℓ/∂h_t = W_hyᵀ e_t + W_hhᵀ ∂ℓ/∂a_{t+1},
    ∂ℓ/∂a_t = ∂ℓ/∂h_t ⊙ (1 - h_t²). A bias adds up its sums: ∂ℓ/∂b_h = Σ_t ∂ℓ/∂a_t, ∂ℓ/∂b_y = Σ_t e_t.

    Args:
        weights: ``W_xh`` (H, I), ``W_hh`` (H, H), ``W_hy`` (O, H), and with biases ``b_h`` (H,) and ``b_y`` (O,).
        inputs: (B, T, I).
        output: g_2; the sigmoid has g_2′ = y(1 - y).
    """
    batch, steps, _ = inputs.shape
    hidden_bias, output_bias = (weights.get(name, 0.0) for name in ("b_h", "b_y"))
    states = np.zeros((batch, steps + 1, len(weights["W_hh"])), dtype=inputs.dtype)
    for step in range(steps):
        sums = inputs[:, step] @ weights["W_xh"].T + states[:, step] @ weights["W_hh"].T + hidden_bias
        states[:, step + 1] = np.tanh(sums)
    outputs = states[:, 1:] @ weights["W_hy"].T + output_bias
    errors = outputs
    if output == "sigmoid":
        outputs = 1.0 / (1.0 + np.exp(-outputs))
        errors = outputs * outputs * (1.0 - outputs)
    gradients = {name: np.zeros_like(value) for name, value in weights.items()}
    gradients["W_hy"] = np.einsum("bto,bth->oh", errors, states[:, 1:])
    if "b_y" in weights:
        gradients["b_y"] = errors.sum(axis=(0, 1))
    later = np.zeros_like(states[:, 0])
    for step in range(steps - 1, -1, -1):
        at_sum = (errors[:, step] @ weights["W_hy"] + later) * (1.0 - states[:, step + 1] ** 2)
        gradients["W_xh"] += at_sum.T @ inputs[:, step]
        gradients["W_hh"] += at_sum.T @ states[:, step]
        if "b_h" in weights:
            gradients["b_h"] += at_sum.sum(axis=0)
        later = at_sum @ weights["W_hh"]
    return outputs, gradients


def _by_layer(
    weights: dict[str, np.ndarray], inputs: np.ndarray, output: Output
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the same from ``nurt.nn.RNN`` and ``torch.nn.Linear``; the layer's second bias is 0."""
    import torch

    from nurt.nn import RNN

    given = {name: torch.from_numpy(value) for name, value in weights.items()}
    hidden, size = weights["W_xh"].shape
    biases, dtype = "b_h" in weights, given["W_xh"].dtype
    layer = RNN(size, hidden, bias=biases, batch_first=True, dtype=dtype)
    own = {"weight_ih_l0": given["W_xh"], "weight_hh_l0": given["W_hh"]}
    if biases:
        own |= {"bias_ih_l0": given["b_h"], "bias_hh_l0": torch.zeros_like(given["b_h"])}
    layer.load_state_dict(own)
    reading = torch.nn.Linear(hidden, len(weights["W_hy"]), bias=biases, dtype=dtype)
    reading.load_state_dict({"weight": given["W_hy"], **({"bias": given["b_y"]} if biases else {})})
    outputs = reading(layer(torch.from_numpy(inputs))[0])
    outputs = torch.sigmoid(outputs) if output == "sigmoid" else outputs
    held = dict(layer.named_parameters())
    parameters = {"W_xh": held["weight_ih_l0"], "W_hh": held["weight_hh_l0"], "W_hy": reading.weight}
    if biases:
        parameters |= {"b_h": held["bias_ih_l0"], "b_y": reading.bias}
    gradients = torch.autograd.grad(0.5 * (outputs**2).sum(), list(parameters.values()))
    return outputs.detach().numpy(), {n: g.numpy() for n, g in zip(parameters, gradients, strict=True)}


def compute(settings: SimpleRNNSettings, progress: ReportProgress) -> SimpleRNNResult:
    """Compare outputs and gradients in both precisions."""
    progress(0.0, Text("comparing", "porównywanie"))
    stream = np.random.RandomState(settings.seed)
    hidden = settings.hidden
    shapes = {"W_xh": (hidden, settings.inputs), "W_hh": (hidden, hidden), "W_hy": (settings.outputs, hidden)}
    weights = {name: stream.standard_normal(shape) / np.sqrt(shape[1]) for name, shape in shapes.items()}
    inputs = stream.standard_normal((settings.batch, settings.steps, settings.inputs))
    if settings.biases:
        sizes = {"b_h": hidden, "b_y": settings.outputs}
        weights |= {name: 0.3 * stream.standard_normal(size) for name, size in sizes.items()}
    double = _compare(weights, inputs, settings.output)
    single = _compare({n: w.astype(np.float32) for n, w in weights.items()}, inputs.astype(np.float32), settings.output)
    worst = max(double.values())
    reached = worst <= SAME["double"] and max(single.values()) <= SAME["single"]
    return SimpleRNNResult(
        settings=settings,
        verdict=Verdict(
            Standing.REACHED if reached else Standing.MISSED,
            Text(
                "Outputs and all gradients of the equations and of the layers agree to {worst}.",
                "Wyjścia i wszystkie gradienty równań i warstw zgadzają się z dokładnością do {worst}.",
            ).filled(worst=float(worst)),
        ),
        score=Measure(Text("largest relative difference", "największa różnica względna"), float(worst)),
        baselines=(
            Measure(
                Text("rounding of one operation", "zaokrąglenie jednego działania"), float(np.finfo(np.float64).eps)
            ),
        ),
        differences={name: (float(double[name]), float(single[name])) for name in double},
        written=by_hand(weights, inputs, settings.output)[0][0, :, 0],
        layer=_by_layer(weights, inputs, settings.output)[0][0, :, 0],
    )


def _compare(weights: dict[str, np.ndarray], inputs: np.ndarray, output: Output) -> dict[str, float]:
    own, own_gradients = by_hand(weights, inputs, output)
    other, other_gradients = _by_layer(weights, inputs, output)
    pairs = {"y": (own, other), **{name: (own_gradients[name], other_gradients[name]) for name in weights}}
    return {name: float(np.abs(a - b).max() / np.abs(a).max()) for name, (a, b) in pairs.items()}


def _differences(result: SimpleRNNResult) -> ResultTable:
    names = {"y": Text("outputs", "wyjścia")} | {
        name: Text(f"∂ℓ/∂{name}", f"∂ℓ/∂{name}") for name in ("W_xh", "W_hh", "W_hy", "b_h", "b_y")
    }
    return ResultTable(
        caption=Text("Equations and layers, relative difference", "Równania a warstwy, różnica względna"),
        columns=(
            Text("quantity", "wielkość"),
            Text("double precision", "podwójna precyzja"),
            Text("single precision", "pojedyncza precyzja"),
        ),
        rows=tuple((names[name], *both) for name, both in result.differences.items()),
        note=Text(
            "Largest difference divided by the largest value; the loss is half the sum of the squared outputs.",
            "Największa różnica podzielona przez największą wartość; strata to połowa sumy kwadratów wyjść.",
        ),
        significant=2,
    )


def _shapes(result: SimpleRNNResult) -> ResultTable:
    size = result.settings
    rows = [
        ("W_xh, W_ax", "weight_ih_l0", f"({size.hidden}, {size.inputs})"),
        ("W_hh, W_aa", "weight_hh_l0", f"({size.hidden}, {size.hidden})"),
        ("W_hy, W_ya", "Linear.weight", f"({size.outputs}, {size.hidden})"),
    ]
    if size.biases:
        rows += [
            ("b_h, b_a", "bias_ih_l0 + bias_hh_l0", f"({size.hidden},)"),
            ("b_y", "Linear.bias", f"({size.outputs},)"),
        ]
    rows.append(("h_T, a_T", "h_n", f"(1, {size.batch}, {size.hidden})"))
    return ResultTable(
        caption=Text("Names and shapes", "Nazwy i kształty"),
        columns=(Text("lectures", "wykłady"), Text("layer", "warstwa"), Text("shape", "kształt")),
        rows=tuple(rows),
        note=Text(
            "Lectures write h or a for the state. The state of the layer has an axis for layers and directions in "
            "front, also with batch_first=True.",
            "Wykłady oznaczają stan literą h albo a. Stan warstwy ma na początku oś warstw i kierunków, także przy "
            "batch_first=True.",
        ),
    )


def _unrolled(result: SimpleRNNResult) -> Figure:
    """Return the network as a loop and drawn out over time."""
    biases = result.settings.biases

    def draw(language: Language) -> go.Figure:
        loop = Diagram(
            Text("with its loop", "z pętlą")[language],
            (
                Node("x", "x<sub>t</sub>", "x", 0.0, 0.0),
                Node("h", "h<sub>t</sub>", "h", 0.0, 1.0),
                Node("y", "y<sub>t</sub>", "y", 0.0, 2.0),
            ),
            (
                Arrow("x", "h", "W<sub>xh</sub>"),
                Arrow("h", "h", "W<sub>hh</sub>"),
                Arrow("h", "y", "W<sub>hy</sub>"),
            ),
        )
        title = Text("drawn out over time", "rozwinięta w czasie")[language]
        labels = ("W<sub>xh</sub>", "W<sub>hh</sub>", "W<sub>hy</sub>")
        return draw_diagrams([loop, unrolled(title, range(4), 4, range(4), labels=labels)], 1)

    words = Text(
        "h_t = tanh(W_xh x_t + W_hh h_(t−1){b_h}), y_t = g_2(W_hy h_t{b_y}). Drawn out over time the network is as "
        "deep as the sequence is long, with the same weights in every step.",
        "h_t = tanh(W_xh x_t + W_hh h_(t−1){b_h}), y_t = g_2(W_hy h_t{b_y}). Rozwinięta w czasie sieć jest tak "
        "głęboka, jak długi jest ciąg, a w każdym kroku ma te same wagi.",
    )
    filled = words.filled(b_h=" + b_h" if biases else "", b_y=" + b_y" if biases else "")
    return Figure(Text("The network drawn out over time", "Sieć rozwinięta w czasie"), filled, draw, 400)


def _outputs(result: SimpleRNNResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        names = Text("equations", "równania"), Text("layers", "warstwy")
        curves = [(names[0][language], result.written), (names[1][language], result.layer)]
        steps = np.arange(1, len(result.written) + 1)
        return drawing.lines(steps, curves, drawing.STEP[language], Text("output", "wyjście")[language])

    return Figure(
        Text("One output of both", "Jedno wyjście obu"),
        Text(
            "The dashed line coincides with the solid one: the layers are the equations.",
            "Linia przerywana pokrywa się z ciągłą: warstwy to te same równania.",
        ),
        draw,
        320,
    )


EXPERIMENT = Experiment(
    id="simple-rnn",
    name=Text("The simple recurrent network", "Prosta sieć rekurencyjna"),
    description=Text(
        "h_t = tanh(W_xh x_t + W_hh h_(t−1) + b_h) and y_t = g_2(W_hy h_t + b_y), with an output at every step: the "
        "network of the lectures, whose code leaves out the biases (preset lectures). It is exactly a layer RNN "
        "followed by a layer Linear. Here the equations and their gradients are written in NumPy and compared with "
        "both layers.",
        "h_t = tanh(W_xh x_t + W_hh h_(t−1) + b_h) oraz y_t = g_2(W_hy h_t + b_y), z wyjściem w każdym kroku: sieć z "
        "wykładów, których kod pomija przesunięcia (bias; wariant lectures). To dokładnie warstwa RNN, a po niej "
        "warstwa Linear. Tutaj równania i ich gradienty są zapisane w NumPy i porównane z obiema warstwami.",
    ),
    how_to_read=Text(
        "Every difference in the table should be rounding. The second table lists the corresponding weights.",
        "Każda różnica w tabeli powinna być zaokrągleniem. Druga tabela podaje odpowiadające sobie wagi.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("12 steps, 7 units", "12 kroków, 7 jednostek"), SimpleRNNSettings()),
        "lectures": Preset(
            Text("Without biases, as in the lectures' code", "Bez przesunięć, jak w kodzie z wykładów"),
            SimpleRNNSettings(biases=False),
        ),
        "sigmoid-output": Preset(
            Text("Output through a sigmoid", "Wyjście przez funkcję sigmoidalną"), SimpleRNNSettings(output="sigmoid")
        ),
        "long": Preset(Text("500 steps", "500 kroków"), SimpleRNNSettings(steps=500)),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "The layer RNN has two biases by default, the equation has one. Which of them is the right one?",
                "Warstwa RNN ma domyślnie dwa przesunięcia (bias), a równanie jedno. Które z nich jest właściwe?",
            ),
            Text(
                "Only their sum counts, so one is redundant; both have the same gradient. bias=False removes them.",
                "Liczy się tylko ich suma, więc jedno jest zbędne; oba mają ten sam gradient. bias=False je usuwa.",
            ),
        ),
    ),
)
