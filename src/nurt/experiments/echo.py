"""Echo: training with a gradient that ends at the boundary of a chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from nurt import plotting
from nurt.data.synthetic import Echo
from nurt.experiments import drawing
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.longmemory.judging import CHANCE, LEARNT, CellVerdict, judge_cell, verdict_of
from nurt.experiments.longmemory.result import MemoryResult, curves_figure, runs_table
from nurt.experiments.longmemory.study import CellRun, MemorySettings, run_all
from nurt.experiments.results import Figure, Measure, ResultTable
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, counted, joined

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "EchoResult", "EchoSettings", "links_figure"]

# Chunks in the figure of links.
SHOWN_CHUNKS = 3
RIGHT = Text("share of right bits", "udział poprawnych bitów")


@dataclass(frozen=True)
class EchoSettings(MemorySettings):
    """Settings of the echo; there is one update per chunk.

    Args:
        seed, cells, hidden, updates, batch, learning_rate, clip_norm, repeats, looks: as in
            :class:`~nurt.experiments.longmemory.study.MemorySettings`.
        tested: chunks at the end whose right bits are counted, each before its update.
        delay: d, in steps.
        chunk: K, in steps.
    """

    delay: int = 3
    chunk: int = 10

    @property
    def benchmark(self) -> Echo:
        """The echo, as many chunks of it as there are updates."""
        return Echo(self.delay, self.chunk, self.chunk * self.updates)


@dataclass(frozen=True, kw_only=True)
class EchoResult(MemoryResult):
    """Results of all runs.

    Args:
        settings: of the run.
        verdict: which cells learnt the echo, which are above chance.
        score: share of right bits of the worst cell, mean over its seeds.
        baselines: chance.
        updates: of all runs together.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        baseline_on_test: chance.
        runs: every training.
        cells: results per cell.
    """

    settings: EchoSettings

    def figures(self) -> tuple[Figure, ...]:
        """Return the share of right bits while training, and which answers lie in one chunk with their bit."""
        return curves_figure(self.runs, self.baseline_on_test, RIGHT, log=False), links_figure(self.settings.benchmark)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the results of all runs."""
        return (runs_table(self.runs, RIGHT),)


def compute(settings: EchoSettings, progress: ReportProgress) -> EchoResult:
    """Train every cell from every seed on the echo."""
    from nurt.experiments.longmemory.training import train_echo

    echo = settings.benchmark
    runs = run_all(settings, progress, partial(train_echo, settings, echo))
    cells = tuple(judge_cell(cell, runs, CHANCE, "higher") for cell in dict.fromkeys(run.cell for run in runs))
    worst = min(cells, key=lambda one: one.mean)
    planned = settings.updates * settings.repeats * len(settings.cells)
    return EchoResult(
        settings=settings,
        verdict=_verdict(cells, runs, planned, echo),
        score=Measure(
            Text("right bits of {cell}, the worst cell", "poprawne bity najgorszej komórki: {cell}").filled(
                cell=worst.cell
            ),
            worst.mean,
        ),
        baselines=(Measure(Text("guessing", "zgadywanie"), CHANCE),),
        updates=sum(run.updates for run in runs),
        baseline_on_test=CHANCE,
        runs=runs,
        cells=cells,
    )


def links_figure(echo: Echo) -> Figure:
    """Return the answers of three chunks, each joined to its bit, in one chunk with it or not."""

    def draw(language: Language) -> go.Figure:
        answer, bit = Text("answer", "odpowiedź")[language], Text("bit", "bit")[language]
        figure = plotting.new_figure("", drawing.STEP[language], "")
        names = (Text("in one chunk", "w jednym kawałku"), Text("cut off", "odcięte"))
        for index, (name, linked) in enumerate(zip(names, (True, False), strict=True)):
            steps = [step for step in range(SHOWN_CHUNKS * echo.chunk) if step >= echo.delay]
            chosen = [one for one in steps if (one % echo.chunk >= echo.delay) == linked]
            figure.add_scatter(
                x=[place for step in chosen for place in (step - echo.delay + 1, step + 1, None)],
                y=[height for _ in chosen for height in (0, 1, None)],
                name=name[language],
                mode="lines+markers",
                line={"color": plotting.PALETTE[index], "width": 2, "dash": plotting.dash(index)},
                marker={"symbol": plotting.symbol(index), "size": 7},
            )
        for boundary in range(1, SHOWN_CHUNKS):
            figure.add_vline(x=boundary * echo.chunk + 0.5, line={"color": plotting.ACTUAL, "width": 2})
        figure.update_yaxes(tickvals=[0, 1], ticktext=[bit, answer], range=[-0.25, 1.25], showgrid=False)
        figure.update_layout(hovermode=False)
        return figure

    words = Text(
        "Three chunks of {k}, parted by black lines. A line joins an answer to the bit of {d} ago; the gradient goes "
        "along it only if it crosses no boundary: {share} % of the answers.",
        "Trzy kawałki, każdy: {k}, rozdzielone czarnymi liniami. Linia łączy odpowiedź z bitem sprzed {d}; gradient "
        "biegnie po niej tylko wtedy, gdy nie przecina granicy: {share} % odpowiedzi.",
    ).filled(
        k=counted(echo.chunk, ("step", "steps"), ("krok", "kroki", "kroków")),
        d=counted(echo.delay, ("step", "steps"), ("kroku", "kroków", "kroków")),
        share=round(100.0 * echo.linked_share, 1),
    )
    return Figure(Text("Answers and their bits", "Odpowiedzi i ich bity"), words, draw, 260)


def _verdict(cells: tuple[CellVerdict, ...], runs: tuple[CellRun, ...], planned: int, echo: Echo) -> Verdict[Text]:
    learnt = [one.cell for one in cells if one.mean > LEARNT]
    standing = Standing.REACHED if len(learnt) == len(cells) else Standing.PARTLY if learnt else Standing.MISSED
    share = Text(
        "{share} % of the answers lie in one chunk with their bit. More than {limit} % right: {learnt}.",
        "{share} % odpowiedzi leży w jednym kawałku ze swoim bitem. Ponad {limit} % poprawnych: {learnt}.",
    ).filled(
        share=round(100.0 * echo.linked_share, 1),
        limit=round(100.0 * LEARNT, 1),
        learnt=", ".join(learnt) if learnt else Text("none", "żadna"),
    )
    rest = verdict_of(cells, CHANCE, runs, planned)
    if standing == Standing.REACHED and rest.standing != Standing.REACHED:
        standing = Standing.PARTLY
    return Verdict(standing, joined(share, rest.text))


BASE = EchoSettings(cells=("RNN", "LSTM", "GRU"), updates=1500, batch=32, tested=100, looks=30)

EXPERIMENT = Experiment(
    id="echo",
    name=Text("Echo", "Echo"),
    description=Text(
        "One endless series of random bits; at every step the network repeats an earlier bit, by default that of 3 "
        "steps ago. The series is read in chunks, by default of 10 steps. The state is carried from chunk to chunk, "
        "the gradient is not. As long as some answers lie in one chunk with their bit, these may suffice to learn the "
        "rest.",
        "Jeden ciąg losowych bitów bez końca; w każdym kroku sieć powtarza wcześniejszy bit, domyślnie sprzed 3 "
        "kroków. Ciąg jest czytany kawałkami, domyślnie po 10 kroków. Stan przechodzi z kawałka do kawałka, gradient "
        "nie. Dopóki część odpowiedzi leży w jednym kawałku ze swoim bitem, mogą one wystarczyć, by nauczyć się "
        "pozostałych.",
    ),
    how_to_read=Text(
        "Bits are counted before the update that uses them. Compare with the preset too-far: the same cells, the "
        "same chunks, and a delay that no gradient spans.",
        "Bity są liczone przed aktualizacją, która z nich korzysta. Porównaj z wariantem too-far: te same komórki, "
        "te same kawałki i opóźnienie, którego nie obejmuje żaden gradient.",
    ),
    expected_seconds=18,
    presets={
        "default": Preset(Text("Delay 3, chunks of 10", "Opóźnienie 3, kawałki po 10"), BASE),
        "quick": Preset(
            Text("Delay 1, 150 chunks of 5", "Opóźnienie 1, 150 kawałków po 5"),
            replace(BASE, delay=1, chunk=5, updates=150, hidden=16, tested=20, looks=10),
        ),
        "near-the-edge": Preset(Text("Delay 8, chunks of 10", "Opóźnienie 8, kawałki po 10"), replace(BASE, delay=8)),
        "too-far": Preset(Text("Delay 12, chunks of 10", "Opóźnienie 12, kawałki po 10"), replace(BASE, delay=12)),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "With a delay of 12 and chunks of 10 the share of right bits stays slightly above one half. Why, if "
                "no gradient links answer and bit?",
                "Przy opóźnieniu 12 i kawałkach po 10 poprawnych bitów jest nieco więcej niż połowa. Dlaczego, skoro "
                "żaden gradient nie łączy odpowiedzi z bitem?",
            ),
            Text(
                "Because of the state. It is carried on, and even an untrained recurrence keeps weak traces of old "
                "bits; the read-out, which needs no gradient through time, finds them.",
                "Dzięki stanowi. Jest przenoszony dalej i nawet nieuczona rekurencja zachowuje słabe ślady dawnych "
                "bitów; warstwa wyjściowa, która nie potrzebuje gradientu w czasie, je odnajduje.",
            ),
        ),
    ),
)
