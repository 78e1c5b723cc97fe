"""Truncated back-propagation: the bias of its gradient, and lags that are not learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.data.synthetic import Echo
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress
from nurt.experiments.linear.model import draw_sequences
from nurt.experiments.longmemory.contributions import (
    chunked_gradient,
    contributions,
    gradient_table,
    lag_figure,
    sliding_gradient,
    window_figure,
)
from nurt.experiments.longmemory.judging import CHANCE, LEARNT
from nurt.experiments.longmemory.study import CellRun, MemorySettings, run_all
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, joined

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["EXPERIMENT", "EchoRuns", "TruncationResult", "TruncationSettings"]

# The sequences of the experiment linear/roelants.
SHAPE, STREAM = (20, 10), 1
RIGHT = Text("share of right bits", "udział poprawnych bitów")


@dataclass(frozen=True)
class TruncationSettings(MemorySettings):
    """Settings of the truncation; the networks have one update per chunk.

    Args:
        seed, cells, hidden, updates, batch, learning_rate, clip_norm, repeats, looks: as in
            :class:`~nurt.experiments.longmemory.study.MemorySettings`.
        tested: chunks at the end whose right bits are counted.
        weight_in: w_x of the linear recurrence.
        weight_rec: w_rec of it.
        windows: K of the exact gradients.
        echoes: delay and chunk of the echoes that are trained.
    """

    weight_in: float = 1.0
    weight_rec: float = 0.9
    windows: tuple[int, ...] = (1, 2, 3, 5, 10)
    echoes: tuple[tuple[int, int], ...] = ((3, 10), (8, 10), (12, 20), (12, 10), (5, 5))

    @property
    def benchmark(self) -> Echo:
        """The first echo."""
        return self.echo(*self.echoes[0])

    def echo(self, delay: int, chunk: int) -> Echo:
        """Return an echo with as many chunks as there are updates."""
        return Echo(delay, chunk, chunk * self.updates)


@dataclass(frozen=True)
class EchoRuns:
    """The trainings on one echo.

    Args:
        delay: d.
        chunk: K.
        linked_share: share of the answers in one chunk with their bit.
        runs: the trainings; empty when the run was interrupted before them.
    """

    delay: int
    chunk: int
    linked_share: float
    runs: tuple[CellRun, ...]

    @property
    def values(self) -> np.ndarray:
        """Shares of right bits, one per run."""
        return np.array([run.value for run in self.runs])


@dataclass(frozen=True, kw_only=True)
class TruncationResult(ExperimentResult):
    """Gradients under truncation, and the echoes.

    Args:
        settings: of the run.
        verdict: whether only the echoes with linked answers were learnt.
        score: least share of right bits where the gradient links some answers.
        baselines: chance, and the largest share where it links none.
        updates: of all runs together.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        parts: G[s, t] of the linear recurrence, (T, T).
        sliding: gradient per window, sliding.
        chunked: gradient per window, in chunks.
        echoes: the trainings.
    """

    settings: TruncationSettings
    parts: np.ndarray
    sliding: np.ndarray
    chunked: np.ndarray
    echoes: tuple[EchoRuns, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return the echoes, the gradients per window, and the gradient per lag."""
        shown = (self.settings.windows, self.sliding, self.chunked, float(self.parts.sum()))
        return _echo_figure(self), window_figure(*shown), lag_figure(self.parts)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the exact gradients and the echoes."""
        shown = (self.settings.windows, self.sliding, self.chunked, float(self.parts.sum()))
        return gradient_table(*shown), _echo_table(self)


def compute(settings: TruncationSettings, progress: ReportProgress) -> TruncationResult:
    """Split the exact gradient, then train the echoes."""
    parts = contributions(draw_sequences("bits", "sum", SHAPE, STREAM)[0], settings.weight_in, settings.weight_rec)
    echoes: list[EchoRuns] = []
    for number, (delay, chunk) in enumerate(settings.echoes):
        echoes.append(_train_echo(settings, settings.echo(delay, chunk), _of_echo(progress, settings, number)))
        done = sum(run.updates for run in echoes[-1].runs)
        if done < settings.updates * settings.repeats * len(settings.cells):
            break
    return _result(settings, parts, tuple(echoes))


def _of_echo(progress: ReportProgress, settings: TruncationSettings, number: int) -> ReportProgress:
    """Return a function that reports the share of one echo as that of all."""
    delay, chunk = settings.echoes[number]
    where = Text("echo {d} in chunks of {k}:", "echo {d}, kawałki po {k}:").filled(d=delay, k=chunk)

    def tell(share: float, doing: Text) -> None:
        progress((number + share) / len(settings.echoes), joined(where, doing))

    return tell


def _train_echo(settings: TruncationSettings, echo: Echo, progress: ReportProgress) -> EchoRuns:
    from nurt.experiments.longmemory.training import train_echo

    runs = run_all(settings, progress, partial(train_echo, settings, echo))
    return EchoRuns(echo.delay, echo.chunk, echo.linked_share, runs)


def _result(settings: TruncationSettings, parts: np.ndarray, echoes: tuple[EchoRuns, ...]) -> TruncationResult:
    linked = [float(one.values.min()) for one in echoes if one.linked_share > 0.0]
    unlinked = [float(one.values.max()) for one in echoes if one.linked_share == 0.0]
    made = sum(run.updates for one in echoes for run in one.runs)
    planned = len(settings.echoes) * len(settings.cells) * settings.repeats * settings.updates
    worst, best = min(linked, default=float("nan")), max(unlinked, default=float("nan"))
    return TruncationResult(
        settings=settings,
        verdict=_verdict(worst, best, made, planned),
        score=Measure(Text("least share of right bits, linked", "najmniej poprawnych bitów, powiązane"), worst),
        baselines=(
            Measure(Text("guessing", "zgadywanie"), CHANCE),
            Measure(Text("most right bits, not linked", "najwięcej poprawnych bitów, niepowiązane"), best),
        ),
        updates=made,
        parts=parts,
        sliding=np.array([sliding_gradient(parts, window) for window in settings.windows]),
        chunked=np.array([chunked_gradient(parts, window) for window in settings.windows]),
        echoes=echoes,
    )


def _verdict(worst: float, best: float, made: int, planned: int) -> Verdict[Text]:
    """Return what both groups of echoes reached; NaN stands for a group without runs."""
    parts = []
    if not math.isnan(worst):
        parts.append(
            Text(
                "Where the gradient links some answers with their bit, every run has at least {worst} % of the bits "
                "right.",
                "Tam, gdzie gradient łączy część odpowiedzi z ich bitem, każdy przebieg ma co najmniej {worst} % "
                "poprawnych bitów.",
            ).filled(worst=round(100.0 * worst, 1))
        )
    if not math.isnan(best):
        parts.append(
            Text(
                "Where it links none, the best run has {best} %, and chance is 50 %.",
                "Gdzie nie łączy żadnej, najlepszy przebieg ma {best} %, a zgadywanie daje 50 %.",
            ).filled(best=round(100.0 * best, 1))
        )
    parts.append(
        Text("{made} of {planned} updates were made.", "Wykonano {made} z {planned} aktualizacji.").filled(
            made=made, planned=planned
        )
    )
    if math.isnan(worst) or math.isnan(best):
        # One group alone has nothing to be told apart from.
        return Verdict(Standing.SHOWN, joined(*parts))
    learnt, stayed = worst > LEARNT, best < LEARNT
    whole = learnt and stayed and made == planned
    return Verdict(Standing.REACHED if whole else Standing.PARTLY if learnt else Standing.MISSED, joined(*parts))


def _echo_table(result: TruncationResult) -> ResultTable:
    rows = [
        (one.delay, one.chunk, 100.0 * one.linked_share, run.cell, run.seed, run.value, 100.0 * run.clipped_share)
        for one in result.echoes
        for run in one.runs
    ]
    return ResultTable(
        caption=Text("Echoes with a carried, detached state", "Echa ze stanem przenoszonym bez gradientu"),
        columns=(
            Text("delay d", "opóźnienie d"),
            Text("chunk K", "kawałek K"),
            Text("linked, %", "powiązane, %"),
            Text("cell", "komórka"),
            Text("seed", "ziarno"),
            RIGHT,
            Text("clipped, %", "obcięte, %"),
        ),
        rows=tuple(rows),
        note=Text(
            "Linked: answers that lie in one chunk with their bit, (K − d)/K of them, none from d = K on. Clipped: "
            "updates whose gradient norm was above the threshold.",
            "Powiązane: odpowiedzi leżące w jednym kawałku ze swoim bitem, (K − d)/K, od d = K żadna. Obcięte: "
            "aktualizacje, w których norma gradientu przekroczyła próg.",
        ),
        significant=4,
    )


def _echo_figure(result: TruncationResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        figure = plotting.new_figure("", "d, K", RIGHT[language])
        groups = (Text("linked", "powiązane"), Text("not linked", "niepowiązane"))
        for index, (group, linked) in enumerate(zip(groups, (True, False), strict=True)):
            chosen = [one for one in result.echoes if (one.linked_share > 0.0) == linked]
            figure.add_scatter(
                x=[f"{one.delay}, {one.chunk}" for one in chosen for _ in one.runs],
                y=[run.value for one in chosen for run in one.runs],
                text=[f"{run.cell}, {run.seed}" for one in chosen for run in one.runs],
                name=group[language],
                mode="markers",
                marker=plotting.marker(index),
            )
        figure.add_hline(y=CHANCE, line={"color": plotting.REFERENCE, "width": 2, "dash": "dash"})
        figure.update_xaxes(type="category")
        figure.update_yaxes(range=[0.45, 1.02])
        return figure

    return Figure(
        Text("Delay d in chunks of K", "Opóźnienie d w kawałkach po K"),
        Text(
            "One mark per run. The dashed line is chance. An unlinked run above it uses traces of old bits in the "
            "carried state, which needs no gradient through time.",
            "Jeden znak na przebieg. Linia przerywana to zgadywanie. Niepowiązany przebieg nad nią korzysta ze "
            "śladów dawnych bitów w przenoszonym stanie, do czego nie trzeba gradientu w czasie.",
        ),
        draw,
    )


BASE = TruncationSettings(cells=("RNN",), updates=1500, batch=32, repeats=3, tested=100, looks=10)

EXPERIMENT = Experiment(
    id="truncation",
    name=Text("Limits of truncated back-propagation", "Granice skracania propagacji wstecznej (truncation)"),
    description=Text(
        "Truncated back-propagation passes the gradient back over K steps only. The first part splits the exact "
        "gradient of a linear recurrence and shows the part that each window keeps: it is biased. The second part "
        "trains networks to repeat a bit of d steps ago in chunks of K. From d = K on, no gradient connects the "
        "answer with its bit, and only a state that keeps the bit by chance can help.",
        "Skrócona propagacja wsteczna (truncation) cofa gradient tylko o K kroków. Pierwsza część rozkłada dokładny "
        "gradient rekurencji liniowej i pokazuje część, którą zachowuje każde okno: jest ona obciążona. Druga część "
        "uczy sieci powtarzać bit sprzed d kroków w kawałkach po K. Od d = K żaden gradient nie łączy odpowiedzi z "
        "jej bitem i pomóc może tylko stan, który przypadkiem zachowa bit.",
    ),
    how_to_read=Text(
        "Compare the echo 12 in chunks of 20 with the same echo in chunks of 10: same cell, same budget, other window.",
        "Porównaj echo 12 w kawałkach po 20 z tym samym echem w kawałkach po 10: ta sama komórka, ten sam budżet, inne "
        "okno.",
    ),
    expected_seconds=33,
    presets={
        "default": Preset(Text("Five echoes, tanh units", "Pięć ech, jednostki tanh"), BASE),
        "quick": Preset(
            Text("Two echoes, 200 chunks", "Dwa echa, 200 kawałków"),
            replace(BASE, updates=200, hidden=16, tested=20, echoes=((1, 5), (6, 5))),
        ),
        "lucky-state": Preset(
            Text("An echo of 3 in chunks of 2", "Echo 3 w kawałkach po 2"),
            replace(BASE, echoes=((3, 2),), cells=("RNN", "LSTM", "GRU")),
        ),
        "gates": Preset(
            Text("Two echoes, three cells", "Dwa echa, trzy komórki"),
            replace(BASE, cells=("RNN", "LSTM", "GRU"), echoes=((3, 10), (12, 10))),
        ),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "In the preset lucky-state an echo of 3 in chunks of 2 is sometimes learnt perfectly. How can that be?",
                "W wariancie lucky-state sieć czasem bezbłędnie uczy się echa 3 w kawałkach po 2. Jak to możliwe?",
            ),
            Text(
                "Not through the gradient of that lag, which is zero. A state that shifts its bits along by chance "
                "keeps them readable, and the read-out learns to find them. With another seed this does not happen.",
                "Nie dzięki gradientowi tego odstępu, bo jest on zerowy. Stan, który przypadkiem przesuwa bity "
                "dalej, zachowuje je czytelne, a warstwa wyjściowa uczy się je odnaleźć. Przy innym ziarnie to się "
                "nie zdarza.",
            ),
        ),
    ),
)
