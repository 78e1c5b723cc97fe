"""Use of the future: leakage rules about inputs (L05-L07, L10), and the future-scramble test.

The rules judge covariates, transforms, and results too good to be true. The test fits a pipeline twice, with the true
future and with a random one: a pipeline that cannot see the future gives the same forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.audits.leakage.facts import (
    CovariateFacts,
    PipelineFacts,
    SeriesFacts,
    TransformFacts,
    rule,
)
from nurt.results import Result

__all__ = ["RULES", "ScrambleReport", "future_scramble", "price_of_leak", "scramble_after"]

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
# So large that even a statistic diluted over a long series moves visibly, so small that float32 holds its square.
SIZE = 1e6


@rule(
    "L05",
    "error",
    "no covariate is the target in disguise",
    why="A covariate that equals a target the model has still to forecast reveals the answer.",
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


@dataclass(frozen=True)
class ScrambleReport(Result):
    """What two fits with different futures forecast.

    Args:
        verdict: "pass" when the forecasts agree bit for bit, "error" when the future leaks, "undetermined" when the
            pipeline does not even repeat itself.
        cutoff: row of the last observation that may be used.
        changed: number of forecast values that differ.
        largest_difference: between forecasts of the two fits.
        text: the finding as a sentence.
    """

    verdict: Literal["pass", "error", "undetermined"]
    cutoff: int
    changed: int
    largest_difference: float
    text: str

    def __str__(self) -> str:
        return self.text


def future_scramble(
    forecast_after_fit: Callable[[np.ndarray], np.ndarray], values: np.ndarray, cutoff: int, seed: int = 0
) -> ScrambleReport:
    """Fit and forecast with the true future and with a random one; the forecasts must not differ in a single bit.

    This proves for any pipeline what the rules on statistics, windows, transforms and static covariates can only ask
    about. A small training budget is enough. When the forecasts differ, a third fit tells a leak from a pipeline that
    does not repeat itself.

    Args:
        forecast_after_fit: fits the whole pipeline on the values it is given, with a fixed seed, learning from rows up
            to ``cutoff`` alone, and returns the forecasts made there.
        values: the data, (n,) or (n, columns), NaN where missing.
        cutoff: row of the last observation that may be used, 0-based.
        seed: of the random future.

    Returns:
        a report that prints as one sentence.

    Raises:
        NurtValueError: nothing comes after the cutoff, or a forecast is not finite.
    """
    if not 0 <= cutoff < len(values) - 1:
        raise NurtValueError(
            "future_scramble: there is no future to scramble.",
            expected=f"a cutoff between 0 and {len(values) - 2}",
            got=str(cutoff),
        )
    honest = _forecast(forecast_after_fit, np.array(values, dtype=float))
    other = _forecast(forecast_after_fit, scramble_after(values, cutoff, seed))
    if _identical(honest, other):
        text = f"No leak: forecasts at row {cutoff} are bit-identical whatever comes after it."
        return ScrambleReport("pass", cutoff, 0, 0.0, text)
    again = _forecast(forecast_after_fit, np.array(values, dtype=float))
    if honest.shape != other.shape:
        changed, largest = max(honest.size, other.size), float("nan")
    else:
        difference = np.abs(honest - other)
        changed, largest = int((difference > 0).sum()), float(difference.max())
    if not _identical(honest, again):
        text = "Undetermined: the pipeline gives other forecasts for the same data; fix its seed and threads first."
        return ScrambleReport("undetermined", cutoff, changed, largest, text)
    text = (
        f"Leak: forecasts at row {cutoff} change by up to {largest:.3g} when only rows after it change. "
        "Something was fitted, filled or smoothed with the whole series."
    )
    return ScrambleReport("error", cutoff, changed, largest, text)


def price_of_leak(honest_mae: float, leaking_mae: float) -> str:
    """Return one sentence on what a leak seemed to gain, from mean absolute errors on the same cells."""
    for name, value in (("honest_mae", honest_mae), ("leaking_mae", leaking_mae)):
        if not (np.isfinite(value) and value >= 0.0):
            raise NurtValueError(f"price_of_leak: `{name}` is no error.", expected="a number ≥ 0", got=str(value))
    smaller = min(one for one in (honest_mae, leaking_mae, 1.0) if one > 0.0)
    decimals = max(0, 1 - int(np.floor(np.log10(smaller))))
    sentence = f"MAE {leaking_mae:.{decimals}f} with the leak, {honest_mae:.{decimals}f} without"
    if leaking_mae < honest_mae:
        return f"{sentence}: {100.0 * (1.0 - leaking_mae / honest_mae):.0f} % of the error was hidden."
    return f"{sentence}: the leak gained nothing here."


def scramble_after(values: np.ndarray, cutoff: int, seed: int) -> np.ndarray:
    """Return a copy of ``values`` (n,) or (n, columns) with large random numbers in every row after ``cutoff``."""
    scrambled = np.array(values, dtype=float)
    finite = scrambled[np.isfinite(scrambled)]
    size = SIZE * (1.0 + float(np.abs(finite).max(initial=0.0)))
    scrambled[cutoff + 1 :] = size * np.random.default_rng(seed).standard_normal(scrambled[cutoff + 1 :].shape)
    return scrambled


def _forecast(forecast_after_fit: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    forecast = np.asarray(forecast_after_fit(values))
    if forecast.size == 0 or not np.isfinite(forecast).all():
        raise NurtValueError(
            "future_scramble: the forecast is empty or not finite, so it proves nothing.",
            cure="Choose a cutoff whose look-back holds observations, and a training budget that does not diverge.",
        )
    return forecast


def _identical(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
