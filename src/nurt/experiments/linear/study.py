"""One linear experiment: data, gradients, the walk of an optimiser, the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from nurt.descent import SGD, AbstractRule, Path, RProp, TorchRprop, descend
from nurt.experiments.linear import model, pictures, tables
from nurt.experiments.linear.data import DrawName, TargetName, draw
from nurt.experiments.linear.points import CHECK_POINT, MARKERS, WIDE
from nurt.experiments.progress import Progress
from nurt.experiments.results import ExperimentResult, Figure, Measure, Table
from nurt.experiments.settings import Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Text

__all__ = ["LinearResult", "LinearSettings", "RuleName", "compute"]

PROFILE_POINTS = 6001
FRESH = 200

RuleName: TypeAlias = Literal["rprop", "torch-rprop", "sgd", "clipped-sgd"]
RULES: Mapping[RuleName, AbstractRule] = {
    "rprop": RProp(),
    "torch-rprop": TorchRprop(),
    "sgd": SGD(0.001),
    "clipped-sgd": SGD(0.01, clip_norm=1.0),
}


@dataclass(frozen=True)
class LinearSettings(Settings):
    """Settings of a linear experiment.

    Args:
        seed: of the data.
        sequences: B.
        steps: T.
        inputs: what the inputs are drawn from.
        target: what is asked for.
        rule: the optimiser.
        updates: its steps.
        start: its first point, (w_x, w_rec).
        gradient_scale: ``exact`` shows G_k; ``summed`` shows B²·G_k, as code does that sums over the batch, broadcasts
            the sum to every row and sums the rows again.
    """

    sequences: int = 20
    steps: int = 10
    inputs: DrawName = "bits"
    target: TargetName = "sum"
    rule: RuleName = "rprop"
    updates: int = 500
    start: tuple[float, float] = (-1.5, 2.0)
    gradient_scale: Literal["exact", "summed"] = "exact"


@dataclass(frozen=True, kw_only=True)
class LinearResult(ExperimentResult):
    """What a linear experiment found.

    Args:
        settings: what the run depended on.
        verdict: the answer in words.
        score: final loss.
        baselines: loss of the constant, and of a line through the sum of the row.
        updates: steps of the optimiser.
        experiment: id.
        preset: name.
        seconds: what the run took.
        inputs: (B, T).
        targets: (B,).
        path: of the optimiser over (w_x, w_rec).
        check: gradients at the point (1.2, 1.2).
        numeric: both derivatives there by central differences, (2,).
        markers: gradients at six points.
        extremes: local minima and maxima of the profile: kind, w_rec, w_x, loss.
        lengths: sequence lengths.
        length_error: root mean squared error on fresh sequences of these lengths.
    """

    settings: LinearSettings
    inputs: np.ndarray = field(metadata={"json": False})
    targets: np.ndarray = field(metadata={"json": False})
    path: Path
    check: model.Gradients
    numeric: np.ndarray
    markers: tuple[model.Gradients, ...]
    extremes: tuple[tuple[str, float, float, float], ...]
    lengths: np.ndarray
    length_error: np.ndarray

    def figures(self) -> tuple[Figure, ...]:
        """Return surface, gradient over time, path, profile and error by length."""
        return pictures.figures(self)

    def tables(self) -> tuple[Table, ...]:
        """Return gradient check, markers and extremes."""
        return tables.tables(self)


def compute(settings: LinearSettings, progress: Progress) -> LinearResult:
    """Run a linear experiment."""
    progress(0.0, Text("walking down", "schodzenie po powierzchni"))
    shape = (settings.sequences, settings.steps)
    inputs, targets = draw(settings.inputs, settings.target, shape, settings.seed)

    def slope(point: np.ndarray) -> np.ndarray:
        return model.gradients(point, inputs, targets).vector

    # Steps that explode are what one of the presets is about.
    with np.errstate(over="ignore", invalid="ignore"):
        path = descend(RULES[settings.rule], settings.start, slope, settings.updates)
        final = model.loss(path.end, inputs, targets)
    constant = float(np.var(targets))
    lengths, length_error = _by_length(settings, path.end)
    return LinearResult(
        settings=settings,
        verdict=_verdict(final, constant, settings),
        score=Measure(Text("final loss", "strata na końcu"), final),
        baselines=(
            Measure(Text("constant: the mean of the targets", "stała: średnia wartości docelowych"), constant),
            Measure(
                Text("straight line through the row sum", "prosta względem sumy wiersza"), _affine(inputs, targets)
            ),
        ),
        updates=settings.updates,
        inputs=inputs,
        targets=targets,
        path=path,
        check=model.gradients(np.array(CHECK_POINT), inputs, targets),
        numeric=model.numeric_gradient(np.array(CHECK_POINT), inputs, targets),
        markers=tuple(model.gradients(np.array(point), inputs, targets) for point in MARKERS),
        extremes=_extremes(inputs, targets),
        lengths=lengths,
        length_error=length_error,
    )


def _affine(inputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the loss of the best a·Σx + b."""
    columns = np.column_stack([inputs.sum(axis=1), np.ones(len(targets))])
    return float(np.mean((columns @ np.linalg.lstsq(columns, targets, rcond=None)[0] - targets) ** 2))


def _extremes(inputs: np.ndarray, targets: np.ndarray) -> tuple[tuple[str, float, float, float], ...]:
    """Return where the profile turns: ``minimum``, or ``saddle`` where it has a maximum."""
    weights = np.linspace(*WIDE, PROFILE_POINTS)
    best, losses = model.best_input_weight(weights, inputs, targets)
    falling = np.diff(losses) < 0
    turns = np.flatnonzero(falling[1:] != falling[:-1]) + 1
    return tuple(
        ("minimum" if falling[at - 1] else "saddle", float(weights[at]), float(best[at]), float(losses[at]))
        for at in turns
    )


def _by_length(settings: LinearSettings, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths up to three times T and the error of the trained weights on fresh sequences of each."""
    lengths = np.arange(1, 3 * settings.steps + 1)
    errors = []
    for length in lengths:
        # Another seed than that of the training data.
        fresh = draw(settings.inputs, settings.target, (FRESH, int(length)), settings.seed + 1000)
        with np.errstate(over="ignore", invalid="ignore"):
            errors.append(math.sqrt(model.loss(point, *fresh)))
    return lengths, np.array(errors)


def _verdict(final: float, constant: float, settings: LinearSettings) -> Verdict[Text]:
    if not math.isfinite(final):
        text = Text(
            "The walk left every bound: a step against a gradient of that size overshoots, and the next gradient is "
            "larger still.",
            "Droga wyszła poza wszelkie granice: krok przeciw tak dużemu gradientowi przeskakuje dolinę, a następny "
            "gradient jest jeszcze większy.",
        )
        return Verdict(Standing.MISSED, text)
    values = {"final": final, "constant": constant, "share": 100.0 * final / constant, "updates": settings.updates}
    if final >= constant:
        text = Text(
            "Below the constant baseline, so worse than knowing nothing: after {updates} updates the loss is {final}, "
            "while always answering with the mean of the targets gives {constant}.",
            "Gorzej niż stała: po {updates} aktualizacjach strata wynosi {final}, a podawanie zawsze średniej wartości "
            "docelowych daje {constant}.",
        )
        return Verdict(Standing.MISSED, text.filled(**values))
    if final < 0.001 * constant:
        text = Text(
            "Above the constant baseline, so better than knowing nothing: after {updates} updates the loss is {final}, "
            "against {constant} for always answering with the mean.",
            "Lepiej niż stała: po {updates} aktualizacjach strata wynosi {final}, wobec {constant} przy podawaniu "
            "zawsze średniej.",
        )
        return Verdict(Standing.REACHED, text.filled(**values))
    text = Text(
        "Above the constant baseline, so better than knowing nothing, but not converged: after {updates} updates the "
        "loss is {final}, {share} % of the {constant} of always answering with the mean.",
        "Lepiej niż stała, ale bez zbieżności: po {updates} aktualizacjach strata wynosi {final}, czyli {share} % "
        "wartości {constant}, którą daje podawanie zawsze średniej.",
    )
    return Verdict(Standing.PARTLY, text.filled(**values))
