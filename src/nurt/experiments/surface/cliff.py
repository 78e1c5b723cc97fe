"""The cliff of an exploding gradient, and the ridge on which the gradient has a closed form."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.experiments.surface import pictures, ridge
from nurt.standing import Standing, Verdict
from nurt.wording import Text, joined, to_digits

__all__ = ["EXPERIMENT", "CliffResult", "CliffSettings", "Refinement"]

WEIGHTS, BIASES = (3.0, 7.0), (-5.0, -1.0)
HALVINGS = 30
ON_RIDGE = 1e-12


@dataclass(frozen=True)
class CliffSettings(Settings):
    """Settings of the cliff.

    Args:
        seed: not used; nothing here is random.
        weight: w of the point that is examined.
        bias: its b; None computes the bias of the ridge, which is too sensitive to be typed.
        grid: points along each axis of the maps.
        learning_rate: of the one step of gradient descent.
        clip_norm: longest gradient of the clipped step.
    """

    weight: float = 5.0
    bias: float | None = None
    grid: int = 201
    learning_rate: float = 0.01
    clip_norm: float = 1.0


@dataclass(frozen=True)
class Refinement:
    """The largest gradient that a search finds.

    Args:
        cell: distance between neighbours in b.
        largest: largest ‖∇ℓ‖ among the points.
        weight: where.
        bias: where.
    """

    cell: float
    largest: float
    weight: float
    bias: float


@dataclass(frozen=True, kw_only=True)
class CliffResult(ExperimentResult):
    """Maps, searches and the point of the cliff.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: largest gradient norm on the grid.
        baselines: at the right edge, the norm on the ridge in closed form and the largest beside it.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        bias: b of the point that is examined.
        slope: value and gradient there.
        closed_form: gradient on the ridge at that weight, (2,).
        trajectory: h_t there, (51,).
        weights: of the main map, (grid,).
        biases: of the main map, (grid,).
        map: value and gradient on the main map, (grid, grid).
        searches: the grid, and cells halved where h_50 jumps.
    """

    settings: CliffSettings
    bias: float
    slope: ridge.Slope
    closed_form: np.ndarray
    trajectory: np.ndarray
    weights: np.ndarray = field(metadata={"json": False})
    biases: np.ndarray = field(metadata={"json": False})
    map: ridge.Slope = field(metadata={"json": False})
    searches: tuple[Refinement, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return the loss, the norm along the ridge, the states, the norm on the map and the surface."""
        point = (self.settings.weight, self.bias)
        plane = pictures.PlaneMap(self.weights, self.biases, self.map, point)
        return (
            pictures.loss_figure(plane),
            pictures.along_figure(plane),
            pictures.states_figure(point, self.trajectory),
            pictures.norm_figure(plane),
            pictures.landscape_figure(plane),
        )

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the ridge, the searches and the steps."""
        settings = self.settings
        gradient = (float(self.slope.weight), float(self.slope.bias))
        return (
            pictures.ridge_table(),
            pictures.searches_table((one.cell, one.largest, one.weight, one.bias) for one in self.searches),
            pictures.steps_table((settings.weight, self.bias), gradient, settings.learning_rate, settings.clip_norm),
        )


def compute(settings: CliffSettings, progress: ReportProgress) -> CliffResult:
    """Run the experiment."""
    progress(0.0, Text("mapping the surface", "mapowanie powierzchni"))
    weights, biases = np.linspace(*WEIGHTS, settings.grid), np.linspace(*BIASES, settings.grid)
    main = ridge.slope(*np.meshgrid(weights, biases))
    progress(0.5, Text("refining at the wall", "zagęszczanie przy ścianie"))
    searches = _searches(weights, biases, main)
    bias = ridge.ridge_bias(settings.weight) if settings.bias is None else settings.bias
    here = ridge.slope(settings.weight, bias)
    exact = ridge.ridge_gradient(settings.weight)
    edge, top = float(np.linalg.norm(ridge.ridge_gradient(WEIGHTS[1]))), ridge.crest(WEIGHTS[1])
    return CliffResult(
        settings=settings,
        verdict=_verdict(settings, here, exact, searches[0].largest, edge, top),
        score=Measure(Text("largest ‖∇ℓ‖ on the grid", "największe ‖∇ℓ‖ na siatce"), searches[0].largest),
        baselines=(
            Measure(Text("beside the ridge at w = 7, largest", "obok grani przy w = 7, największe"), top.norm),
            Measure(Text("on the ridge at w = 7, closed form", "na grani przy w = 7, ze wzoru"), edge),
        ),
        bias=bias,
        slope=here,
        closed_form=exact,
        trajectory=ridge.states(settings.weight, bias),
        weights=weights,
        biases=biases,
        map=main,
        searches=searches,
    )


def _searches(weights: np.ndarray, biases: np.ndarray, found: ridge.Slope) -> tuple[Refinement, ...]:
    """Return the largest gradient of the grid, then of ever finer cells: per w the half with the larger jump stays."""
    row, column = np.unravel_index(np.argmax(found.norm), found.norm.shape)
    cell = float(biases[1] - biases[0])
    results = [Refinement(cell, float(found.norm[row, column]), float(weights[column]), float(biases[row]))]
    jump = np.argmax(np.diff(found.last, axis=0), axis=0)
    low, high = biases[jump], biases[jump + 1]
    for halving in range(1, HALVINGS + 1):
        middle = 0.5 * (low + high)
        ends, inside = ridge.slope(weights, np.array([low, high])), ridge.slope(weights, middle)
        upper = ends.last[1] - inside.last > inside.last - ends.last[0]
        low, high = np.where(upper, middle, low), np.where(upper, high, middle)
        if halving % 10 == 0:
            best = int(np.argmax(inside.norm))
            results.append(
                Refinement(cell / 2**halving, float(inside.norm[best]), float(weights[best]), float(middle[best]))
            )
    return tuple(results)


def _verdict(
    settings: CliffSettings, here: ridge.Slope, exact: np.ndarray, largest: float, edge: float, top: ridge.Crest
) -> Verdict[Text]:
    first = Text(
        "A grid of {grid} × {grid} points finds gradients up to {largest}. At w = 7 the closed form gives {edge} on "
        "the ridge, and the wall is steepest beside it: at b = b* {offset} the gradient is {top}, {powers} powers of "
        "ten above the largest on the grid.",
        "Siatka {grid} × {grid} punktów znajduje gradienty do {largest}. Przy w = 7 wzór daje na grani {edge}, a "
        "ściana jest najbardziej stroma obok niej: przy b = b* {offset} gradient wynosi {top}, o {powers} rzędów "
        "wielkości więcej niż największy na siatce.",
    ).filled(
        grid=settings.grid,
        largest=largest,
        edge=to_digits(edge),
        offset=pictures.signed(top.offset),
        top=to_digits(top.norm),
        powers=int(np.floor(np.log10(top.norm / largest))),
    )
    off = float(np.abs(np.array([here.weight, here.bias]) / exact - 1.0).max())
    if off < ON_RIDGE:
        second = Text(
            "At w = {weight} the gradient computed through 50 steps equals the closed form to {off}.",
            "Przy w = {weight} gradient obliczony przez 50 kroków zgadza się ze wzorem z dokładnością do {off}.",
        ).filled(weight=settings.weight, off=max(off, 1e-16))
        return Verdict(Standing.REACHED, joined(first, second))
    second = Text(
        "The point is not on the ridge: its gradient is {norm}, on the ridge it is {exact}.",
        "Punkt nie leży na grani: jego gradient wynosi {norm}, a na grani jest {exact}.",
    ).filled(norm=float(here.norm), exact=float(np.linalg.norm(exact)))
    return Verdict(Standing.SHOWN, joined(first, second))


EXPERIMENT = Experiment(
    id="surface/cliff",
    name=Text("The cliff of an exploding gradient", "Klif eksplodującego gradientu"),
    description=Text(
        "One unit without input, h_t = σ(w·h_(t−1) + b), runs for 50 steps, and the target of the loss is h_50 = "
        "0.7. Its surface over (w, b) consists of two plains with a wall between them. On the line b = 0.5 − h_0·w "
        "the state is constant, so the gradient has a closed form: above w = 4.2553 it grows like m⁵⁰, and the line "
        "is the border between two basins of attraction.",
        "Jedna jednostka bez wejścia, h_t = σ(w·h_(t−1) + b), wykonuje 50 kroków, a wartością docelową straty jest "
        "h_50 = 0,7. Jej powierzchnia nad (w, b) to dwie równiny rozdzielone ścianą. Na prostej b = 0,5 − h_0·w stan "
        "się nie zmienia, więc gradient ma zwartą postać: powyżej w = 4,2553 rośnie jak m⁵⁰, a prosta jest granicą "
        "między dwoma obszarami przyciągania.",
    ),
    how_to_read=Text(
        "The white line on the maps is exact. The colours beside it are only samples on the grid. The line is where "
        "the state does not move; the gradient is largest a little below it.",
        "Biała linia na mapach jest dokładna. Kolory obok niej to tylko próbki na siatce. Na linii stan się nie "
        "zmienia; gradient jest największy tuż pod nią.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("On the ridge at w = 5", "Na grani przy w = 5"), CliffSettings()),
        "steeper": Preset(Text("On the ridge at w = 6", "Na grani przy w = 6"), CliffSettings(weight=6.0)),
        "typed-bias": Preset(
            Text("w = 6 with b typed to six decimals", "w = 6 i b wpisane z sześcioma cyframi po przecinku"),
            CliffSettings(weight=6.0, bias=-3.234756),
        ),
        "off-ridge": Preset(Text("Off the ridge: (5, −2.5)", "Poza granią: (5; −2,5)"), CliffSettings(bias=-2.5)),
        "coarse": Preset(Text("A coarse grid: 101 × 101", "Rzadka siatka: 101 × 101"), CliffSettings(grid=101)),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "At w = 6 you type b = −3.234756, right to six decimals. Why is the gradient not that of the ridge?",
                "Przy w = 6 wpisujesz b = −3,234756, poprawnie do sześciu cyfr. Dlaczego gradient nie jest taki jak na "
                "grani?",
            ),
            Text(
                "The fixed point is unstable: an error of 10⁻⁸ is multiplied by m = 1.41 fifty times, which is "
                "3·10⁷. Therefore b has to be computed as 0.5 − w·h_0, in the precision of the computation.",
                "Punkt stały jest niestabilny: błąd rzędu 10⁻⁸ zostaje pięćdziesiąt razy pomnożony przez m = 1,41, "
                "czyli razem przez 3·10⁷. Dlatego b trzeba obliczyć jako 0,5 − w·h_0, w precyzji samych obliczeń.",
            ),
        ),
        Exercise(
            Text(
                "A step with learning rate 0.01 starts on the ridge at w = 6. How long is it, without clipping and "
                "clipped to 1?",
                "Krok ze współczynnikiem uczenia 0,01 zaczyna się na grani przy w = 6. Jak jest długi bez obcinania "
                "gradientu (clipping), a jak po obcięciu do 1?",
            ),
            Text(
                "Without clipping its length is 30286, outside every plot; with clipping 0.01. Clipping does not "
                "correct the gradient. It bounds the damage done by a gradient that holds only within the width of "
                "the wall.",
                "Bez obcinania ma długość 30286, poza każdym wykresem; z obcinaniem 0,01. Obcinanie nie poprawia "
                "gradientu, a jedynie ogranicza szkody, gdy gradient obowiązuje tylko w obrębie szerokości ściany.",
            ),
        ),
    ),
)
