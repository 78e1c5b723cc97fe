"""The future-scramble test: a pipeline that cannot see the future cannot care what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.errors import NurtValueError
from nurt.results import Result

__all__ = ["ScrambleReport", "future_scramble", "price_of_leak", "scramble_after"]

# So large that even a statistic diluted over a long series moves visibly, so small that float32 holds its square.
SIZE = 1e6


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


def scramble_after(values: np.ndarray, cutoff: int, seed: int) -> np.ndarray:
    """Return a copy of ``values`` (n,) or (n, columns) with large random numbers in every row after ``cutoff``."""
    scrambled = np.array(values, dtype=float)
    finite = scrambled[np.isfinite(scrambled)]
    size = SIZE * (1.0 + float(np.abs(finite).max(initial=0.0)))
    scrambled[cutoff + 1 :] = size * np.random.default_rng(seed).standard_normal(scrambled[cutoff + 1 :].shape)
    return scrambled


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
