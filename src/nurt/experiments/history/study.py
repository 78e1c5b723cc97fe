"""Train Elman, GRU and LSTM on the text and look at the gradient by lag, and at how far back an opening is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.experiments.base import ReportProgress, about, part_of
from nurt.experiments.history import pictures
from nurt.experiments.history.text import ALPHABET, PhraseText, Windows
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Text, joined, to_digits

if TYPE_CHECKING:
    from torch import Tensor

    from nurt.experiments.longmemory.network import Network

__all__ = ["CellHistory", "HistoryResult", "HistorySettings", "compute", "verdict_of"]

# Share of the largest gradient that still counts.
NOTICEABLE = 0.01
# Share of right closing letters above which an opening counts as known; guessing has one half.
KNOWN = 0.75
RECENT = 5
# What the notes claim of a plain network, in steps.
CLAIM = (5, 10)


@dataclass(frozen=True)
class HistorySettings(Settings):
    """Settings of the text and of the trainings.

    Args:
        seed: of weights and text.
        cells: names of the cells, as in the memory benchmarks.
        longest: most fillers between an opening and its closing letter.
        steps: T, letters of a window.
        hidden: H.
        updates: per cell.
        batch: windows per update, B.
        learning_rate: of Adam.
        clip_norm: largest norm of the gradient.
        tested: windows per measurement.
        distances: from opening to closing letter, at which closing letters are tested.
    """

    cells: tuple[str, ...] = ("RNN", "GRU", "LSTM")
    longest: int = 30
    steps: int = 40
    hidden: int = 32
    updates: int = 700
    batch: int = 32
    learning_rate: float = 0.01
    clip_norm: float = 1.0
    tested: int = 200
    distances: tuple[int, ...] = (2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 26, 30)


@dataclass(frozen=True)
class CellHistory:
    """What one trained cell takes from the history.

    Args:
        cell: its name.
        loss: cross-entropy of the next letter on windows that end anywhere, nats.
        inputs: ‖∂ℓ/∂x‖ by lag, mean over these windows, lag 0 the last letter, (T,).
        states: ‖∂ℓ/∂s‖ of the whole state by lag, (T,).
        closing: ‖∂ℓ/∂x‖ by lag at closing letters of the longest distance, (T,).
        right: share of right closing letters by distance.
    """

    cell: str
    loss: float
    inputs: np.ndarray
    states: np.ndarray
    closing: np.ndarray
    right: np.ndarray

    @property
    def reach(self) -> int:
        """The last lag at which the gradient by the input is at least 1 % of its maximum."""
        return last_noticeable(self.inputs)

    @property
    def recent_share(self) -> float:
        """Share of the last five letters in the gradient by the input, summed over all lags."""
        return float(self.inputs[:RECENT].sum() / self.inputs.sum())


def last_noticeable(curve: np.ndarray) -> int:
    """Return the last lag at which a curve is at least 1 % of its maximum; (T,)."""
    return int(np.flatnonzero(curve >= NOTICEABLE * curve.max())[-1])


def memory_of(distances: tuple[int, ...], right: np.ndarray) -> int:
    """Return the longest distance up to which the opening is known without a gap; 0 if not even at the shortest."""
    known = 0
    for distance, share in zip(distances, right, strict=True):
        if share < KNOWN:
            break
        known = distance
    return known


@dataclass(frozen=True, kw_only=True)
class HistoryResult(ExperimentResult):
    """What all cells take from the history.

    Args:
        settings: of the run.
        verdict: whether all steps count equally, and whether a plain network knows 5 to 10 steps.
        score: longest distance over which the plain network knows an opening.
        baselines: the same of the other cells.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        cells: what each takes from the history.
    """

    settings: HistorySettings
    cells: tuple[CellHistory, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Return the gradients by lag, and the right closing letters by distance."""
        by_input = tuple((one.cell, one.inputs) for one in self.cells)
        by_state = tuple((one.cell, one.states) for one in self.cells)
        closing = tuple((one.cell, one.closing) for one in self.cells)
        return (
            pictures.input_figure(by_input, RECENT),
            pictures.distance_figure(
                self.settings.distances, tuple((one.cell, one.right) for one in self.cells), KNOWN
            ),
            pictures.closing_figure(closing, self.settings.distances[-1]),
            pictures.state_figure(by_state),
        )

    def tables(self) -> tuple[ResultTable, ...]:
        """Return reach, shares and memory of every cell."""
        rows = tuple(
            (
                one.cell,
                one.loss,
                100.0 * one.recent_share,
                one.reach,
                last_noticeable(one.states),
                memory_of(self.settings.distances, one.right),
            )
            for one in self.cells
        )
        return (pictures.table(rows, RECENT, 100.0 * RECENT / self.settings.steps),)


def compute(settings: HistorySettings, progress: ReportProgress) -> HistoryResult:
    """Train every cell and measure what it takes from the history."""
    text = PhraseText(settings.longest)
    stream = np.random.default_rng((settings.seed, 1))
    anywhere = text.windows(settings.tested, settings.steps, stream)
    closing = [
        text.closing_windows(distance, settings.tested, settings.steps, stream) for distance in settings.distances
    ]
    cells, updates = [], 0
    for index, cell in enumerate(settings.cells):
        tell = part_of(about(progress, Text(cell, cell)), index, len(settings.cells))
        network, made = _train(settings, text, cell, tell)
        updates += made
        cells.append(_measure(network, cell, anywhere, closing))
    known = {one.cell: memory_of(settings.distances, one.right) for one in cells}
    first = settings.cells[0]
    name = Text("steps over which {cell} knows an opening", "kroki, przez które {cell} zna otwarcie")
    return HistoryResult(
        settings=settings,
        verdict=verdict_of(tuple(cells), settings.distances, settings.steps),
        score=Measure(name.filled(cell=first), known[first]),
        baselines=(
            *(Measure(Text(one, one), known[one]) for one in settings.cells[1:]),
            Measure(Text("longest distance in the test", "największa odległość w teście"), settings.distances[-1]),
        ),
        updates=updates,
        cells=tuple(cells),
    )


def _train(
    settings: HistorySettings, text: PhraseText, cell: str, tell: Callable[[float], None]
) -> tuple[Network, int]:
    """Return a network trained to give the next letter at every step, and its updates."""
    import torch

    from nurt.experiments.longmemory.network import Network
    from nurt.training.events import Event, StepEnded
    from nurt.training.loop import train
    from nurt.training.process_state import private_generators
    from nurt.training.settings import TrainingSettings
    from nurt.training.stream import StreamObjective

    with private_generators(settings.seed, ()):
        network = Network(cell, len(ALPHABET), settings.hidden, len(ALPHABET))
    stream = np.random.default_rng((settings.seed, 0))

    def next_loss() -> Tensor:
        rows = np.stack([text.letters(settings.steps + 1, stream)[0] for _ in range(settings.batch)])
        answers, _ = network.at_every_step(_one_hot(rows[:, :-1]))
        return torch.nn.functional.cross_entropy(answers.flatten(0, 1), torch.from_numpy(rows[:, 1:]).flatten())

    def listen(event: Event) -> None:
        if isinstance(event, StepEnded):
            tell(event.step / settings.updates)

    record = train(
        network,
        StreamObjective(next_loss, settings.updates, generator=stream),
        TrainingSettings(epochs=1, learning_rate=settings.learning_rate, clip_norm=settings.clip_norm),
        listener=listen,
    )
    if record.stopped_by == "interrupt":
        raise KeyboardInterrupt
    return network, record.updates


def _one_hot(letters: np.ndarray) -> Tensor:
    import torch

    return torch.nn.functional.one_hot(torch.from_numpy(letters), len(ALPHABET)).float()


def _measure(network: Network, cell: str, anywhere: Windows, closing: list[Windows]) -> CellHistory:
    """Return the gradients by lag and the right closing letters of a trained network."""
    loss, inputs, states = gradients_by_lag(network, anywhere)
    right = [_right(network, one) for one in closing]
    return CellHistory(cell, loss, inputs, states, gradients_by_lag(network, closing[-1])[1], np.array(right))


def gradients_by_lag(network: Network, windows: Windows) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of the letter after the window, and ‖∂ℓ/∂x‖ and ‖∂ℓ/∂s‖ by lag, means over windows, (T,) each.

    The state s is all that the cell hands on: h, of the LSTM h and c together.
    """
    import torch

    from nurt.kernels import recording

    given = _one_hot(windows.letters).requires_grad_()
    wanted = torch.from_numpy(windows.following)
    with recording() as records:
        answers, _ = network.at_every_step(given)
    loss = torch.nn.functional.cross_entropy(answers[:, -1], wanted, reduction="sum")
    (by_input,) = torch.autograd.grad(loss, given)
    record = records[0]
    parts = [part for part in (record.grad_hidden, record.grad_cell) if part is not None]
    return float(loss.detach()) / len(wanted), _by_lag(by_input), _by_lag(torch.cat(parts, dim=-1))


def _by_lag(gradient: Tensor) -> np.ndarray:
    """Return the mean norm over windows by lag, the last step first, (T,)."""
    norms: Any = gradient.norm(dim=-1).mean(dim=0).flip(0)
    return np.asarray(norms.numpy(), dtype=np.float64)


def _right(network: Network, windows: Windows) -> float:
    """Return how often the agreeing closing letter gets more than the other one."""
    import torch

    from nurt.experiments.history.text import CLOSERS, OPENERS

    with torch.no_grad():
        answers = network.at_every_step(_one_hot(windows.letters))[0][:, -1]
    closers = answers[:, len(OPENERS) : len(OPENERS) + len(CLOSERS)].argmax(dim=1).numpy()
    return float(np.mean(closers + len(OPENERS) == windows.following))


def verdict_of(cells: tuple[CellHistory, ...], distances: tuple[int, ...], steps: int) -> Verdict[Text]:
    """Return whether the steps count equally, and how the claim of 5 to 10 steps fares with the first cell.

    Args:
        cells: what each takes from the history, the plain network first.
        distances: at which closing letters were tested.
        steps: T.
    """
    even = RECENT / steps
    shares = [
        Text("{cell} {share} %", "{cell} {share} %").filled(cell=c.cell, share=to_digits(100.0 * c.recent_share, 2))
        for c in cells
    ]
    listed = Text(", ".join(one.en for one in shares), "; ".join(one.pl for one in shares))
    equal = all(abs(one.recent_share - even) <= 0.5 * even for one in cells)
    opening = (
        Text(
            "The steps of the history count about equally: the last {n} of {steps} letters hold {listed} of the "
            "gradient by the input, and equal shares would be {even} %.",
            "Kroki historii liczą się mniej więcej po równo: na ostatnie {n} z {steps} liter przypada {listed} "
            "gradientu po wejściu, a równe udziały to {even} %.",
        )
        if equal
        else Text(
            "The steps of the history do not count equally: the last {n} of {steps} letters hold {listed} of the "
            "gradient by the input; equal shares would be {even} %.",
            "Kroki historii nie liczą się po równo: na ostatnie {n} z {steps} liter przypada {listed} gradientu po "
            "wejściu; równe udziały to {even} %.",
        )
    ).filled(n=RECENT, steps=steps, listed=listed, even=to_digits(100.0 * even))
    return Verdict(Standing.SHOWN, joined(opening, _memories(cells, distances), _claim(cells[0], distances)))


def _memories(cells: tuple[CellHistory, ...], distances: tuple[int, ...]) -> Text:
    parts = []
    for one in cells:
        known = memory_of(distances, one.right)
        words = Text("{cell} 0", "{cell} 0") if known == 0 else Text("{cell} up to {known}", "{cell} do {known}")
        parts.append(words.filled(cell=one.cell, known=known))
    listed = Text(", ".join(one.en for one in parts), "; ".join(one.pl for one in parts))
    return Text(
        "From the shortest distance on, an opening letter is known at its close: {listed} steps back.",
        "Od najmniejszej odległości litera otwierająca jest znana przy zamknięciu: {listed} kroków wstecz.",
    ).filled(listed=listed)


def _claim(plain: CellHistory, distances: tuple[int, ...]) -> Text:
    """Return whether the plain network knows 5 to 10 steps, fewer, or more."""
    known = memory_of(distances, plain.right)
    low, high = CLAIM
    if known < low:
        words = Text(
            "The claim that a plain network remembers the last {low} to {high} steps is too generous for this one.",
            "Twierdzenie, że zwykła sieć pamięta ostatnie {low}–{high} kroków, jest dla tej sieci zbyt hojne.",
        )
    elif known <= high:
        words = Text(
            "The claim that a plain network remembers the last {low} to {high} steps holds for this one.",
            "Twierdzenie, że zwykła sieć pamięta ostatnie {low}–{high} kroków, dla tej sieci się zgadza.",
        )
    else:
        words = Text(
            "The claim that a plain network remembers only the last {low} to {high} steps does not hold for this one: "
            "the number is no law, it depends on task and training.",
            "Twierdzenie, że zwykła sieć pamięta tylko ostatnie {low}–{high} kroków, dla tej sieci się nie zgadza: ta "
            "liczba nie jest prawem, zależy od zadania i uczenia.",
        )
    return words.filled(low=low, high=high)
