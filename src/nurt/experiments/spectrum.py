"""Eigenvalues of the recurrent weights and vanishing gradients, and the rate of the Jacobians."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.diagnostics.look.passage import Passage

__all__ = ["EXPERIMENT", "SpectrumResult", "SpectrumSettings"]

POWERS = (1, 2, 9, 20, 50, 100)
# Largest difference between two estimates of one rate over some hundred steps, nats per step.
CLOSE = 0.01


@dataclass(frozen=True)
class SpectrumSettings(Settings):
    """Settings of the two networks.

    Args:
        seed: of the weights and the first state of the network with tanh.
        eigenvalue: both diagonal elements of the 2 × 2 matrix.
        corner: its upper right element; 0 makes it normal.
        gain: g, standard deviation of the random weights times the root of their number in a row.
        units: n.
        discarded: steps before the measurement.
        steps: steps that are measured.
    """

    eigenvalue: float = 0.9
    corner: float = 5.0
    gain: float = 1.5
    units: int = 100
    discarded: int = 100
    steps: int = 300


@dataclass(frozen=True, kw_only=True)
class SpectrumResult(ExperimentResult):
    """Spectra, powers and products of both networks.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: largest Lyapunov exponent of the network with tanh, nats per step.
        baselines: the same from the spectral radius alone.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        departure: of the 2 × 2 matrix from normality.
        envelope: ‖W^k‖₂ of that matrix for k = 0 … 100, (101,).
        real: real parts of the eigenvalues of the random weights, (n,).
        imaginary: imaginary parts, (n,).
        radius: spectral radius of the random weights.
        log_powers: ln ‖W^k‖₂ of the random weights for k = 1 … 100, (100,).
        log_products: ln ‖J_t ⋯ J_{t-k+1}‖₂ along the trajectory, back from its end, (100,).
    """

    settings: SpectrumSettings
    departure: float
    envelope: np.ndarray
    real: np.ndarray
    imaginary: np.ndarray
    radius: float
    log_powers: np.ndarray
    log_products: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the powers, the products and the eigenvalues."""
        return _powers(self), _products(self), _eigenvalues(self)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the norms of the powers."""
        return (_norms(self),)


def compute(settings: SpectrumSettings, progress: ReportProgress) -> SpectrumResult:
    """Compute the spectrum of a matrix, and the Jacobians of a random network with tanh."""
    from nurt.diagnostics.dynamics.jacobian import jacobian_products, step_jacobians
    from nurt.diagnostics.dynamics.lyapunov import lyapunov_exponents
    from nurt.diagnostics.dynamics.spectrum import weight_spectrum

    progress(0.0, Text("powers of a matrix", "potęgi macierzy"))
    small = weight_spectrum(np.array([[settings.eigenvalue, settings.corner], [0.0, settings.eigenvalue]]))
    progress(0.1, Text("a network with tanh", "sieć z tanh"))
    weight, run = _network(settings)
    large = weight_spectrum(weight)
    jacobians = step_jacobians(run)
    exponent = lyapunov_exponents(jacobians, count=1, discard=settings.discarded).largest
    progress(0.8, Text("products of Jacobians", "iloczyny jakobianów"))
    products = jacobian_products(jacobians, lags=range(1, 101))
    return SpectrumResult(
        settings=settings,
        verdict=_verdict(large.radius, exponent),
        score=Measure(Text("largest Lyapunov exponent, per step", "największy wykładnik Lapunowa, na krok"), exponent),
        baselines=(
            Measure(Text("ln ρ, the spectral radius alone", "ln ρ, sam promień spektralny"), math.log(large.radius)),
        ),
        departure=small.departure,
        envelope=small.envelope,
        real=large.eigenvalues.real,
        imaginary=large.eigenvalues.imag,
        radius=large.radius,
        log_powers=large.log_envelope[1:],
        log_products=products.log_largest[0].numpy(),
    )


def _network(settings: SpectrumSettings) -> tuple[np.ndarray, Passage]:
    """Return random weights and a run of tanh units with them, without inputs."""
    import torch

    from nurt.diagnostics.look.passage import passage
    from nurt.nn import ElmanCell

    stream = np.random.default_rng(settings.seed)
    size = settings.units
    weight = settings.gain * stream.standard_normal((size, size)) / math.sqrt(size)
    start = 0.1 * stream.standard_normal((1, size))
    cell = ElmanCell(1, size, bias=False, dtype=torch.float64)
    cell.load_state_dict({"weight_ih": torch.zeros(size, 1), "weight_hh": torch.from_numpy(weight)})
    steps = settings.discarded + settings.steps
    return weight, passage(cell, torch.zeros(1, steps, 1, dtype=torch.float64), (torch.from_numpy(start),))


def _verdict(radius: float, exponent: float) -> Verdict[Text]:
    predicted = math.log(radius)
    values = {"radius": radius, "predicted": predicted, "exponent": exponent}
    if abs(exponent - predicted) <= CLOSE:
        text = Text(
            "The spectral radius {radius} predicts {predicted} per step, and the exponent of the network is "
            "{exponent}: near the origin tanh is linear, and the radius gives the rate.",
            "Promień spektralny {radius} przewiduje {predicted} na krok, a wykładnik sieci wynosi {exponent}: blisko "
            "zera tanh jest liniowy i promień wyznacza tempo.",
        )
        return Verdict(Standing.SHOWN, text.filled(**values))
    text = Text(
        "Eigenvalues do not explain the rate: the spectral radius {radius} predicts {predicted} per step, but the "
        "exponent of the network is {exponent}: the product is of Jacobians, which also contain the slopes of tanh.",
        "Wartości własne nie wyjaśniają tempa: promień spektralny {radius} przewiduje {predicted} na krok, ale "
        "wykładnik sieci wynosi {exponent}: mnożą się jakobiany, które zawierają także nachylenia tanh.",
    )
    return Verdict(Standing.SHOWN, text.filled(**values))


def _norms(result: SpectrumResult) -> ResultTable:
    radius = result.settings.eigenvalue
    return ResultTable(
        caption=Text("Powers of the 2 × 2 matrix", "Potęgi macierzy 2 × 2"),
        columns=(Text("power k", "potęga k"), Text("‖W^k‖₂", "‖W^k‖₂"), Text("ρ^k", "ρ^k")),
        rows=tuple((str(k), float(result.envelope[k]), radius**k) for k in POWERS),
        note=Text(
            "Departure from normality: {departure}. At 0 both columns are the same.",
            "Odchylenie od normalności: {departure}. Przy 0 obie kolumny są takie same.",
        ).filled(departure=result.departure),
        significant=9,
    )


def _powers(result: SpectrumResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        steps = np.arange(len(result.envelope))
        curves = [("‖W<sup>k</sup>‖₂", result.envelope), ("ρ<sup>k</sup>", result.settings.eigenvalue**steps)]
        titles = Text("power k", "potęga k"), Text("norm", "norma")
        figure = drawing.lines(steps, curves, titles[0][language], titles[1][language])
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("A matrix that grows before it decays", "Macierz, która rośnie, zanim zmaleje"),
        Text(
            "Both curves end with the same slope. Where they diverge, eigenvalues explain nothing.",
            "Obie krzywe kończą się tym samym nachyleniem. Tam, gdzie się rozchodzą, wartości własne niczego nie "
            "wyjaśniają.",
        ),
        draw,
        360,
    )


def _products(result: SpectrumResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        steps = np.arange(1, len(result.log_powers) + 1)
        names = Text("powers of W", "potęgi W"), Text("products of Jacobians", "iloczyny jakobianów")
        curves = [
            (names[0][language], result.log_powers / np.log(10)),
            (names[1][language], result.log_products / np.log(10)),
            ("ρ<sup>k</sup>", steps * math.log10(result.radius)),
        ]
        titles = Text("steps k", "kroki k"), Text("log₁₀ of the norm", "log₁₀ normy")
        return drawing.lines(steps, curves, titles[0][language], titles[1][language])

    return Figure(
        Text("A network with tanh", "Sieć z tanh"),
        Text(
            "The gradient follows the products of Jacobians, not the powers of W.",
            "Gradient podąża za iloczynami jakobianów, a nie za potęgami W.",
        ),
        draw,
        360,
    )


def _eigenvalues(result: SpectrumResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        titles = Text("real part", "część rzeczywista"), Text("imaginary part", "część urojona")
        turn = np.linspace(0, 2 * np.pi, 181)
        circle = Text("unit circle", "okrąg jednostkowy")
        figure = drawing.lines(
            np.cos(turn), [(circle[language], np.sin(turn))], titles[0][language], titles[1][language]
        )
        figure.add_scatter(x=result.real, y=result.imaginary, name="λ", mode="markers", marker=plotting.marker(1))
        figure.update_yaxes(scaleanchor="x")
        figure.update_layout(hovermode="closest")
        return figure

    return Figure(
        Text("Eigenvalues of the random weights", "Wartości własne losowych wag"),
        Text("They fill a disc of a radius near the gain g.", "Wypełniają koło o promieniu bliskim wzmocnieniu g."),
        draw,
        420,
    )


EXPERIMENT = Experiment(
    id="spectrum",
    name=Text("Eigenvalues and vanishing gradients", "Wartości własne a zanikające gradienty"),
    description=Text(
        "A common statement: gradients vanish when all eigenvalues of the recurrent weights lie within the unit "
        "circle, since W^t = VΛ^tV⁻¹. It lacks two points. A matrix that is not normal may amplify for many steps "
        "first. And with tanh the product is not of W but of the Jacobians diag(1 − h_t²)W, whose rate is the "
        "Lyapunov exponent.",
        "Częste stwierdzenie: gradienty zanikają, gdy wszystkie wartości własne wag rekurencyjnych leżą wewnątrz "
        "okręgu jednostkowego, bo W^t = VΛ^tV⁻¹. Brakuje w nim dwóch uwag. Macierz, która nie jest normalna, może "
        "najpierw przez wiele kroków wzmacniać. A z tanh mnoży się nie W, lecz jakobiany diag(1 − h_t²)W, których "
        "tempo to wykładnik Lapunowa.",
    ),
    how_to_read=Text(
        "Compare the curves of the first figure, then the two rates above; continue with the preset normal.",
        "Porównaj krzywe na pierwszym rysunku, potem oba tempa powyżej; wybierz wariant normal.",
    ),
    expected_seconds=1,
    presets={
        "default": Preset(
            Text("Not normal; gain 1.5", "Nienormalna; wzmocnienie 1,5"),
            SpectrumSettings(),
        ),
        "normal": Preset(Text("A normal matrix", "Macierz normalna"), SpectrumSettings(corner=0.0)),
        "forgetting": Preset(Text("Gain 0.5", "Wzmocnienie 0,5"), SpectrumSettings(gain=0.5)),
        "edge": Preset(Text("Gain 1", "Wzmocnienie 1"), SpectrumSettings(gain=1.0)),
        "chaos": Preset(Text("Gain 2", "Wzmocnienie 2"), SpectrumSettings(gain=2.0)),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "Can a network with a spectral radius above 1 still forget its first state?",
                "Czy sieć o promieniu spektralnym większym od 1 może mimo to zapomnieć swój pierwszy stan?",
            ),
            Text(
                "Yes. Large states saturate tanh, where its slope is small; the exponent can be 0 or below while ρ > "
                "1.",
                "Tak. Duże stany nasycają tanh, a tam jego nachylenie jest małe; wykładnik może wynosić 0 lub mniej, "
                "choć ρ > 1.",
            ),
        ),
        Exercise(
            Text(
                "Which property of W guarantees that gradients vanish under tanh for all states?",
                "Która własność W gwarantuje, że gradienty zanikną przy tanh, niezależnie od stanów?",
            ),
            Text(
                "Its largest singular value: if it is below 1, so is that of every Jacobian, and the product decays.",
                "Największa wartość osobliwa: jeśli jest mniejsza od 1, to dotyczy to też każdego jakobianu i iloczyn "
                "maleje.",
            ),
        ),
    ),
)
