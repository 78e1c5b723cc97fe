"""A feed-forward network beside a recurrent one: shuffled steps, and longer input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.experiments import drawing
from nurt.experiments.base import Exercise, Experiment, Preset, ReportProgress, about, part_of
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Language, Text, joined, to_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from torch import Tensor, nn

__all__ = ["EXPERIMENT", "OrderResult", "OrderSettings", "Trained", "first_sign"]

NAMES = {
    ("feed-forward", False): Text("feed-forward", "jednokierunkowa"),
    ("feed-forward", True): Text("feed-forward, shuffled", "jednokierunkowa, przestawione"),
    ("recurrent", False): Text("recurrent", "rekurencyjna"),
    ("recurrent", True): Text("recurrent, shuffled", "rekurencyjna, przestawione"),
}
# Two losses closer than this, as a factor, are called alike.
ALIKE = 1.25


@dataclass(frozen=True)
class OrderSettings(Settings):
    """Settings of the comparison.

    Args:
        seed: of weights and sequences.
        steps: T of the training.
        hidden: H of both networks.
        updates: per training.
        batch: sequences per update, B.
        learning_rate: of Adam.
        tested: sequences per test.
        longer: lengths of the tests, as multiples of T.
    """

    steps: int = 12
    hidden: int = 32
    updates: int = 800
    batch: int = 64
    learning_rate: float = 0.005
    tested: int = 1000
    longer: tuple[int, ...] = (1, 2, 4)


@dataclass(frozen=True)
class Trained:
    """One trained network.

    Args:
        kind: "feed-forward" or "recurrent".
        shuffled: whether its steps come in another order, the same one in training and test.
        losses: squared error per tested length; NaN where the network cannot read that length.
        parameters: numbers that were trained.
    """

    kind: str
    shuffled: bool
    losses: np.ndarray
    parameters: int

    @property
    def name(self) -> Text:
        """Its name in words."""
        return NAMES[self.kind, self.shuffled]


@dataclass(frozen=True, kw_only=True)
class OrderResult(ExperimentResult):
    """Errors of both networks.

    Args:
        settings: of the run.
        verdict: what shuffling and longer input do to either.
        score: squared error of the recurrent network at the length of the training.
        baselines: that of the feed-forward network, and of a constant.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        networks: all four.
        constant: squared error of the best constant per tested length.
    """

    settings: OrderSettings
    networks: tuple[Trained, ...]
    constant: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return the errors by length."""
        return (_errors(self),)

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the errors of all networks."""
        return (_table(self),)


def first_sign(signs: np.ndarray) -> np.ndarray:
    """Return the first of each row that is not 0, 0 where there is none, (B,); ``signs`` is -1, 0 or 1, (B, T)."""
    first = np.argmax(signs != 0, axis=1)
    return np.asarray(signs[np.arange(len(signs)), first])


def draw(count: int, steps: int, stream: np.random.Generator) -> np.ndarray:
    """Return rows of -1, 0 and 1, half of them 0, (count, T)."""
    return np.asarray(stream.choice(np.array([-1, 0, 0, 1]), size=(count, steps)))


def compute(settings: OrderSettings, progress: ReportProgress) -> OrderResult:
    """Train both networks, on the steps in order and on shuffled steps."""
    stream = np.random.default_rng((settings.seed, 1))
    lengths = [settings.steps * factor for factor in settings.longer]
    tests = [draw(settings.tested, length, stream) for length in lengths]
    # Neighbours end up far apart, however short the sequence is.
    permutation = np.concatenate([np.arange(0, settings.steps, 2), np.arange(1, settings.steps, 2)])
    networks, updates = [], 0
    for index, (kind, shuffled) in enumerate(NAMES):
        tell = part_of(about(progress, NAMES[kind, shuffled]), index, len(NAMES))
        order = permutation if shuffled else np.arange(settings.steps)
        network, made = _train(settings, kind, order, tell)
        updates += made
        losses = np.array([_loss(network, signs, order) for signs in tests])
        networks.append(Trained(kind, shuffled, losses, sum(one.numel() for one in network.parameters())))
    constant = np.array([float(np.var(first_sign(signs))) for signs in tests])
    recurrent = next(one for one in networks if one.kind == "recurrent" and not one.shuffled)
    forward = next(one for one in networks if one.kind == "feed-forward" and not one.shuffled)
    return OrderResult(
        settings=settings,
        verdict=verdict_of(tuple(networks), constant, lengths),
        score=Measure(
            Text("squared error of the recurrent network", "błąd kwadratowy sieci rekurencyjnej"),
            float(recurrent.losses[0]),
        ),
        baselines=(
            Measure(Text("feed-forward network", "sieć jednokierunkowa"), float(forward.losses[0])),
            Measure(Text("constant answer", "stała odpowiedź"), float(constant[0])),
        ),
        updates=updates,
        networks=tuple(networks),
        constant=constant,
    )


def _build(kind: str, order: np.ndarray, hidden: int) -> nn.Module:
    """Return a new network; the columns of the feed-forward one are put in the order of the steps.

    Its weights are drawn alike for every place, so this is another draw from the same distribution; of one network in
    two orders it makes the same one, and its training shows that the order is nothing to it.
    """
    import torch
    from torch import nn

    from nurt.experiments.longmemory.network import Network

    if kind == "recurrent":
        return Network("RNN", 1, hidden, 1)
    places = nn.Linear(len(order), hidden)
    with torch.no_grad():
        places.weight.copy_(places.weight[:, torch.from_numpy(order)])
    return nn.Sequential(places, nn.Tanh(), nn.Linear(hidden, 1))


def _answers(network: nn.Module, signs: np.ndarray) -> Tensor:
    """Return the answers of a network to rows (B, T), (B,); the recurrent one reads step by step."""
    import torch

    from nurt.experiments.longmemory.network import Network

    given = torch.from_numpy(signs).float()
    if isinstance(network, Network):
        return network.at_the_end(given[..., None], None)[:, 0]
    answer: Tensor = network(given)[:, 0]
    return answer


def _train(
    settings: OrderSettings, kind: str, order: np.ndarray, tell: Callable[[float], None]
) -> tuple[nn.Module, int]:
    """Return a network trained to give the first sign of sequences whose steps come in ``order``, and its updates."""
    import torch

    from nurt.training.events import Event, StepEnded
    from nurt.training.loop import train
    from nurt.training.process_state import private_generators
    from nurt.training.settings import TrainingSettings
    from nurt.training.stream import StreamObjective

    with private_generators(settings.seed, ()):
        network = _build(kind, order, settings.hidden)
    stream = np.random.default_rng((settings.seed, 0))

    def next_loss() -> Tensor:
        signs = draw(settings.batch, settings.steps, stream)
        return (_answers(network, signs[:, order]) - torch.from_numpy(first_sign(signs)).float()).square().mean()

    def listen(event: Event) -> None:
        if isinstance(event, StepEnded):
            tell(event.step / settings.updates)

    training = TrainingSettings(epochs=1, learning_rate=settings.learning_rate)
    objective = StreamObjective(next_loss, settings.updates, generator=stream)
    record = train(network, objective, training, listener=listen)
    if record.stopped_by == "interrupt":
        raise KeyboardInterrupt
    return network, record.updates


def _loss(network: nn.Module, signs: np.ndarray, order: np.ndarray) -> float:
    """Return the squared error on sequences; NaN where the network does not take their length.

    Longer sequences are shuffled block by block, as the network knows it.
    """
    import torch

    from nurt.experiments.longmemory.network import Network

    length = signs.shape[1]
    if length != len(order) and not isinstance(network, Network):
        return float("nan")
    places = np.concatenate([order + first for first in range(0, length, len(order))])
    with torch.no_grad():
        answers = _answers(network, signs[:, places]).numpy()
    return float(np.mean((answers - first_sign(signs)) ** 2))


def verdict_of(networks: tuple[Trained, ...], constant: np.ndarray, lengths: list[int]) -> Verdict[Text]:
    """Return what shuffling does to either network, and which lengths each can read.

    Args:
        networks: all four.
        constant: squared error of a constant per length.
        lengths: that were tested, the first that of the training.
    """
    found = {(one.kind, one.shuffled): one for one in networks}
    parts = [
        _shuffled(
            Text("feed-forward network", "Sieć jednokierunkowa"),
            float(found["feed-forward", False].losses[0]),
            float(found["feed-forward", True].losses[0]),
        ),
        _shuffled(
            Text("recurrent network", "Sieć rekurencyjna"),
            float(found["recurrent", False].losses[0]),
            float(found["recurrent", True].losses[0]),
        ),
        _longer(found["feed-forward", False], found["recurrent", False], constant, lengths),
    ]
    return Verdict(Standing.SHOWN, joined(*parts))


def _shuffled(name: Text, straight: float, shuffled: float) -> Text:
    """Return whether a fixed other order of the steps changes the error of a network."""
    ratio = shuffled / straight
    if 1.0 / ALIKE <= ratio <= ALIKE:
        words = Text(
            "To the {name} a fixed other order of the steps is all the same: error {a} in order, {b} shuffled.",
            "{name}: stała inna kolejność kroków niczego nie zmienia, błąd {a} po kolei, {b} po przestawieniu.",
        )
    elif ratio > ALIKE:
        words = Text(
            "The {name} needs the order: error {a} in order, {b} shuffled.",
            "{name}: kolejność jest potrzebna, błąd {a} po kolei, {b} po przestawieniu.",
        )
    else:
        words = Text(
            "The {name} does better with the shuffled steps: error {a} in order, {b} shuffled.",
            "{name}: z przestawionymi krokami wynik jest lepszy, błąd {a} po kolei, {b} po przestawieniu.",
        )
    return words.filled(name=name, a=to_digits(straight), b=to_digits(shuffled))


def _longer(forward: Trained, recurrent: Trained, constant: np.ndarray, lengths: list[int]) -> Text:
    """Return which longer inputs either network can read, and whether the recurrent one is still of use there."""
    unread = [length for length, loss in zip(lengths, forward.losses, strict=True) if np.isnan(loss)]
    if not unread:
        return Text("No longer input was tested.", "Nie sprawdzano dłuższych wejść.")
    pairs = zip(lengths[1:], recurrent.losses[1:], constant[1:], strict=True)
    useful = [length for length, loss, free in pairs if loss < 0.5 * free]
    listed = ", ".join(map(str, unread))
    if useful:
        words = Text(
            "Inputs of {unread} steps the feed-forward network cannot read at all; the recurrent one reads them, and "
            "up to {far} steps its error is below half that of a constant.",
            "Wejść o długości {unread} sieć jednokierunkowa w ogóle nie przeczyta; rekurencyjna je czyta i do {far} "
            "kroków jej błąd jest mniejszy niż połowa błędu stałej.",
        )
        return words.filled(unread=listed, far=max(useful))
    return Text(
        "Inputs of {unread} steps the feed-forward network cannot read at all; the recurrent one reads them, but its "
        "error there is no longer below half that of a constant.",
        "Wejść o długości {unread} sieć jednokierunkowa w ogóle nie przeczyta; rekurencyjna je czyta, ale jej błąd nie "
        "jest tam już mniejszy niż połowa błędu stałej.",
    ).filled(unread=listed)


def _lengths(result: OrderResult) -> list[int]:
    return [result.settings.steps * factor for factor in result.settings.longer]


def _table(result: OrderResult) -> ResultTable:
    lengths = _lengths(result)
    rows: list[tuple[float | str | Text, ...]] = [
        (one.name, one.parameters, *map(float, one.losses)) for one in result.networks
    ]
    rows.append((Text("constant", "stała"), 1, *map(float, result.constant)))
    return ResultTable(
        caption=Text("Squared error by length", "Błąd kwadratowy według długości"),
        columns=(
            Text("network", "sieć"),
            Text("parameters", "parametry"),
            *(Text(f"T = {length}", f"T = {length}") for length in lengths),
        ),
        rows=tuple(rows),
        note=Text(
            "A dash: the network has no weights for an input of that length. Shuffled: first the odd steps, then the "
            "even ones, in training and test alike.",
            "Kreska: sieć nie ma wag dla wejścia tej długości. Przestawione: najpierw kroki nieparzyste, potem "
            "parzyste, tak samo w uczeniu i w teście.",
        ),
        significant=3,
    )


def _errors(result: OrderResult) -> Figure:
    def draw(language: Language) -> go.Figure:
        lengths = _lengths(result)
        curves = [(one.name[language], one.losses) for one in result.networks]
        curves.append((Text("constant", "stała")[language], result.constant))
        titles = (
            Text("length of the input (steps)", "długość wejścia (kroki)"),
            Text("squared error", "błąd kwadratowy"),
        )
        figure = drawing.lines(lengths, curves, titles[0][language], titles[1][language])
        for index, trace in enumerate(figure.data):
            trace.update(
                mode="lines+markers", marker={"symbol": plotting.symbol(index), "size": 9 if index % 2 else 14}
            )
        figure.update_xaxes(tickvals=lengths)
        plotting.log_axis(figure)
        return figure

    return Figure(
        Text("Error by length of the input", "Błąd według długości wejścia"),
        Text(
            "The networks were trained at {n} steps. A curve of one point ends there: a feed-forward network has a "
            "weight per place and none for more of them.",
            "Sieci uczono przy {n} krokach. Krzywa z jednym punktem tam się kończy: sieć jednokierunkowa ma wagę na "
            "każde miejsce i żadnej na dalsze.",
        ).filled(n=result.settings.steps),
        draw,
        400,
    )


EXPERIMENT = Experiment(
    id="order",
    name=Text(
        "Order and length: feed-forward and recurrent", "Kolejność i długość: sieć jednokierunkowa i rekurencyjna"
    ),
    description=Text(
        "Rows of −1, 0 and 1; the answer is the first that is not 0. A feed-forward network gets all steps at once, a "
        "recurrent one reads them in turn. Both are trained on the steps in order, and on steps in another, fixed "
        "order. Then both get longer sequences. A feed-forward network has a weight of its own for every place: to it "
        "the order of the places means nothing, and there is no weight for a place it has not seen.",
        "Ciągi −1, 0 i 1; odpowiedzią jest pierwsza liczba różna od 0. Sieć jednokierunkowa (feed-forward) dostaje "
        "wszystkie kroki naraz, rekurencyjna czyta je po kolei. Obie uczą się na krokach po kolei oraz na krokach w "
        "innej, stałej kolejności. Potem obie dostają dłuższe ciągi. Sieć jednokierunkowa ma osobną wagę na każde "
        "miejsce: kolejność miejsc nic dla niej nie znaczy, a na miejsce, którego nie widziała, nie ma wagi.",
    ),
    how_to_read=Text(
        "Compare each network with its shuffled twin at the left end of the figure, then follow the curves to the "
        "right.",
        "Porównaj każdą sieć z jej przestawioną bliźniaczką na lewym końcu rysunku, a potem prześledź krzywe w prawo.",
    ),
    expected_seconds=3,
    presets={
        "default": Preset(Text("12 steps, tested up to 48", "12 kroków, testy do 48"), OrderSettings()),
        "quick": Preset(
            Text("6 steps, 150 updates", "6 kroków, 150 aktualizacji"),
            OrderSettings(steps=6, hidden=16, updates=150, tested=300, longer=(1, 2)),
        ),
        "more-updates": Preset(Text("2000 updates", "2000 aktualizacji"), OrderSettings(updates=2000)),
    },
    compute=compute,
    exercises=(
        Exercise(
            Text(
                "Pad all sequences to the greatest length with zeros. Is a feed-forward network then as good?",
                "Uzupełnij wszystkie ciągi zerami do największej długości. Czy sieć jednokierunkowa będzie równie "
                "dobra?",
            ),
            Text(
                "It can read them, but every place still has to be learnt by itself: what it knows about step 3 "
                "tells it nothing about step 30. The recurrent network uses the same weights everywhere.",
                "Przeczyta je, ale każdego miejsca musi nauczyć się osobno: to, co wie o kroku 3, nic nie mówi o "
                "kroku 30. Sieć rekurencyjna używa wszędzie tych samych wag.",
            ),
        ),
        Exercise(
            Text(
                "Why may a fixed shuffling hurt the recurrent network at all, if all numbers are there?",
                "Dlaczego stałe przestawienie może szkodzić sieci rekurencyjnej, skoro wszystkie liczby są na miejscu?",
            ),
            Text(
                "In order it has to keep one number, the first that is not 0. Shuffled, the odd steps come first, and "
                "it also has to keep at which of them that number stood, until the even steps have been read.",
                "Po kolei musi trzymać jedną liczbę, pierwszą różną od 0. Po przestawieniu najpierw przychodzą kroki "
                "nieparzyste i musi pamiętać także, w którym z nich stała ta liczba, aż przeczyta kroki parzyste.",
            ),
        ),
    ),
)
