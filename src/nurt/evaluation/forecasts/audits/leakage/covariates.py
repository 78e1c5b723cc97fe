"""Rules about what the inputs know: covariates, transforms, and results too good to believe (L05-L07, L10)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nurt.evaluation.forecasts.audits.leakage.facts import CovariateFacts, PipelineFacts, SeriesFacts, TransformFacts
from nurt.evaluation.forecasts.audits.leakage.rule import rule
from nurt.evaluation.forecasts.audits.leakage.scramble import scramble_after

__all__ = ["RULES"]

SAME = 0.999
FEWEST_PAIRS = 8
# One step ahead, half the error of the best baseline is more than skill usually buys.
SUSPICIOUS = 0.5
READS_AHEAD = {
    "centred window": "a centred window averages over later rows",
    "back-fill": "a back-fill copies later rows",
    "interpolation": "interpolation joins a gap to the row after it",
    "whole-series decomposition": "a decomposition of the whole series fits its end",
}


@rule(
    "L05",
    "error",
    "no covariate is the target in disguise",
    why="A covariate that equals a target the model has still to forecast hands over the answer.",
    cure="Leave the column out, or lag it by at least the horizon.",
)
def covariate_is_not_target(facts: PipelineFacts) -> list[str] | None:
    """L05: no covariate follows the target at an index that is still unknown when it is used."""
    pairs = [(one, covariate) for one in facts.series if one.values is not None for covariate in one.covariates]
    if not pairs and any(one.covariates for one in facts.series):
        return None
    return [text for one, covariate in pairs for text in _disguise(one, covariate, facts.horizon)]


def _disguise(series: SeriesFacts, covariate: CovariateFacts, horizon: int) -> Iterator[str]:
    """Yield a sentence when the covariate at row i follows the target at row i + shift best where shift leaks.

    A past covariate is used up to the origin, so it may follow the target up to shift 0; a future one is used
    ``horizon`` rows further. Where a harmless shift explains the covariate as well, it is believed: smooth series
    resemble themselves at every shift.
    """
    if covariate.source == "calendar":
        return
    assert series.values is not None
    harmless = 0 if covariate.role == "past" else -horizon
    shifts = np.arange(harmless - horizon, horizon + 1)
    likeness = np.array([_likeness(covariate.values[: series.length], series.values, int(shift)) for shift in shifts])
    leaking = np.where(shifts > harmless, likeness, 0.0)
    best = int(leaking.argmax())
    if leaking[best] >= SAME and leaking[best] > likeness[shifts <= harmless].max(initial=0.0):
        shift = int(shifts[best])
        when = "the same row" if shift == 0 else f"{abs(shift)} rows {'later' if shift > 0 else 'earlier'}"
        yield (
            f"{covariate.role} covariate {covariate.name!r} of series {series.name!r} follows the target of {when} "
            f"(|correlation| {leaking[best]:.4f})."
        )


def _likeness(covariate: np.ndarray, target: np.ndarray, shift: int) -> float:
    """Return |corr(covariate_i, target_{i+shift})|, rounded below the size of summation errors; 0 if undefined."""
    length = len(target) - abs(shift)
    if length < FEWEST_PAIRS:
        return 0.0
    one = covariate[max(-shift, 0) :][:length]
    other = target[max(shift, 0) :][:length]
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < FEWEST_PAIRS:
        return 0.0
    one, other = one[known] - one[known].mean(), other[known] - other[known].mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return round(abs(float((one * other).sum())) / size, 9) if size > 0.0 else 0.0


@rule(
    "L06",
    "error",
    "transforms use no later row",
    why="A transformed value that contains later rows shows the model what it is to forecast.",
    cure="Use a trailing window, a forward fill, or fit the transform on the rows before each cutoff.",
)
def causal_transforms(facts: PipelineFacts) -> list[str] | None:
    """L06: no transform is non-causal by its kind or by what it does when the rows after the cutoff change."""
    if facts.transforms is None:
        return None
    found = []
    for transform in facts.transforms:
        if transform.kind in READS_AHEAD:
            found.append(f"{transform.name}: {READS_AHEAD[transform.kind]}.")
        elif transform.apply is not None:
            found += [text for one in facts.series for text in _reaction_to_the_future(transform, one)]
    return found


def _reaction_to_the_future(transform: TransformFacts, series: SeriesFacts) -> Iterator[str]:
    if series.values is None or transform.apply is None or not 0 < series.train_end < series.length:
        return
    cutoff = series.train_end - 1
    honest = np.asarray(transform.apply(series.values.copy()))
    other = np.asarray(transform.apply(scramble_after(series.values, cutoff, seed=0)))
    kept = slice(0, series.train_end)
    if len(honest) != len(other) or not np.array_equal(honest[kept], other[kept], equal_nan=True):
        yield f"{transform.name} changes training rows of series {series.name!r} when only rows after {cutoff} change."


@rule(
    "L07",
    "warning",
    "future covariates are known in advance",
    why="Measured values of the future, such as tomorrow's weather, will be missing when it counts: perfect foresight.",
    cure="Use the values as they were forecast at each origin, or report the errors as with perfect foresight.",
)
def known_in_advance(facts: PipelineFacts) -> list[str] | None:
    """L07: no future covariate is one that is only measured afterwards."""
    return [
        f"future covariate {covariate.name!r} of series {one.name!r} is measured, not known at the origin."
        for one in facts.series
        for covariate in one.covariates
        if covariate.role == "future" and covariate.source == "measured"
    ]


@rule(
    "L10",
    "warning",
    "results are believable",
    why="An error far below every baseline one step ahead is more often a leak than a discovery.",
    cure="Run the future-scramble test, and look at the covariates and transforms again.",
)
def believable(facts: PipelineFacts) -> list[str] | None:
    """L10: the error one step ahead is at least half of the best baseline's."""
    error = facts.first_step
    if error is None or not np.isfinite([error.model, error.baseline]).all():
        return None
    if error.model < SUSPICIOUS * error.baseline:
        return [
            f"Suspiciously good: the model's error one step ahead, {error.model:.4g}, is below half of "
            f"{error.baseline:.4g}, that of the best baseline ({error.baseline_name})."
        ]
    return []


RULES = (covariate_is_not_target, causal_transforms, known_in_advance, believable)
