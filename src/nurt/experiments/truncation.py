"""Truncated back-propagation: the gradient that is left, and the lag that nothing learns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from nurt.data.synthetic import Echo
from nurt.experiments import truncation_pictures
from nurt.experiments.base import Exercise, Experiment, Preset
from nurt.experiments.linear.data import draw as draw_sequences
from nurt.experiments.longmemory.contributions import chunked, contributions, sliding
from nurt.experiments.longmemory.judging import CHANCE, LEARNT
from nurt.experiments.longmemory.study import CellRun, MemorySettings, run_all
from nurt.experiments.progress import Progress
from nurt.experiments.results import ExperimentResult, Figure, Measure, Table
from nurt.standing import Standing, Verdict
from nurt.wording import Text

__all__ = ["EXPERIMENT", "EchoRuns", "TruncationResult", "TruncationSettings"]

# The sequences of the experiment linear/roelants.
SHAPE, STREAM = (20, 10), 1


@dataclass(frozen=True)
class TruncationSettings(MemorySettings):
    """Settings of the demonstration; the networks have one update per chunk.

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
    """What was trained on one echo.

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
    """What truncation leaves.

    Args:
        settings: what the run depended on.
        verdict: whether what no gradient links stayed unlearnt, and what it links was learnt.
        score: least share of right bits where the gradient links some answers.
        baselines: chance, and the largest share where it links none.
        updates: of all runs together.
        experiment: id.
        preset: name.
        seconds: what the run took.
        parts: G[s, t] of the linear recurrence, (T, T).
        sliding: gradient per window, sliding.
        chunked: gradient per window, in chunks.
        echoes: what was trained.
    """

    settings: TruncationSettings
    parts: np.ndarray
    sliding: np.ndarray
    chunked: np.ndarray
    echoes: tuple[EchoRuns, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return the echoes, the gradients per window, and the gradient per lag."""
        return truncation_pictures.figures(self)

    def tables(self) -> tuple[Table, ...]:
        """Return the exact gradients and the echoes."""
        return truncation_pictures.tables(self)


def compute(settings: TruncationSettings, progress: Progress) -> TruncationResult:
    """Take the exact gradient apart, then train the echoes."""
    parts = contributions(draw_sequences("bits", "sum", SHAPE, STREAM)[0], settings.weight_in, settings.weight_rec)
    echoes: list[EchoRuns] = []
    for number, (delay, chunk) in enumerate(settings.echoes):
        echoes.append(_train_echo(settings, settings.echo(delay, chunk), _of_echo(progress, settings, number)))
        done = sum(run.updates for run in echoes[-1].runs)
        if done < settings.updates * settings.repeats * len(settings.cells):
            break
    return _result(settings, parts, tuple(echoes))


def _of_echo(progress: Progress, settings: TruncationSettings, number: int) -> Progress:
    """Return what one echo of all tells its own share."""
    delay, chunk = settings.echoes[number]
    where = Text("echo {d} in chunks of {k}: ", "echo {d}, kawałki po {k}: ").filled(d=delay, k=chunk)

    def tell(share: float, doing: Text) -> None:
        progress((number + share) / len(settings.echoes), Text(where.en + doing.en, where.pl + doing.pl))

    return tell


def _train_echo(settings: TruncationSettings, echo: Echo, progress: Progress) -> EchoRuns:
    from nurt.experiments.longmemory.echoes import train_echo

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
        sliding=np.array([sliding(parts, window) for window in settings.windows]),
        chunked=np.array([chunked(parts, window) for window in settings.windows]),
        echoes=echoes,
    )


def _verdict(worst: float, best: float, made: int, planned: int) -> Verdict[Text]:
    learnt, stayed = worst > LEARNT, best < LEARNT
    standing = (
        Standing.REACHED if learnt and stayed and made == planned else Standing.PARTLY if learnt else Standing.MISSED
    )
    words = Text(
        "Where the gradient links some answers with their bit, every run has at least {worst} % of the bits right. "
        "Where it links none, the best run has {best} %, and chance is 50 %. {made} of {planned} updates were made.",
        "Tam, gdzie gradient łączy część odpowiedzi z ich bitem, każdy przebieg ma co najmniej {worst} % poprawnych "
        "bitów. Gdzie nie łączy żadnej, najlepszy ma {best} %, a zgadywanie daje 50 %. Wykonano {made} z {planned} "
        "aktualizacji.",
    )
    values = {"worst": round(100.0 * worst, 1), "best": round(100.0 * best, 1), "made": made, "planned": planned}
    return Verdict(standing, words.filled(**values))


BASE = TruncationSettings(cells=("RNN",), updates=1500, batch=32, repeats=3, tested=100, looks=10)

EXPERIMENT = Experiment(
    id="truncation",
    name=Text("What truncation cannot learn", "Czego nie nauczy obcięcie"),
    description=Text(
        "Truncated back-propagation sends the gradient back over K steps only. The first part takes the exact gradient "
        "of a linear recurrence apart and shows what each window leaves of it: less, and therefore biased. The second "
        "part trains networks to repeat a bit of d steps ago in chunks of K. From d = K on, no gradient connects the "
        "answer with its bit, and only a state that happens to keep the bit can help.",
        "Obcięta propagacja wsteczna cofa gradient tylko o K kroków. Pierwsza część rozkłada dokładny gradient "
        "rekurencji liniowej i pokazuje, co zostawia z niego każde okno: mniej, a więc z obciążeniem. Druga część uczy "
        "sieci powtarzać bit sprzed d kroków w kawałkach po K. Od d = K żaden gradient nie łączy odpowiedzi z jej "
        "bitem i pomóc może tylko stan, który przypadkiem zachowa bit.",
    ),
    how_to_read=Text(
        "Compare the echo 12 in chunks of 20 with the same echo in chunks of 10: same cell, same budget, other window.",
        "Porównaj echo 12 w kawałkach po 20 z tym samym echem w kawałkach po 10: ta sama komórka, ten sam budżet, inne "
        "okno.",
    ),
    expected_seconds=30,
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
                "Not through the gradient of that lag, which is zero. A state that happens to shift its bits along "
                "keeps them readable, and the read-out learns to find them. Another seed has no such luck.",
                "Nie dzięki gradientowi tego odstępu, bo jest on zerowy. Stan, który przypadkiem przesuwa bity dalej, "
                "zachowuje je czytelne, a warstwa wyjściowa uczy się je odnaleźć. Inne ziarno nie ma tego szczęścia.",
            ),
        ),
    ),
)
