"""Structures of a task and of a network, and the influence of every input on every output."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments.base import AGAINST_REFERENCE, Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.diagram import Arrow, Diagram, Node, draw_diagrams, leave_room_around, unrolled
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from torch import Tensor

__all__ = ["EXPERIMENT", "KINDS", "Kind", "StructuresResult", "StructuresSettings"]


# Drawings side by side.
COLUMNS = 3
# Of diagrams, whose nodes do not shrink with a page.
DIAGRAM_COLUMNS = 2


@dataclass(frozen=True)
class Kind:
    """One structure.

    Args:
        id: name.
        name: in words.
        lengths: T_x and T_y in words.
        task: its use in nurt.
        example: of it.
        equation: of its state and output.
        reach: from steps in and steps out to which input may reach which output, (T_y, T_x).
    """

    id: str
    name: Text
    lengths: str
    task: Text
    example: Text
    equation: str
    reach: Callable[[int, int], np.ndarray]


def _all(given: int, wanted: int) -> np.ndarray:
    return np.ones((wanted, given), dtype=bool)


def _past(given: int, wanted: int) -> np.ndarray:
    return np.tril(_all(given, wanted))


KINDS = (
    Kind(
        "one-to-one",
        Text("one-to-one", "jeden do jednego"),
        "1, 1",
        Text("regression, classification without time", "regresja, klasyfikacja bez czasu"),
        Text("ordinary classifier", "zwykły klasyfikator"),
        "h = tanh(W x + b), y = V h + c",
        _all,
    ),
    Kind(
        "one-to-many",
        Text("one-to-many", "jeden do wielu"),
        "1, >1",
        Text("generation from a seed", "generowanie z zarodka"),
        Text("melody, text", "melodia, tekst"),
        "h_t = tanh(W y′ + U h′ + b), y_0 = x, y_t = V h_t + c",
        _all,
    ),
    Kind(
        "many-to-one",
        Text("many-to-one", "wiele do jednego"),
        ">1, 1",
        Text("classification, one-step forecast", "klasyfikacja, prognoza o krok"),
        Text("sentiment", "wydźwięk opinii"),
        "h_t = tanh(W x_t + U h′ + b), y = V h_T + c",
        _all,
    ),
    Kind(
        "synchronous",
        Text("many-to-many, synchronous", "wiele do wielu, synchronicznie"),
        "T_x = T_y",
        Text("tagging", "znakowanie"),
        Text("part of speech", "część mowy"),
        "h_t = tanh(W x_t + U h′ + b), y_t = V h_t + c",
        _past,
    ),
    Kind(
        "encoder-decoder",
        Text("many-to-many, encoder–decoder", "wiele do wielu, koder–dekoder"),
        "T_x ≠ T_y",
        Text("translation, multi-step forecast", "tłumaczenie, prognoza wielokrokowa"),
        Text("Polish to English", "z polskiego na angielski"),
        "h_t = tanh(W x_t + U h′ + b), s_0 = h_T, s_t = tanh(A y′ + B s′ + d), y_t = V s_t + c",
        _all,
    ),
    Kind(
        "stacked",
        Text("stacked, two layers", "stos dwóch warstw"),
        "T_x = T_y",
        Text("any of the above", "każde z powyższych"),
        Text("deep recurrent network", "głęboka sieć rekurencyjna"),
        "g_t = tanh(W x_t + U g′ + b), h_t = tanh(A g_t + B h′ + d), y_t = V h_t + c",
        _past,
    ),
    Kind(
        "bidirectional",
        Text("bidirectional", "dwukierunkowa"),
        "T_x = T_y",
        Text("tagging of whole sequences", "znakowanie całych ciągów"),
        Text("named entities", "nazwy własne"),
        "h→_t = tanh(W x_t + U h→′ + b), h←_t = tanh(A x_t + B h←″ + d), y_t = V [h→_t, h←_t] + c",
        _all,
    ),
)


@dataclass(frozen=True)
class StructuresSettings(Settings):
    """Settings of the structures.

    Args:
        seed: of weights and inputs.
        batch: B.
        steps: T_x where there are several inputs, and T_y where there are as many outputs.
        wanted: T_y where it is free.
        inputs: I, also the size of an output.
        hidden: H.
    """

    batch: int = 2
    steps: int = 5
    wanted: int = 3
    inputs: int = 3
    hidden: int = 4

    def lengths(self, kind: str) -> tuple[int, int]:
        """Return T_x and T_y of a structure."""
        given = 1 if kind.startswith("one") else self.steps
        if kind.endswith("to-one"):
            return given, 1
        return given, self.wanted if kind in ("one-to-many", "encoder-decoder") else given


@dataclass(frozen=True, kw_only=True)
class StructuresResult(ExperimentResult):
    """Influence of the inputs on the outputs.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: structures whose inputs influence exactly the expected outputs.
        baselines: all structures.
        updates: none.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        reach: name → ‖∂y_s/∂x_t‖, (T_y, T_x).
        shapes: name → shapes of inputs, hidden states and outputs.
        parameters: name → numbers that could be trained.
    """

    settings: StructuresSettings
    reach: dict[str, np.ndarray]
    shapes: dict[str, tuple[tuple[int, ...], ...]]
    parameters: dict[str, int]

    def figures(self) -> tuple[Figure, ...]:
        """Return the influence of inputs on outputs, and the structures as diagrams."""
        return _reach(self), _diagrams()

    def tables(self) -> tuple[ResultTable, ...]:
        """Return equations, use and shapes of every structure."""
        return _equations(), _uses(), _shapes(self)


def compute(settings: StructuresSettings, progress: ReportProgress) -> StructuresResult:
    """Build every structure out of the library's layers and differentiate its outputs by its inputs."""
    import torch

    from nurt.experiments.structure_models import build
    from nurt.training.process_state import private_generators

    reach, parameters = {}, {}
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {}
    for done, kind in enumerate(KINDS):
        progress(done / len(KINDS), kind.name)
        given, wanted = settings.lengths(kind.id)
        with private_generators(settings.seed, ()):
            model = build(kind.id, settings.inputs, settings.hidden, wanted).double()
            inputs = torch.randn(settings.batch, given, settings.inputs, dtype=torch.float64, requires_grad=True)
        states, outputs = model(inputs)
        shapes[kind.id] = (tuple(inputs.shape), tuple(states.shape), tuple(outputs.shape))
        parameters[kind.id] = sum(one.numel() for one in model.parameters())
        reach[kind.id] = _slopes(inputs, outputs)
    right = sum(np.array_equal(reach[k.id] > 0, k.reach(*settings.lengths(k.id))) for k in KINDS)
    verdict = Text(
        "In {right} of {n} structures every input influences exactly the expected outputs: with synchronous ones the "
        "present and the past, with bidirectional ones and those that read to the end everything.",
        "W {right} z {n} struktur każde wejście wpływa dokładnie na oczekiwane wyjścia: w synchronicznych "
        "teraźniejszość i przeszłość, w dwukierunkowych i czytających do końca wszystko.",
    )
    return StructuresResult(
        settings=settings,
        verdict=Verdict(
            Standing.REACHED if right == len(KINDS) else Standing.MISSED, verdict.filled(right=right, n=len(KINDS))
        ),
        score=Measure(Text("structures as expected", "struktury zgodne z oczekiwaniem"), right),
        baselines=(Measure(Text("all structures", "wszystkie struktury"), len(KINDS)),),
        reach=reach,
        shapes=shapes,
        parameters=parameters,
    )


def _slopes(inputs: Tensor, outputs: Tensor) -> np.ndarray:
    """Return ‖∂y_s/∂x_t‖ over rows and numbers of a step, (T_y, T_x); rows do not meet."""
    import torch

    squares = np.zeros((outputs.shape[1], inputs.shape[1]))
    for step, part in itertools.product(range(outputs.shape[1]), range(outputs.shape[2])):
        (slope,) = torch.autograd.grad(outputs[:, step, part].sum(), inputs, retain_graph=True)
        squares[step] += slope.square().sum(dim=(0, 2)).numpy()
    return np.sqrt(squares)


def _equations() -> ResultTable:
    return ResultTable(
        caption=Text("Equations", "Równania"),
        columns=(Text("structure", "struktura"), Text("state and output", "stan i wyjście")),
        rows=tuple((kind.name, kind.equation) for kind in KINDS),
        note=Text(
            "One prime marks the step before, two the step after.", "Jeden prim to poprzedni krok, dwa to następny."
        ),
    )


def _uses() -> ResultTable:
    columns = (
        Text("structure", "struktura"),
        Text("T_x, T_y", "T_x, T_y"),
        Text("task", "zadanie"),
        Text("example", "przykład"),
    )
    rows = tuple((kind.name, kind.lengths, kind.task, kind.example) for kind in KINDS)
    note = Text(
        "Speech recognition is often listed as many-to-one. In general it is many-to-many without a given alignment.",
        "Rozpoznawanie mowy bywa podawane jako wiele do jednego. Ogólnie jest to wiele do wielu bez danego "
        "dopasowania.",
    )
    return ResultTable(Text("Uses", "Zastosowania"), columns, rows, note)


def _shapes(result: StructuresResult) -> ResultTable:
    columns = (
        Text("structure", "struktura"),
        Text("inputs (B, T, I)", "wejścia (B, T, I)"),
        Text("states (B, T, H)", "stany (B, T, H)"),
        Text("outputs (B, T, O)", "wyjścia (B, T, O)"),
        Text("parameters", "parametry"),
    )
    rows: tuple[tuple[float | str | Text, ...], ...] = tuple(
        (kind.name, *(" × ".join(map(str, shape)) for shape in result.shapes[kind.id]), result.parameters[kind.id])
        for kind in KINDS
    )
    note = Text(
        "A bidirectional layer gives the states of both directions, 2 H.",
        "Warstwa dwukierunkowa daje stany obu kierunków, 2 H.",
    )
    return ResultTable(Text("Shapes", "Kształty"), columns, rows, note)


def _diagrams() -> Figure:
    """Return every structure drawn out over time."""

    def draw(language: Language) -> go.Figure:
        return draw_diagrams([diagram_of(kind, language) for kind in KINDS], DIAGRAM_COLUMNS)

    return Figure(
        Text("Structures drawn out over time", "Struktury rozwinięte w czasie"),
        Text(
            "Grey: inputs, blue: states, orange: outputs. All arrows of one direction are the same weights, used at "
            "every step. In the bidirectional network → marks the states that run forward, ← those that run backward.",
            "Szare: wejścia, niebieskie: stany, pomarańczowe: wyjścia. Wszystkie strzałki w jednym kierunku to te same "
            "wagi, używane w każdym kroku. W sieci dwukierunkowej → to stany biegnące w przód, ← biegnące wstecz.",
        ),
        draw,
        880,
    )


def diagram_of(kind: Kind, language: Language) -> Diagram:
    """Return a structure with three steps where there are several."""
    title = _short(kind, language)
    match kind.id:
        case "one-to-one":
            return unrolled(title, [0], 1, [0])
        case "one-to-many":
            return unrolled(title, [0], 3, range(3), fed_back=True)
        case "many-to-one":
            return unrolled(title, range(3), 3, [2])
        case "encoder-decoder":
            return unrolled(title, range(2), 4, [2, 3], fed_back=True)
        case "stacked":
            return _two_rows(title, ("g", "h"), back=False)
        case "bidirectional":
            return _two_rows(title, ("→", "←"), back=True)
        case _:
            return unrolled(title, range(3), 3, range(3))


def _two_rows(title: str, names: tuple[str, str], *, back: bool) -> Diagram:
    """Return two rows of states over three steps: the second reads the first, or runs backwards beside it."""
    lower, upper = names
    steps = range(3)
    nodes = [Node(f"x{t}", f"x<sub>{t + 1}</sub>", "x", t, 0.0) for t in steps]
    nodes += [Node(f"a{t}", f"{lower}<sub>{t + 1}</sub>", "h", t, 1.0) for t in steps]
    # Beside each other the two states of a step would hide the arrows of one of them.
    nodes += [Node(f"b{t}", f"{upper}<sub>{t + 1}</sub>", "h", t + (0.35 if back else 0.0), 2.0) for t in steps]
    nodes += [Node(f"y{t}", f"y<sub>{t + 1}</sub>", "y", t, 3.0) for t in steps]
    arrows = [Arrow(f"x{t}", f"a{t}") for t in steps] + [Arrow(f"b{t}", f"y{t}") for t in steps]
    arrows += [Arrow(f"a{t}", f"a{t + 1}") for t in range(2)]
    if back:
        arrows += [Arrow(f"b{t + 1}", f"b{t}") for t in range(2)]
        arrows += [Arrow(f"x{t}", f"b{t}") for t in steps] + [Arrow(f"a{t}", f"y{t}") for t in steps]
    else:
        arrows += [Arrow(f"b{t}", f"b{t + 1}") for t in range(2)] + [Arrow(f"a{t}", f"b{t}") for t in steps]
    return Diagram(title, tuple(nodes), tuple(arrows))


def _reach(result: StructuresResult) -> Figure:
    """Return the influence of inputs on outputs, a map per structure, all of one scale."""

    def draw(language: Language) -> go.Figure:
        from plotly.subplots import make_subplots

        rows = -(-len(KINDS) // COLUMNS)
        figure = make_subplots(
            rows=rows,
            cols=COLUMNS,
            subplot_titles=[_short(kind, language) for kind in KINDS],
            horizontal_spacing=0.08,
            vertical_spacing=0.2,
        )
        figure.update_layout(plotting.new_figure("", "", "").layout)
        heights = {kind.id: _height(result.reach[kind.id]) for kind in KINDS}
        everything = np.concatenate([one.ravel() for one in heights.values()])
        low, high = float(np.nanmin(everything)), float(np.nanmax(everything))
        for index, kind in enumerate(KINDS):
            wanted, given = result.reach[kind.id].shape
            place = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
            figure.add_heatmap(
                x=np.arange(1, given + 1),
                y=np.arange(1, wanted + 1),
                z=heights[kind.id],
                customdata=result.reach[kind.id],
                coloraxis="coloraxis",
                xgap=2,
                ygap=2,
                meta=plotting.along(z="log10"),
                hovertemplate=f"‖∂y_%{{y}}/∂x_%{{x}}‖ = %{{customdata:.3g}}<br>{kind.equation}<extra></extra>",
                **place,
            )
            figure.update_xaxes(
                tickvals=np.arange(1, given + 1),
                ticktext=[f"x<sub>{i}</sub>" for i in range(1, given + 1)],
                range=[0.5, given + 0.5],
                showgrid=False,
                **place,
            )
            figure.update_yaxes(
                tickvals=np.arange(1, wanted + 1),
                ticktext=[f"y<sub>{i}</sub>" for i in range(1, wanted + 1)],
                range=[wanted + 0.5, 0.5],
                showgrid=False,
                **place,
            )
        colours = {"colorscale": "Viridis", "cmin": low, "cmax": max(high, low + 1e-9)}
        figure.update_layout(coloraxis={**colours, "showscale": False}, hovermode="closest")
        figure.update_annotations(font={"size": 12})
        figure.update_xaxes(tickfont={"size": 11})
        figure.update_yaxes(tickfont={"size": 11})
        leave_room_around(figure)
        return figure

    return Figure(
        Text("Influence of every input on every output", "Wpływ każdego wejścia na każde wyjście"),
        Text(
            "A row of a map is one output, its columns the inputs. An empty cell is exactly zero: that input cannot "
            "influence that output. All maps have one scale, brighter is stronger.",
            "Wiersz mapy to jedno wyjście, kolumny to wejścia. Puste pole to dokładnie zero: to wejście nie może "
            "wpłynąć na to wyjście. Wszystkie mapy mają jedną skalę, jaśniej znaczy silniej.",
        ),
        draw,
        400,
    )


def _short(kind: Kind, language: Language) -> str:
    """Return the name in two lines where it has two parts: the maps are narrow on a small page."""
    return kind.name[language].replace(", ", ",<br>")


def _height(values: np.ndarray) -> np.ndarray:
    """Return log₁₀, NaN for 0."""
    with np.errstate(divide="ignore"):
        return np.where(values > 0, np.log10(values), np.nan)


EXPERIMENT = Experiment(
    id="structures",
    name=Text("Structures of a task", "Rodzaje struktur"),
    description=Text(
        "One input or many, one output or many: five structures of a task, and also stacked and bidirectional "
        "networks. Each is built here of real layers, and the derivative of every output by every input is computed: "
        "a dependence whose derivative is exactly zero cannot be learnt.",
        "Jedno wejście lub wiele, jedno wyjście lub wiele: pięć rodzajów zadań, a do nich stos i sieć dwukierunkowa. "
        "Każdą strukturę zbudowano tu z prawdziwych warstw i obliczono pochodną każdego wyjścia po każdym wejściu: "
        "zależności, której pochodna jest dokładnie zerem, nie można się nauczyć.",
    ),
    how_to_read=Text(
        "Follow the arrows of a diagram from an input to an output: where there is a way, its map has a colour.",
        "Prześledź strzałki schematu od wejścia do wyjścia: tam, gdzie jest droga, jego mapa ma kolor.",
    ),
    expected_seconds=0.1,
    presets={
        "default": Preset(Text("Five steps in, three out", "Pięć kroków wejścia, trzy wyjścia"), StructuresSettings()),
        "longer": Preset(
            Text("Ten in, six out", "Dziesięć wejścia, sześć wyjścia"), StructuresSettings(steps=10, wanted=6)
        ),
    },
    compute=compute,
    against=AGAINST_REFERENCE,
    exercises=(
        Exercise(
            Text(
                "A bidirectional network forecasts tomorrow's value at every step and is nearly perfect. Why?",
                "Sieć dwukierunkowa w każdym kroku prognozuje wartość następną i jest prawie doskonała. Dlaczego?",
            ),
            Text(
                "Its map is full: at step t it reads x of step t + 1, the value that it should forecast.",
                "Jej mapa jest pełna: w kroku t czyta x z kroku t + 1, czyli właśnie tę wartość, którą ma prognozować.",
            ),
        ),
        Exercise(
            Text(
                "Encoder and decoder share a single vector. Where in the map does this limit appear?",
                "Koder i dekoder łączy jeden wektor. Gdzie na mapie widać to ograniczenie?",
            ),
            Text(
                "In the first columns of the last rows: the path from the first input to the last output is the "
                "longest, and there the colour is darkest. Run the preset longer.",
                "W pierwszych kolumnach ostatnich wierszy: droga od pierwszego wejścia do ostatniego wyjścia jest "
                "najdłuższa i tam kolor jest najciemniejszy. Uruchom wariant longer.",
            ),
        ),
    ),
)
