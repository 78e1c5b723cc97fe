"""Parity of a sequence of bits: two exact units, predictors without memory, and trained networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress, about, part_of
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, joined

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.experiments.parity_training import ParityTraining

__all__ = [
    "EXPERIMENT",
    "ParityResult",
    "ParitySettings",
    "exact_parity",
    "exact_states",
    "linear_accuracy",
    "windowed_accuracy",
]

WAYS = {
    "last": Text("the last step alone", "sam ostatni krok"),
    "prefix": Text("every prefix", "każdy początek ciągu"),
    "curriculum": Text("the last step, lengths growing", "ostatni krok, rosnące długości"),
}
# The same, short enough for a legend.
# By this factor of the length, so that marks of the same value do not hide each other.
ASIDE = 1.09
LEARNT_BY = {
    "last": Text("learnt: last step", "uczone: ostatni krok"),
    "prefix": Text("learnt: every prefix", "uczone: każdy początek"),
    "curriculum": Text("learnt: lengths growing", "uczone: rosnące długości"),
}
SOLVED = 0.99


@dataclass(frozen=True)
class ParitySettings(Settings):
    """Settings of parity.

    Args:
        seed: of the bits.
        sequences: B.
        lengths: T of the tests.
        window: bits that the windowed predictor uses.
        gain: K of the exact weights.
        ways: of training: "last", "prefix", "curriculum"; without any, no network is trained.
        trained: T of the training; tests are at T, 2T and 10T.
        hidden: H of the trained networks.
        updates: per training.
        learning_rate: of Adam.
        repeats: seeds per way.
    """

    sequences: int = 2000
    lengths: tuple[int, ...] = (10, 20, 100, 1000)
    window: int = 5
    gain: float = 10.0
    ways: tuple[str, ...] = ("last", "prefix", "curriculum")
    trained: int = 20
    hidden: int = 16
    updates: int = 1500
    learning_rate: float = 0.01
    repeats: int = 3


@dataclass(frozen=True, kw_only=True)
class ParityResult(ExperimentResult):
    """Accuracies of exact weights, predictors and trained networks.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: share of right answers at the longest length.
        baselines: the same for guessing and both predictors.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        accuracies: share of right answers per length.
        linear: share of right answers of least squares on all bits, per length.
        windowed: share of right answers from the last bits alone, per length.
        bits: one short sequence.
        states: states of both units on it, (T, 2).
        trainings: every training.
    """

    settings: ParitySettings
    accuracies: np.ndarray
    linear: np.ndarray
    windowed: np.ndarray
    bits: np.ndarray
    states: np.ndarray
    trainings: tuple[ParityTraining, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return the accuracies by length, and the states of both units."""
        return _accuracies(self), _states(self)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the accuracy per length, of exact weights and of trained ones."""
        columns = (
            Text("length T", "długość T"),
            Text("exact weights", "dokładne wagi"),
            Text("linear in all bits", "liniowo względem bitów"),
            Text("last {window} bits", "ostatnie bity: {window}").filled(window=self.settings.window),
        )
        rows = zip(self.settings.lengths, self.accuracies, self.linear, self.windowed, strict=True)
        exact = (
            ResultTable(
                caption=Text("Share of right answers", "Udział poprawnych odpowiedzi"),
                columns=columns,
                rows=tuple((length, float(a), float(b), float(c)) for length, a, b, c in rows),
                note=Text(
                    "The linear and the windowed predictor are fitted to one half of the sequences and tested on the "
                    "other.",
                    "Predyktor liniowy i okienkowy dopasowano do jednej połowy ciągów, a sprawdzono na drugiej.",
                ),
                significant=4,
            ),
        )
        return (*exact, _learnt(self)) if self.trainings else exact


def exact_states(bits: np.ndarray, gain: float = 10.0) -> np.ndarray:
    """Return the states of the two exact units, (B, T, 2).

    With p = (h_1′ - h_2′)/2 the parity so far: h_j = tanh(K(x + p - j + ½)), j = 1, 2, start (-1, -1).

    Args:
        bits: 0 or 1, (B, T).
        gain: K.
    """
    batch, steps = bits.shape
    state = -np.ones((batch, 2))
    taken = np.empty((batch, steps, 2))
    for step in range(steps):
        parity = (state[:, 0] - state[:, 1]) / 2.0
        state = np.tanh(gain * ((bits[:, step] + parity)[:, None] - np.array([0.5, 1.5])))
        taken[:, step] = state
    return taken


def exact_parity(bits: np.ndarray, gain: float = 10.0) -> np.ndarray:
    """Return the parity of every prefix, (B, T), read off the states: h_1 - h_2 > 1."""
    states = exact_states(bits, gain)
    return np.asarray(states[:, :, 0] - states[:, :, 1] > 1.0)


def linear_accuracy(bits: np.ndarray, odd: np.ndarray) -> float:
    """Return the share of right answers of least squares on all bits, fitted to the first half of the sequences.

    Args:
        bits: 0 or 1, (B, T).
        odd: the right answers, (B,); those of the second half are counted.
    """
    half = len(bits) // 2
    columns = np.column_stack([bits, np.ones(len(bits))])
    weights = np.linalg.lstsq(columns[:half], 2.0 * odd[:half] - 1.0, rcond=None)[0]
    return float(np.mean((columns[half:] @ weights > 0.0) == odd[half:]))


def windowed_accuracy(bits: np.ndarray, odd: np.ndarray) -> float:
    """Return the share of right answers of the commonest answer to each pattern of bits.

    Args:
        bits: 0 or 1, the last bits of every sequence, (B, bits).
        odd: the right answers, (B,); patterns are counted in the first half, tested on the second.
    """
    half = len(bits) // 2
    pattern = bits @ (1 << np.arange(bits.shape[1]))
    votes = np.zeros(2 ** bits.shape[1])
    np.add.at(votes, pattern[:half], np.where(odd[:half], 1.0, -1.0))
    return float(np.mean((votes[pattern[half:]] > 0.0) == odd[half:]))


def compute(settings: ParitySettings, progress: ReportProgress) -> ParityResult:
    """Test the exact weights and the predictors, and train the networks."""
    stream = np.random.RandomState(settings.seed)
    accuracies, linear, windowed = [], [], []
    for length in settings.lengths:
        progress(0.0, Text("testing", "sprawdzanie"))
        bits = stream.randint(0, 2, size=(settings.sequences, length))
        odd = bits.sum(axis=1) % 2 == 1
        accuracies.append(np.mean(exact_parity(bits, settings.gain)[:, -1] == odd))
        linear.append(linear_accuracy(bits, odd))
        windowed.append(windowed_accuracy(bits[:, -settings.window :], odd))
    bits = np.array([1, 0, 1, 0, 0, 1, 1, 1, 0, 1])
    trainings = _train(settings, progress)
    return ParityResult(
        settings=settings,
        verdict=_verdict(settings, accuracies, max(*linear, *windowed), trainings),
        score=Measure(
            Text("right answers at the longest length", "poprawne przy największej długości"), accuracies[-1]
        ),
        baselines=(
            Measure(Text("guessing", "zgadywanie"), 0.5),
            Measure(Text("linear in all bits", "liniowo względem wszystkich bitów"), linear[-1]),
            Measure(Text("from the last bits alone", "tylko z ostatnich bitów"), windowed[-1]),
        ),
        updates=sum(one.updates for one in trainings),
        accuracies=np.array(accuracies),
        linear=np.array(linear),
        windowed=np.array(windowed),
        bits=bits,
        states=exact_states(bits[None])[0],
        trainings=trainings,
    )


def _train(settings: ParitySettings, progress: ReportProgress) -> tuple[ParityTraining, ...]:
    if not settings.ways:
        return ()
    from nurt.experiments.parity_training import train_parity

    plan = [(way, settings.seed + repeat) for way in settings.ways for repeat in range(settings.repeats)]
    done: list[ParityTraining] = []
    for way, seed in plan:
        tell = part_of(about(progress, WAYS[way]), len(done), len(plan))
        size, rate = (settings.trained, settings.hidden), settings.learning_rate
        done.append(train_parity(way, seed, *size, settings.updates, rate, tell))
    return tuple(done)


def _verdict(
    settings: ParitySettings, accuracies: list[np.floating[Any]], rival: float, trainings: tuple[ParityTraining, ...]
) -> Verdict[Text]:
    exact = bool(min(accuracies) == 1.0)
    # Four standard errors of a share of one half, over the half of the sequences that is tested.
    at_chance = rival < 0.5 + 4.0 * 0.5 / math.sqrt(settings.sequences / 2)
    rivals = (
        Text(
            "predictors that use fewer bits, or add them up, stay at chance",
            "predyktory, które używają mniej bitów albo je sumują, pozostają na poziomie przypadku",
        )
        if at_chance
        else Text(
            "predictors that use fewer bits, or add them up, reach up to {rival} %",
            "predyktory, które używają mniej bitów albo je sumują, osiągają do {rival} %",
        ).filled(rival=round(100.0 * rival, 1))
    )
    opening = Text(
        "Two constructed units classify {reached} % of sequences of length {length} correctly; {rivals}.",
        "Dwie skonstruowane jednostki klasyfikują poprawnie {reached} % ciągów długości {length}; {rivals}.",
    ).filled(reached=100.0 * float(accuracies[-1]), length=settings.lengths[-1], rivals=rivals)
    solved = [one for one in trainings if min(one.accuracies) > SOLVED]
    parts = [opening]
    for way in settings.ways if trainings else ():
        own = sum(one.way == way for one in solved)
        learnt = Text("Learnt with {way}: {own} of {n} seeds.", "Nauczone, {way}: {own} z {n} ziaren.")
        parts.append(learnt.filled(way=WAYS[way], own=own, n=settings.repeats))
    standing = Standing.MISSED if not exact else Standing.REACHED if len(solved) == len(trainings) else Standing.PARTLY
    return Verdict(standing, joined(*parts))


def _learnt(result: ParityResult) -> ResultTable:
    """Return the accuracy of every training at T, 2T and 10T."""
    tested = result.trainings[0].tested
    columns = (
        Text("targets", "cele"),
        Text("seed", "ziarno"),
        *(Text(f"T = {length}", f"T = {length}") for length in tested),
        Text("clipped, %", "obcięte, %"),
    )
    rows: tuple[tuple[float | str | Text, ...], ...] = tuple(
        (WAYS[one.way], one.seed, *one.accuracies, 100.0 * one.clipped_share) for one in result.trainings
    )
    return ResultTable(
        caption=Text("Share of right answers after training", "Udział poprawnych odpowiedzi po uczeniu"),
        columns=columns,
        rows=rows,
        note=Text(
            "Tanh networks, trained on sequences of length {length}. Guessing gives 0.5 and a cross-entropy of ln 2 "
            "= 0.693. A network that works at ten times the length has learnt the rule, not a pattern.",
            "Sieci tanh uczone na ciągach długości {length}. Zgadywanie daje 0,5 i entropię krzyżową ln 2 = 0,693. "
            "Sieć, która działa przy dziesięciokrotnej długości, nauczyła się reguły, a nie wzorca.",
        ).filled(length=result.settings.trained),
        significant=3,
    )


def _accuracies(result: ParityResult) -> Figure:
    """Return the right answers by length of everything that was tested."""

    def draw(language: Language) -> go.Figure:
        titles = Text("length T", "długość T"), Text("share of right answers", "udział poprawnych odpowiedzi")
        curves = [
            (Text("exact weights", "dokładne wagi")[language], result.accuracies),
            (Text("linear", "liniowo")[language], result.linear),
            (Text("last bits", "ostatnie bity")[language], result.windowed),
        ]
        figure = drawing.lines(result.settings.lengths, curves, titles[0][language], titles[1][language])
        figure.update_traces(mode="lines+markers")
        ways = list(dict.fromkeys(one.way for one in result.trainings))
        for index, way in enumerate(ways, len(curves)):
            own = [one for one in result.trainings if one.way == way]
            aside = ASIDE ** (index - len(curves) - (len(ways) - 1) / 2)
            figure.add_scatter(
                x=[length * aside for one in own for length in one.tested],
                customdata=[length for one in own for length in one.tested],
                hovertemplate="%{customdata}: %{y:.3f}",
                y=[share for one in own for share in one.accuracies],
                name=LEARNT_BY[way][language],
                mode="markers",
                marker=plotting.marker(index),
            )
        figure.update_xaxes(type="log", dtick="D2", tickformat="~g")
        figure.update_yaxes(range=[0.4, 1.04])
        figure.update_layout(hovermode="closest")
        return figure

    words = Text(
        "Guessing gives 0.5. The axis of lengths is logarithmic. Exact weights are right at the length only if they "
        "lie at 1.",
        "Zgadywanie daje 0,5. Oś długości jest logarytmiczna. Dokładne wagi są bezbłędne przy długości tylko wtedy, "
        "gdy leżą przy 1.",
    )
    if result.trainings:
        words = joined(
            words,
            Text(
                "Marks are trained networks, one per seed, at the length of their training, twice and ten times that; "
                "the ways of training stand a little aside of each other.",
                "Znaki to nauczone sieci, po jednym na ziarno, przy długości uczenia, dwukrotnej i dziesięciokrotnej; "
                "sposoby uczenia stoją obok siebie, nieco rozsunięte.",
            ),
        )
    return Figure(Text("Right answers by length", "Poprawne odpowiedzi według długości"), words, draw, 420)


def _states(result: ParityResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        steps = np.arange(1, len(result.bits) + 1)
        unit = Text("unit", "jednostka")[language]
        curves = [(f"{unit} {index + 1}", result.states[:, index]) for index in range(2)]
        figure = drawing.lines(steps, curves, drawing.STEP[language], Text("state", "stan")[language])
        figure.add_scatter(
            x=steps,
            y=np.where(np.cumsum(result.bits) % 2 == 1, 1.0, -1.0),
            name=Text("parity so far", "dotychczasowa parzystość")[language],
            mode="markers",
            marker={"symbol": "diamond-open", "size": 13, "color": plotting.ACTUAL, "line": {"width": 2}},
        )
        figure.update_xaxes(
            tickvals=steps, ticktext=[f"{step}<br>{bit}" for step, bit in zip(steps, result.bits, strict=True)]
        )
        # The ticks have two rows.
        figure.update_xaxes(title={"standoff": 24})
        return figure

    return Figure(
        Text("Both units on one sequence", "Obie jednostki na jednym ciągu"),
        Text(
            "Each step is labelled with its bit. Unit 1 is on when bit and parity hold at least one 1, unit 2 when "
            "both are 1. A black diamond at the top means odd so far: unit 1 on, unit 2 off.",
            "Pod każdym krokiem podano jego bit. Jednostka 1 jest włączona, gdy wśród bitu i parzystości jest co "
            "najmniej jedna 1, jednostka 2, gdy obie są równe 1. Czarny romb u góry oznacza liczbę nieparzystą: 1 "
            "włączona, 2 wyłączona.",
        ),
        draw,
        360,
    )


EXPERIMENT = Experiment(
    id="parity",
    name=Text("Parity", "Parzystość"),
    description=Text(
        "After every bit: is the number of ones so far odd? Every one changes the answer, so no bit may be "
        "forgotten. Parity is uncorrelated with every smaller set of the bits; a linear predictor and a shorter "
        "window stay at chance. Two tanh units are sufficient for a recurrent network.",
        "Po każdym bicie: czy dotychczasowa liczba jedynek jest nieparzysta? Każda jedynka zmienia odpowiedź, więc "
        "żadnego bitu nie wolno zapomnieć. Parzystość nie jest skorelowana z żadnym mniejszym zbiorem bitów; "
        "predyktor liniowy i krótsze okno pozostają na poziomie przypadku. Sieci rekurencyjnej wystarczą dwie "
        "jednostki z tanh.",
    ),
    how_to_read=Text(
        "Compare what lies at 1 with what lies at 0.5, then follow the diamonds in the second figure.",
        "Porównaj to, co leży przy 1, z tym, co leży przy 0,5, a potem prześledź romby na drugim rysunku.",
    ),
    expected_seconds=16,
    presets={
        "default": Preset(
            Text("Exact weights, and three ways of training", "Dokładne wagi i trzy sposoby uczenia"),
            ParitySettings(),
        ),
        "exact": Preset(Text("Exact weights alone", "Same dokładne wagi"), ParitySettings(ways=())),
        "low-gain": Preset(Text("The same with K = 1", "To samo przy K = 1"), ParitySettings(gain=1.0, ways=())),
        "short": Preset(Text("Learn at length 8", "Uczenie przy długości 8"), ParitySettings(trained=8, updates=800)),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "Random search over the weights also solves parity. What follows from a solution?",
                "Losowe przeszukiwanie wag także rozwiązuje parzystość. Co wynika z jej rozwiązania?",
            ),
            Text(
                "Little about learning: the set of good weights is large, but gradient descent on the last step "
                "alone rarely finds it. Targets for every prefix and growing lengths help.",
                "Niewiele o uczeniu: zbiór dobrych wag jest duży, ale spadek gradientu tylko z ostatniego kroku "
                "rzadko go znajduje. Pomagają cele dla każdego początku ciągu i stopniowe wydłużanie.",
            ),
        ),
    ),
)
