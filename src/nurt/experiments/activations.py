"""Sigmoid, tanh and ReLU: values, slopes, saturation, and the product of slopes over many steps."""

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
from nurt.wording import Language, Text, joined, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "FUNCTIONS", "Activation", "ActivationsResult", "ActivationsSettings", "Products"]

# Share of its largest slope below which a unit counts as saturated.
SATURATED = 0.1
ROUNDING = 1e-13
SHOWN = np.linspace(-6.0, 6.0, 241)


@dataclass(frozen=True)
class Activation:
    """One activation function.

    Args:
        id: as ``nonlinearity`` of :class:`nurt.nn.ElmanCell`.
        name: in words.
        range: of its values.
        steepest: its largest slope.
    """

    id: str
    name: Text
    range: Text
    steepest: float

    def value(self, z: np.ndarray) -> np.ndarray:
        """Return f(z): 1/(1 + e^-z), tanh z or max(0, z)."""
        if self.id == "sigmoid":
            return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))
        return np.asarray(np.tanh(z) if self.id == "tanh" else np.maximum(z, 0.0))

    def slope(self, z: np.ndarray) -> np.ndarray:
        """Return f′(z): f(1 - f), 1 - f², or 1 above 0 and 0 elsewhere."""
        value = self.value(z)
        if self.id == "sigmoid":
            return np.asarray(value * (1.0 - value))
        return 1.0 - value**2 if self.id == "tanh" else (z > 0.0).astype(np.float64)

    @property
    def knee(self) -> float:
        """|z| at which the slope is a tenth of the largest: arcosh √10, twice that for the sigmoid; NaN for ReLU."""
        width = math.acosh(math.sqrt(1.0 / SATURATED))
        return {"sigmoid": 2.0 * width, "tanh": width}.get(self.id, math.nan)


FUNCTIONS = (
    Activation("sigmoid", Text("sigmoid", "sigmoidalna"), Text("0 to 1", "od 0 do 1"), 0.25),
    Activation("tanh", Text("tanh", "tanh"), Text("−1 to 1", "od −1 do 1"), 1.0),
    Activation("relu", Text("ReLU", "ReLU"), Text("0 upwards", "od 0 w górę"), 1.0),
)


@dataclass(frozen=True)
class ActivationsSettings(Settings):
    """Settings of the products; the units read random inputs.

    Args:
        seed: of the inputs.
        weight: w of the recurrence h_t = f(w·h_(t-1) + x_t).
        spread: standard deviation of x_t.
        steps: T.
        draws: independent sequences.
    """

    weight: float = 1.0
    spread: float = 1.0
    steps: int = 20
    draws: int = 500


@dataclass(frozen=True)
class Products:
    """The factors ∂h_T/∂h_(T-k) = ∏ w·f′ of one activation, over the draws.

    Args:
        id: of the activation.
        medians: median size by distance k, k = 0 … T, (T + 1,).
        zeros: share of the draws whose factor at distance T is exactly 0.
        saturated: share of all steps whose slope is below a tenth of the largest.
        off: largest relative difference between the product and back-propagation, divided by Σ 1/f′, which is how much
            the rounding of 1 - h² in saturated steps is magnified.
    """

    id: str
    medians: np.ndarray
    zeros: float
    saturated: float
    off: float

    @property
    def median(self) -> float:
        """Median size at distance T."""
        return float(self.medians[-1])


@dataclass(frozen=True, kw_only=True)
class ActivationsResult(ExperimentResult):
    """Products of slopes of all three functions.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: median factor over T steps with the sigmoid.
        baselines: its bound (|w|/4)^T, and the medians of the others.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        products: of the three functions.
    """

    settings: ActivationsSettings
    products: tuple[Products, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return slopes, products and values."""
        return _slopes(), _factors(self), _values()

    def tables(self) -> tuple[ResultTable, ...]:
        """Return ranges, slopes, saturation and products."""
        return (_table(self),)


def compute(settings: ActivationsSettings, progress: ReportProgress) -> ActivationsResult:
    """Take one unit of each kind through time and multiply its slopes."""
    stream = np.random.default_rng(settings.seed)
    inputs = settings.spread * stream.standard_normal((settings.draws, settings.steps))
    found = []
    for done, one in enumerate(FUNCTIONS):
        progress(done / len(FUNCTIONS), one.name)
        found.append(_products(one, settings.weight, inputs))
    sigmoid, tanh, relu = found
    size = abs(settings.weight)
    return ActivationsResult(
        settings=settings,
        verdict=_verdict(settings, tuple(found)),
        score=Measure(
            Text("median factor of {n} steps, sigmoid", "mediana czynnika {n} kroków, sigmoidalna").filled(
                n=settings.steps
            ),
            sigmoid.median,
        ),
        baselines=(
            Measure(Text("its bound, (|w|/4)^T", "jego ograniczenie, (|w|/4)^T"), (size / 4.0) ** settings.steps),
            Measure(Text("tanh", "tanh"), tanh.median),
            Measure(Text("ReLU", "ReLU"), relu.median),
        ),
        products=tuple(found),
    )


def _products(one: Activation, weight: float, inputs: np.ndarray) -> Products:
    """Return the products of w·f′ along the units' own states, from h_0 = 0; ``inputs`` is (draws, T)."""
    state, factors = np.zeros(len(inputs)), np.ones((inputs.shape[1], len(inputs)))
    for step, x in enumerate(inputs.T):
        sums = weight * state + x
        factors[step] = weight * one.slope(sums)
        state = one.value(sums)
    back = np.concatenate([np.ones((1, len(inputs))), np.cumprod(factors[::-1], axis=0)])
    exact = _by_layer(one, weight, inputs)
    slopes = np.abs(factors / weight)
    return Products(
        one.id,
        np.median(np.abs(back), axis=1),
        float(np.mean(back[-1] == 0.0)),
        float(np.mean(slopes < SATURATED * one.steepest)),
        _apart(back[-1], exact, slopes / one.steepest),
    )


def _apart(product: np.ndarray, exact: np.ndarray, slopes: np.ndarray) -> float:
    """Return the largest relative difference of products that are not 0, in units of Σ 1/slope.

    Args:
        product: of slopes, (draws,).
        exact: by back-propagation, (draws,).
        slopes: relative to the largest, (T, draws).
    """
    there = (product != 0.0) & (exact != 0.0)
    if np.any((product == 0.0) != (exact == 0.0)):
        # One of them rounds a saturated slope to 0 and the other does not.
        there &= slopes.min(axis=0) > np.finfo(np.float64).eps
    if not there.any():
        return 0.0
    magnified = (1.0 / slopes[:, there]).sum(axis=0)
    return float(np.max(np.abs(product[there] / exact[there] - 1.0) / magnified))


def _by_layer(one: Activation, weight: float, inputs: np.ndarray) -> np.ndarray:
    """Return ∂h_T/∂h_0 by back-propagation through :class:`nurt.nn.ElmanCell`, (draws,)."""
    import torch

    from nurt.nn import ElmanCell, ElmanState, unroll

    cell = ElmanCell(1, 1, bias=False, nonlinearity=one.id, dtype=torch.float64)
    cell.load_state_dict({"weight_ih": torch.ones(1, 1), "weight_hh": torch.full((1, 1), weight)})
    start = torch.zeros(len(inputs), 1, dtype=torch.float64, requires_grad=True)
    _, last = unroll(cell, torch.from_numpy(inputs)[..., None], ElmanState(start))
    (found,) = torch.autograd.grad(last.hidden.sum(), start)
    return np.asarray(found[:, 0].numpy())


def _verdict(settings: ActivationsSettings, found: tuple[Products, ...]) -> Verdict[Text]:
    sigmoid, tanh, relu = found
    size = abs(settings.weight)
    parts = [
        Text(
            "Through {n} steps the median factor of the gradient is {a} with the sigmoid, {b} with tanh and {c} with "
            "ReLU.",
            "Przez {n} kroków mediana czynnika gradientu wynosi {a} z funkcją sigmoidalną, {b} z tanh i {c} z ReLU.",
        ).filled(n=settings.steps, a=to_digits(sigmoid.median), b=to_digits(tanh.median), c=to_digits(relu.median)),
        _bound(size, settings.steps),
        _rectified(relu, size**settings.steps),
    ]
    off = max(one.off for one in found)
    if off > ROUNDING:
        parts.append(
            Text(
                "Back-propagation gives another factor: the relative difference is {off}.",
                "Propagacja wsteczna daje inny czynnik: różnica względna wynosi {off}.",
            ).filled(off=to_digits(off))
        )
    return Verdict(Standing.SHOWN if off <= ROUNDING else Standing.MISSED, joined(*parts))


def _bound(size: float, steps: int) -> Text:
    """Return what the largest slope of the sigmoid, 1/4, allows at this weight."""
    values = {"bound": to_digits((size / 4.0) ** steps), "size": size}
    if size < 4.0:
        return Text(
            "The slope of the sigmoid is at most 1/4, so with |w| = {size} its factor cannot exceed {bound}, whatever "
            "the inputs.",
            "Nachylenie funkcji sigmoidalnej wynosi najwyżej 1/4, więc przy |w| = {size} jej czynnik nie przekroczy "
            "{bound}, niezależnie od wejść.",
        ).filled(**values)
    return Text(
        "With |w| = {size} the weight makes up for the slope of 1/4: the bound is {bound}, and only saturation keeps "
        "the factor below it.",
        "Przy |w| = {size} waga wyrównuje nachylenie 1/4: ograniczeniem jest {bound}, a czynnik zmniejsza już tylko "
        "nasycenie.",
    ).filled(**values)


def _rectified(relu: Products, whole: float) -> Text:
    """Return how often the path through the rectifier is closed."""
    zeros = round(100.0 * relu.zeros, 1)
    if relu.zeros == 0.0:
        return Text(
            "ReLU passes {whole} in every draw: no step was closed.",
            "ReLU przekazuje {whole} w każdym losowaniu: żaden krok nie był zamknięty.",
        ).filled(whole=to_digits(whole))
    return Text(
        "ReLU passes either {whole} or nothing: in {zeros} % of the draws one step with slope 0 closed the path.",
        "ReLU przekazuje albo {whole}, albo nic: w {zeros} % losowań jeden krok o nachyleniu 0 zamknął drogę.",
    ).filled(whole=to_digits(whole), zeros=zeros)


def _table(result: ActivationsResult) -> ResultTable:
    rows = []
    for one, product in zip(FUNCTIONS, result.products, strict=True):
        shares = (100.0 * product.saturated, product.median, 100.0 * product.zeros)
        rows.append((one.name, one.range, one.steepest, one.knee, *shares))
    return ResultTable(
        caption=Text("Three activation functions", "Trzy funkcje aktywacji"),
        columns=(
            Text("function", "funkcja"),
            Text("range", "zakres"),
            Text("largest slope", "największe nachylenie"),
            Text("saturated beyond |z|", "nasycona powyżej |z|"),
            Text("steps saturated, %", "nasycone kroki, %"),
            Text("median factor", "mediana czynnika"),
            Text("factor 0, %", "czynnik 0, %"),
        ),
        rows=tuple(rows),
        note=Text(
            "Saturated: the slope is below a tenth of the largest. For ReLU these are the steps with z ≤ 0, where the "
            "slope is 0; above it never saturates. The factor is ∂h_T/∂h_0 over {n} steps.",
            "Nasycona: nachylenie jest mniejsze niż jedna dziesiąta największego. W ReLU to kroki, w których z ≤ 0 i "
            "nachylenie wynosi 0; powyżej nigdy się nie nasyca. Czynnik to ∂h_T/∂h_0 przez {n} kroków.",
        ).filled(n=result.settings.steps),
        significant=4,
    )


def _slopes() -> Figure:
    def draw(language: Language) -> go.Figure:
        curves = [(one.name[language], one.slope(SHOWN)) for one in FUNCTIONS]
        figure = drawing.lines(SHOWN, curves, "z", Text("slope f′(z)", "nachylenie f′(z)")[language])
        figure.add_hline(y=0.25, line={"color": plotting.REFERENCE, "dash": "dot"})
        return figure

    return Figure(
        Text("Slopes", "Nachylenia"),
        Text(
            "Back-propagation multiplies by this slope at every step. The sigmoid never reaches more than the dotted "
            "1/4, tanh reaches 1 at a single point, ReLU has 1 on half of the axis and 0 on the other.",
            "Propagacja wsteczna mnoży w każdym kroku przez to nachylenie. Funkcja sigmoidalna nie przekracza "
            "kropkowanej 1/4, tanh osiąga 1 w jednym punkcie, ReLU ma 1 na połowie osi i 0 na drugiej.",
        ),
        draw,
        340,
    )


def _factors(result: ActivationsResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        curves = [
            (one.name[language], np.where(product.medians > 0.0, product.medians, np.nan))
            for one, product in zip(FUNCTIONS, result.products, strict=True)
        ]
        distance = Text("steps back k", "kroki wstecz k")
        size = Text("median |∂h<sub>T</sub>/∂h<sub>T−k</sub>|", "mediana |∂h<sub>T</sub>/∂h<sub>T−k</sub>|")
        steps = np.arange(result.settings.steps + 1)
        figure = drawing.lines(steps, curves, distance[language], size[language])
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("Product of slopes over steps", "Iloczyn nachyleń przez kroki"),
        Text(
            "Median over {n} random input sequences, with the weight {w} in every step. Where a curve ends, more than "
            "half of the draws have become exactly 0.",
            "Mediana po losowych ciągach wejść (liczba: {n}), w każdym kroku z wagą {w}. Tam, gdzie krzywa się kończy, "
            "więcej niż połowa losowań jest dokładnie równa 0.",
        ).filled(n=result.settings.draws, w=result.settings.weight),
        draw,
        360,
    )


def _values() -> Figure:
    def draw(language: Language) -> go.Figure:
        curves = [(one.name[language], one.value(SHOWN)) for one in FUNCTIONS]
        figure = drawing.lines(SHOWN, curves, "z", "f(z)")
        figure.update_yaxes(range=[-1.2, 3.0])
        return figure

    return Figure(
        Text("Values", "Wartości"),
        Text(
            "Sigmoid and tanh are flat on both sides: there the unit is saturated. They are one function in two "
            "scales: tanh z = 2σ(2z) − 1.",
            "Funkcja sigmoidalna i tanh są po obu stronach płaskie: tam jednostka jest nasycona. To jedna funkcja w "
            "dwóch skalach: tanh z = 2σ(2z) − 1.",
        ),
        draw,
        340,
    )


EXPERIMENT = Experiment(
    id="activations",
    name=Text("Activation functions", "Funkcje aktywacji"),
    description=Text(
        "Sigmoid, tanh and ReLU: their values, their slopes, and where they saturate. One recurrent unit with each, "
        "h_t = f(w·h_(t−1) + x_t), reads random inputs; back through T steps its gradient is the product of the "
        "factors w·f′. The products are compared with back-propagation through the layer.",
        "Sigmoidalna, tanh i ReLU: ich wartości, nachylenia i obszary nasycenia. Po jednej jednostce rekurencyjnej z "
        "każdą, h_t = f(w·h_(t−1) + x_t), czyta losowe wejścia; gradient cofnięty o T kroków jest iloczynem czynników "
        "w·f′. Iloczyny porównano z propagacją wsteczną przez warstwę.",
    ),
    how_to_read=Text(
        "Look at the largest slope first: it bounds every product. Then run the presets with other weights and inputs.",
        "Najpierw spójrz na największe nachylenie: ogranicza ono każdy iloczyn. Potem uruchom warianty o innych wagach "
        "i wejściach.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("w = 1, inputs of spread 1", "w = 1, wejścia o rozrzucie 1"), ActivationsSettings()),
        "heavy": Preset(
            Text("w = 4: the slope of 1/4 made up for", "w = 4: wyrównane nachylenie 1/4"),
            ActivationsSettings(weight=4.0),
        ),
        "saturated": Preset(Text("Inputs of spread 5", "Wejścia o rozrzucie 5"), ActivationsSettings(spread=5.0)),
        "quiet": Preset(Text("Inputs of spread 0.1", "Wejścia o rozrzucie 0,1"), ActivationsSettings(spread=0.1)),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "“Gradients vanish because the derivatives of tanh are below 1.” What is missing in this sentence?",
                "„Gradienty zanikają, bo pochodne tanh są mniejsze od 1.” Czego brakuje w tym zdaniu?",
            ),
            Text(
                "The weights. Every step multiplies by w·f′, or by diag(f′)W: large weights may outweigh small slopes, "
                "but they also drive the units into saturation, where the slopes are smaller still.",
                "Wag. Każdy krok mnoży przez w·f′ albo diag(f′)W: duże wagi mogą przeważyć małe nachylenia, ale też "
                "wpychają jednostki w nasycenie, gdzie nachylenia są jeszcze mniejsze.",
            ),
        ),
        Exercise(
            Text(
                "Why does the rectifier need a start at the identity to carry a gradient far?",
                "Dlaczego ReLU potrzebuje startu od macierzy jednostkowej, aby przenieść gradient daleko?",
            ),
            Text(
                "Its slope is 1 or 0, so the factor is that of the weights on the open steps. With other weights it "
                "explodes or vanishes like a linear recurrence, and one closed step ends the path of its unit.",
                "Jego nachylenie to 1 albo 0, więc w otwartych krokach czynnik jest taki jak samych wag. Przy innych "
                "wagach eksploduje lub zanika jak rekurencja liniowa, a jeden zamknięty krok kończy drogę jednostki.",
            ),
        ),
    ),
)
