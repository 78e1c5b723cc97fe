"""One experiment with binary numbers: training, other seeds, accuracy and states."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nurt.descent import NesterovRMSProp, descend
from nurt.descent.base import Gradient
from nurt.experiments.addition import model, pictures
from nurt.experiments.addition.model import Operation, Pairs, all_pairs, draw_pairs
from nurt.experiments.base import ReportProgress
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Text, joined

__all__ = ["AdditionResult", "AdditionSettings", "Training", "compute", "train"]

FRESH = 2000
# Up to this number of pairs, the network is tested on all of them.
ALL = 4096
FRESH_SEED = 1000
POINTS_SHOWN = 100
CHECKED = 100
RIGHT_OF_ALL = Text(f"right bits of all {ALL} pairs", f"poprawne bity wszystkich {ALL} par")
RIGHT_OF_FRESH = Text(f"right bits of {FRESH} held-out pairs", f"poprawne bity {FRESH} nowych par")
SAMPLE = 5


@dataclass(frozen=True)
class AdditionSettings(Settings):
    """Settings of an experiment with binary numbers.

    Args:
        seed: of data and weights, one stream for both.
        operation: add or subtract.
        steps: T; the numbers have one bit less.
        samples: training pairs.
        hidden: H.
        rounds: passes.
        batches: updates of a round.
        batch: pairs of an update.
        slices: ``disjoint`` takes pairs batch·q … of update q; ``shifted`` takes q …, so that 20 batches of 100 touch
            119 pairs only.
        guard: of the optimiser, see :class:`nurt.descent.NesterovRMSProp`.
        networks_before: networks whose weights are drawn, and not used, before those of the one that is trained.
        draws: further seeds that are trained for comparison.
    """

    operation: Operation = "add"
    steps: int = 7
    samples: int = 2000
    hidden: int = 3
    rounds: int = 5
    batches: int = 20
    batch: int = 100
    slices: Literal["disjoint", "shifted"] = "shifted"
    guard: Literal["root", "step"] = "step"
    networks_before: int = 1
    draws: int = 20

    @property
    def updates(self) -> int:
        """Updates in all."""
        return self.rounds * self.batches

    @property
    def exhaustive(self) -> bool:
        """Whether a network is tested on all pairs of numbers, and not on held-out ones alone."""
        return self.steps - 1 <= math.log(ALL, 4)


@dataclass(frozen=True)
class Training:
    """One training.

    Args:
        start: loss on the first batch before the first update.
        losses: loss on its batch after every update.
        walked: weights before the first update and after every one.
        first: weights of the network drawn before it; None where there is none.
        pairs: the training pairs.
    """

    start: float
    losses: np.ndarray
    walked: tuple[model.AdditionWeights, ...]
    first: model.AdditionWeights | None
    pairs: Pairs


@dataclass(frozen=True, kw_only=True)
class AdditionResult(ExperimentResult):
    """Result of an experiment with binary numbers.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: share of right bits, of all pairs of numbers or of held-out ones.
        baselines: the same for predictions without memory.
        updates: of one training.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        start: loss before the first update.
        losses: loss after every update.
        parameters: weights at the end.
        shown: updates at which the accuracy was measured.
        accuracies: share of right bits there.
        sample: pairs that the figures show.
        draw_accuracies: share of right bits at the end of the trainings from other seeds.
        gradient_check: largest relative difference between the gradient and central differences.
    """

    settings: AdditionSettings
    start: float
    losses: np.ndarray
    parameters: model.AdditionWeights
    shown: np.ndarray
    accuracies: np.ndarray
    sample: Pairs = field(metadata={"json": False})
    draw_accuracies: np.ndarray
    gradient_check: float

    def figures(self) -> tuple[Figure, ...]:
        """Return states, loss, accuracy and the draws."""
        operation = self.settings.operation
        trained = Text("States of the trained network, one task", "Stany nauczonej sieci, jedno działanie")
        exact = Text("States with the exact weights, same task", "Stany przy dokładnych wagach, to samo działanie")
        shown = (
            pictures.states_figure(self.sample, operation, self.parameters, trained),
            pictures.states_figure(self.sample, operation, model.exact_parameters(operation), exact),
            pictures.loss_figure(self.losses),
            pictures.accuracy_figure(self.shown, self.accuracies, self.baselines),
        )
        if not len(self.draw_accuracies):
            return shown
        return (*shown, pictures.draws_figure(self.draw_accuracies, self.baselines[0].value))

    def tables(self) -> tuple[ResultTable, ...]:
        """Return a few results, and the weights that calculate exactly."""
        return (
            pictures.sample_table(self.sample, self.settings.operation, self.parameters),
            pictures.losses_table(self.start, self.losses, self.gradient_check),
        )


def train(settings: AdditionSettings) -> Training:
    """Train one network; data and weights come from one private stream."""
    stream = np.random.RandomState(settings.seed)
    pairs = draw_pairs(stream, settings.samples, settings.steps, settings.operation)
    drawn = [model.draw(stream, settings.hidden) for _ in range(settings.networks_before + 1)]
    stride = settings.batch if settings.slices == "disjoint" else 1
    batches = [slice(stride * q, stride * q + settings.batch) for q in range(settings.batches)]

    def gradient_on(batch: slice) -> Gradient:
        def gradient(point: np.ndarray) -> np.ndarray:
            parameters = model.unpack(point, settings.hidden)
            return model.pack(model.gradient(parameters, pairs.inputs[batch], pairs.targets[batch]))

        return gradient

    rule = NesterovRMSProp(0.05, guard=settings.guard)
    # With the misplaced guard a unit that stopped learning divides 0 by 0; the result then shows NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        path = descend(rule, model.pack(drawn[-1]), [gradient_on(batch) for batch in batches], settings.updates)
    walked = tuple(model.unpack(point, settings.hidden) for point in path.points)
    used = [batches[update % settings.batches] for update in range(settings.updates)]
    losses = [
        model.loss(parameters, pairs.inputs[batch], pairs.targets[batch])
        for parameters, batch in zip(walked[1:], used, strict=True)
    ]
    return Training(
        start=model.loss(walked[0], pairs.inputs[batches[0]], pairs.targets[batches[0]]),
        losses=np.array(losses),
        walked=walked,
        first=drawn[0] if settings.networks_before else None,
        pairs=pairs,
    )


def compute(settings: AdditionSettings, progress: ReportProgress) -> AdditionResult:
    """Run an experiment with binary numbers."""
    doing = Text("training", "uczenie")
    progress(0.0, doing)
    training = train(settings)
    finals = []
    for number in range(settings.draws):
        progress((number + 1) / (settings.draws + 1), doing)
        other = _other(settings, number)
        tested = _test_pairs(other)
        finals.append(model.accuracy(train(other).walked[-1], tested.inputs, tested.targets))
    tested = _test_pairs(settings)
    stride = max(1, settings.updates // POINTS_SHOWN)
    shown = np.array([*range(0, settings.updates, stride), settings.updates])
    accuracies = np.array([model.accuracy(training.walked[at], tested.inputs, tested.targets) for at in shown])
    reached = float(accuracies[-1])
    baselines = _baselines(training.pairs)
    return AdditionResult(
        settings=settings,
        verdict=_verdict(settings, reached, np.array(finals), baselines[0].value),
        score=Measure(RIGHT_OF_ALL if settings.exhaustive else RIGHT_OF_FRESH, reached),
        baselines=baselines,
        updates=settings.updates,
        start=training.start,
        losses=training.losses,
        parameters=training.walked[-1],
        shown=shown,
        accuracies=accuracies,
        sample=_fresh(settings, SAMPLE),
        draw_accuracies=np.array(finals),
        gradient_check=_gradient_check(training),
    )


def _test_pairs(settings: AdditionSettings) -> Pairs:
    """Return the test pairs: all pairs, or held-out ones where there are too many."""
    return all_pairs(settings.steps, settings.operation) if settings.exhaustive else _fresh(settings)


def _fresh(settings: AdditionSettings, count: int = FRESH) -> Pairs:
    """Return pairs from a stream that no training uses."""
    stream = np.random.RandomState(settings.seed + FRESH_SEED)
    return draw_pairs(stream, count, settings.steps, settings.operation)


def _other(settings: AdditionSettings, seed: int) -> AdditionSettings:
    return dataclasses.replace(settings, seed=seed, networks_before=0)


def _gradient_check(training: Training) -> float:
    """Return the largest relative difference between gradient and differences, on untrained weights."""
    weights = training.first if training.first is not None else training.walked[0]
    inputs, targets = training.pairs.inputs[:CHECKED], training.pairs.targets[:CHECKED]
    exact = model.pack(model.gradient(weights, inputs, targets))
    numeric = model.numeric_gradient(weights, inputs, targets)
    return float(np.max(np.abs(exact - numeric) / np.maximum(np.maximum(np.abs(exact), np.abs(numeric)), 1e-8)))


def _baselines(pairs: Pairs) -> tuple[Measure, ...]:
    """Return the accuracy of the commonest bit, and of the best answer to the two input bits alone."""
    ones = pairs.inputs.sum(axis=2)
    right = 0.0
    for first in (0.0, 1.0):
        for second in (0.0, 1.0):
            chosen = (pairs.inputs[:, :, 0] == first) & (pairs.inputs[:, :, 1] == second)
            share = pairs.targets[chosen].mean() if chosen.any() else 0.0
            right += chosen.sum() * max(share, 1.0 - share)
    constant = pairs.targets.mean()
    return (
        Measure(
            Text("without memory: from the two bits alone", "bez pamięci: tylko z dwóch bitów"),
            float(right / ones.size),
        ),
        Measure(Text("the commonest bit", "najczęstszy bit"), float(max(constant, 1.0 - constant))),
    )


def _verdict(settings: AdditionSettings, reached: float, finals: np.ndarray, baseline: float) -> Verdict[Text]:
    values: dict[str, float] = {
        Standing.REACHED: 100.0 * reached,
        "updates": settings.updates,
        "baseline": 100.0 * baseline,
        "solved": int((finals == 1.0).sum()),
        "draws": len(finals),
    }
    whole = Text(f"of all {ALL} pairs of numbers", f"wszystkich {ALL} par liczb")
    part = Text(f"of {FRESH} held-out pairs", f"{FRESH} nowych par")
    text = Text(
        "{reached} % of the bits {pairs} are right after {updates} updates.",
        "Po {updates} aktualizacjach {reached} % bitów {pairs} jest poprawnych.",
    ).filled(**values, pairs=whole if settings.exhaustive else part)
    if reached <= baseline:
        addition = Text(
            "That is not better than answering without memory, {baseline} %.",
            "To nie więcej niż bez pamięci, {baseline} %.",
        ).filled(**values)
        text = joined(text, addition)
    if len(finals):
        addition = Text(
            "From {draws} other draws of data and weights, {solved} end without an error on these: one good run is "
            "not evidence.",
            "Spośród {draws} innych losowań danych i wag bez błędu na nich kończy się {solved}: jeden udany "
            "przebieg nie jest dowodem.",
        ).filled(**values)
        text = joined(text, addition)
    standing: Literal[Standing.REACHED, Standing.PARTLY, Standing.MISSED] = (
        Standing.REACHED if reached == 1.0 else Standing.PARTLY
    )
    return Verdict(standing if reached > max(0.75, baseline) else Standing.MISSED, text)
