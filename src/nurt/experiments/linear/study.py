"""One linear experiment: data, gradients, the path of an optimiser, the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from nurt.descent import SGD, AbstractRule, Path, RProp, TorchRprop, descend
from nurt.experiments.base import ReportProgress
from nurt.experiments.linear import model, pictures
from nurt.experiments.linear.model import DrawName, TargetName, draw_sequences
from nurt.experiments.results import ExperimentResult, Figure, Measure, ResultTable, Settings
from nurt.standing import Standing, Verdict
from nurt.wording import Text

__all__ = ["LinearResult", "LinearSettings", "RuleName", "compute"]

# Points over (w_x, w_rec) that are examined, and the ranges of the maps.
CHECK_POINT = (1.2, 1.2)
MARKERS = ((2.0, 1.0), (1.0, 2.0), (1.0, -2.0), (1.0, 0.0), (1.0, 0.5), (1.0, -0.5))
WIDE, PATH_ZOOM, MARKER_ZOOM = (-3.0, 3.0), (0.0, 2.0), (-0.1, 2.1)
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
        inputs: distribution of the inputs.
        target: function of the row that is learnt.
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
    """Result of a linear experiment.

    Args:
        settings: of the run.
        verdict: the answer in words.
        score: final loss.
        baselines: loss of the constant, and of a line through the sum of the row.
        updates: steps of the optimiser.
        experiment: id.
        preset: name.
        seconds: duration of the run.
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
        data, marked = (self.inputs, self.targets), self._marked()
        scale = len(self.targets) ** 2 if self.settings.gradient_scale == "summed" else 1
        return (
            pictures.surface_figure(data, WIDE, Text("Error surface", "Powierzchnia błędu"), MARKERS),
            pictures.surface_figure(
                data, MARKER_ZOOM, Text("Error surface, closer", "Powierzchnia błędu z bliska"), MARKERS
            ),
            pictures.gradient_figure(marked, scale),
            pictures.path_figure(data, self.path.points, WIDE, Text("Path of the optimiser", "Droga optymalizatora")),
            pictures.path_figure(
                data,
                self.path.points,
                PATH_ZOOM,
                Text("Path of the optimiser, closer", "Droga optymalizatora z bliska"),
            ),
            pictures.profile_figure(data, self.extremes, WIDE),
            pictures.length_figure(self.lengths, self.length_error, self.settings.steps),
        )

    def tables(self) -> tuple[ResultTable, ...]:
        """Return gradient check, markers and extremes."""
        final = self.score.value if self.score is not None else math.nan
        return (
            pictures.gradient_check_table(self.check.vector, self.numeric),
            pictures.markers_table(self._marked()),
            pictures.extremes_table(self.extremes, self.path.end, final),
        )

    def _marked(self) -> dict[tuple[float, float], model.Gradients]:
        return dict(zip(MARKERS, self.markers, strict=True))


def compute(settings: LinearSettings, progress: ReportProgress) -> LinearResult:
    """Run a linear experiment."""
    progress(0.0, Text("gradient descent", "spadek gradientu"))
    shape = (settings.sequences, settings.steps)
    inputs, targets = draw_sequences(settings.inputs, settings.target, shape, settings.seed)

    def slope(point: np.ndarray) -> np.ndarray:
        return model.gradients(point, inputs, targets).vector

    # One of the presets shows an explosion.
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
        fresh = draw_sequences(settings.inputs, settings.target, (FRESH, int(length)), settings.seed + 1000)
        with np.errstate(over="ignore", invalid="ignore"):
            errors.append(math.sqrt(model.loss(point, *fresh)))
    return lengths, np.array(errors)


def _verdict(final: float, constant: float, settings: LinearSettings) -> Verdict[Text]:
    if not math.isfinite(final):
        text = Text(
            "The optimisation diverged: a step against a gradient of that size overshoots, and the next gradient is "
            "larger still.",
            "Optymalizacja jest rozbieżna: krok przeciw tak dużemu gradientowi przeskakuje dolinę, a następny "
            "gradient jest jeszcze większy.",
        )
        return Verdict(Standing.MISSED, text)
    values = {"final": final, "constant": constant, "share": 100.0 * final / constant, "updates": settings.updates}
    if final >= constant:
        text = Text(
            "Worse than the constant baseline: after {updates} updates the loss is {final}, while a constant "
            "prediction of the mean of the targets gives {constant}.",
            "Gorzej niż stała: po {updates} aktualizacjach strata wynosi {final}, a stała prognoza równa średniej "
            "wartości docelowych daje {constant}.",
        )
        return Verdict(Standing.MISSED, text.filled(**values))
    if final < 0.001 * constant:
        text = Text(
            "Better than the constant baseline: after {updates} updates the loss is {final}, against {constant} for a "
            "constant prediction of the mean.",
            "Lepiej niż stała: po {updates} aktualizacjach strata wynosi {final}, wobec {constant} dla stałej "
            "prognozy równej średniej.",
        )
        return Verdict(Standing.REACHED, text.filled(**values))
    text = Text(
        "Better than the constant baseline, but not converged: after {updates} updates the loss is {final}, {share} % "
        "of the {constant} of a constant prediction of the mean.",
        "Lepiej niż stała, ale bez zbieżności: po {updates} aktualizacjach strata wynosi {final}, czyli {share} % "
        "wartości {constant}, którą daje stała prognoza równa średniej.",
    )
    return Verdict(Standing.PARTLY, text.filled(**values))
