"""One exploding and one vanishing case under every remedy: gradient by lag, loss, clipped share, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nurt.experiments.base import ReportProgress, about, part_of
from nurt.experiments.remedies import pictures
from nurt.experiments.remedies.outcome import Outcome
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Text, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from nurt.data.synthetic import AddingProblem
    from nurt.experiments.remedies.methods import Remedy

__all__ = ["RemediesResult", "RemediesSettings", "compute", "verdict_of"]

CASES = ("exploding", "vanishing")
# A loss below this share of the constant's counts as learnt.
LEARNT = 0.5
SAME = 1e-5
MEASURED, TESTED = 64, 500


@dataclass(frozen=True)
class RemediesSettings(Settings):
    """Settings of the comparison; every remedy trains in both cases.

    Args:
        seed: of the first weights and sequences; the next repeat takes the next number.
        exploding, vanishing: gain of the orthogonal recurrent weights in either case.
        steps: T.
        hidden: H.
        updates: per training.
        batch: sequences per update, B.
        learning_rate: of Adam.
        repeats: trainings per remedy and case.
        remedies: ids of :data:`nurt.experiments.remedies.methods.REMEDIES`; all if empty, the plain network always.
    """

    exploding: float = 3.0
    vanishing: float = 0.5
    steps: int = 15
    hidden: int = 24
    updates: int = 480
    batch: int = 32
    learning_rate: float = 0.01
    repeats: int = 1
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RemediesResult(ExperimentResult):
    """Both cases under every remedy.

    Args:
        settings: of the run.
        verdict: which remedies do what.
        score: least loss in the vanishing case, the worse of the repeats.
        baselines: the loss there without a remedy, and of a constant answer.
        updates: of all trainings.
        experiment: id.
        preset: name.
        seconds: duration of the run.
        outcomes: every remedy in both cases.
        constant: loss of a constant answer on the test sequences.
    """

    settings: RemediesSettings
    outcomes: tuple[Outcome, ...]
    constant: float

    def figures(self) -> tuple[Figure, ...]:
        """Return the losses, and the gradient by lag at the start in both cases."""
        return (
            pictures.loss_figure(self.outcomes, self.constant, LEARNT),
            *(pictures.lag_figure(self.of(case)) for case in CASES),
        )

    def tables(self) -> tuple[ResultTable, ...]:
        """Return the numbers of either case."""
        return tuple(pictures.case_table(self.of(case)) for case in CASES)

    def of(self, case: str) -> tuple[Outcome, ...]:
        """Return the outcomes of one case, the plain network first."""
        return tuple(one for one in self.outcomes if one.case == case)


def compute(settings: RemediesSettings, progress: ReportProgress) -> RemediesResult:
    """Train the network of both cases under every remedy."""
    from nurt.data.synthetic import AddingProblem
    from nurt.experiments.remedies.methods import REMEDIES

    task = AddingProblem(settings.steps)
    tested = task.draw(TESTED, np.random.default_rng((settings.seed, 1)))
    chosen = [one for one in REMEDIES if not settings.remedies or one.id in ("plain", *settings.remedies)]
    plan = [(case, remedy) for case in CASES for remedy in chosen]
    outcomes = []
    for done, (case, remedy) in enumerate(plan):
        tell = part_of(about(progress, remedy.name), done, len(plan))
        outcomes.append(_trained(settings, task, tested, case, remedy, tell))
    constant = task.baseline_on(tested)
    there = [one for one in outcomes if one.case == "vanishing"]
    best = min(there, key=lambda one: one.worst)
    return RemediesResult(
        settings=settings,
        verdict=verdict_of(tuple(outcomes), constant),
        score=Measure(
            Text("loss in the vanishing case, {name}", "strata w przypadku zanikania, {name}").filled(name=best.name),
            best.worst,
        ),
        baselines=(
            Measure(Text("the same without a remedy", "to samo bez środka"), there[0].worst),
            Measure(Text("constant answer", "stała odpowiedź"), constant),
        ),
        updates=sum(one.updates for one in outcomes),
        outcomes=tuple(outcomes),
        constant=constant,
    )


def _trained(
    settings: RemediesSettings,
    task: AddingProblem,
    tested: Any,
    case: str,
    remedy: Remedy,
    tell: Callable[[float], None],
) -> Outcome:
    """Return what a remedy does in a case, over its repeats."""
    import torch

    from nurt.experiments.longmemory.network import tensors
    from nurt.experiments.remedies.methods import RemedyNetwork
    from nurt.training.loop import train
    from nurt.training.process_state import private_generators
    from nurt.training.settings import TrainingSettings
    from nurt.training.stream import StreamObjective

    inputs, targets, _ = tensors(tested)
    gain = settings.exploding if case == "exploding" else settings.vanishing
    starts, afters, losses, shares, updates = [], [], [], [], 0
    for repeat in range(settings.repeats):
        with private_generators(settings.seed + repeat, ()):
            network = RemedyNetwork(remedy, task.input_size, settings.hidden, gain)
        stream = np.random.default_rng((settings.seed + repeat, 0))

        def next_loss(network: RemedyNetwork = network, stream: np.random.Generator = stream) -> torch.Tensor:
            given, wanted, _ = tensors(task.draw(settings.batch, stream))
            loss: torch.Tensor = (network(given) - wanted).square().mean()
            return loss + remedy.penalty * network.recurrent_weight.square().sum() if remedy.penalty else loss

        starts.append(_by_lag(network.gradients(inputs[:MEASURED], targets[:MEASURED])))
        record = train(
            network,
            StreamObjective(next_loss, settings.updates, generator=stream),
            TrainingSettings(
                epochs=1,
                learning_rate=settings.learning_rate,
                clip_norm=remedy.clip_norm,
                clip_value=remedy.clip_value,
            ),
        )
        if record.stopped_by == "interrupt":
            raise KeyboardInterrupt
        afters.append(_by_lag(network.gradients(inputs[:MEASURED], targets[:MEASURED])))
        with torch.no_grad():
            losses.append(float((network(inputs) - targets).square().mean()))
        shares.append(record.clipped_share)
        updates += record.updates
        tell((repeat + 1) / settings.repeats)
    return Outcome(
        case, remedy.id, remedy.name, starts[0], afters[0], np.array(losses), float(np.mean(shares)), updates
    )


def _by_lag(norms: Any) -> np.ndarray:
    """Return the median over sequences by lag, (T,)."""
    return np.asarray(norms.median(dim=0).values.numpy(), dtype=np.float64)


def verdict_of(outcomes: tuple[Outcome, ...], constant: float) -> Verdict[Text]:
    """Return which remedies change the product of Jacobians, and after which the network learns.

    Args:
        outcomes: every remedy in both cases, the plain network first in each.
        constant: loss of a constant answer.
    """
    parts = [_unchanged(outcomes), *(_learnt(_of(outcomes, case), case, constant) for case in CASES)]
    parts.append(_certainty(len(outcomes[0].losses)))
    return Verdict(Standing.SHOWN, joined(*(one for one in parts if one is not None)))


def _of(outcomes: tuple[Outcome, ...], case: str) -> list[Outcome]:
    return [one for one in outcomes if one.case == case]


def _unchanged(outcomes: tuple[Outcome, ...]) -> Text | None:
    """Name the remedies that leave the gradient by lag as it was in both cases."""
    plain = {one.case: one.start for one in outcomes if one.id == "plain"}
    alike = [one for one in outcomes if one.id != "plain" and np.allclose(one.start, plain[one.case], rtol=SAME)]
    both = [one for one in alike if sum(other.id == one.id for other in alike) == len(plain)]
    if not both:
        return None
    return Text(
        "At the start these leave the gradient by lag as it is: {names}; they change the steps of training, not the "
        "product of Jacobians.",
        "Na początku te środki nie zmieniają gradientu według odstępu: {names}; zmieniają kroki uczenia, a nie iloczyn "
        "jakobianów.",
    ).filled(names=pictures.names_of(both))


def _learnt(own: list[Outcome], case: str, constant: float) -> Text:
    """Name the remedies after which every repeat is below half the loss of a constant answer, and count the others."""
    good = [one for one in own if one.worst < LEARNT * constant]
    where = {
        "exploding": Text("In the exploding case", "W przypadku eksplozji"),
        "vanishing": Text("In the vanishing case", "W przypadku zanikania"),
    }[case]
    if not good:
        return Text(
            "{where} the loss falls below half that of a constant answer with none of all {n}.",
            "{where} strata nie spada poniżej połowy straty stałej odpowiedzi z żadnym ze wszystkich ({n}).",
        ).filled(where=where, n=len(own))
    return Text(
        "{where} the loss falls below half that of a constant answer with: {good}; with the other {n} it does not.",
        "{where} strata spada poniżej połowy straty stałej odpowiedzi, gdy działa: {good}; przy pozostałych nie ({n}).",
    ).filled(where=where, good=pictures.names_of(good), n=len(own) - len(good))


def _certainty(repeats: int) -> Text:
    if repeats == 1:
        return Text(
            "One seed decides all of this: with another, other remedies may learn. The preset three-seeds tells.",
            "O wszystkim decyduje tu jedno ziarno: z innym mogą się uczyć inne środki. Sprawdza to wariant "
            "three-seeds.",
        )
    return Text("Losses are the worst of {n} seeds.", "Straty to najgorszy wynik spośród ziaren: {n}.").filled(
        n=repeats
    )
