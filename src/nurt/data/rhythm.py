"""Seasons of a series, found in its values, and the sizes of windows that suit them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nurt.data.steps import Step
from nurt.results import Result

__all__ = ["Season", "find_seasons", "sizes_for"]

# Cycles a season must be seen in.
CYCLES = 2.5
# Variance of the detrended series that a season must account for, beyond what its number of phases does by chance.
LEAST = 0.1
# Random shifts of the cycles that a season must beat; with 99 a series without one is called seasonal in 1 of 100.
SHIFTS = 99
# A multiple of a season must account for so much of what the season leaves.
MORE = 0.05
# Observations that are looked at, the latest.
LOOKED_AT = 20_000
# Share of missing values above which nothing is looked for.
MISSING = 0.5
# A period that no calendar suggests was chosen for its strength, so it must be strong, and seen in many cycles.
STRONG = 0.5
SEEN = 8
# Cycles below which a period of the calendar must be strong, and below which shifts cannot tell: a few of them are in
# phase by chance.
FEW, TOO_FEW = 8, 4
# A season longer than this is no length for windows.
LONG = 100
HOUR = 3600.0
COMMON = (4, 5, 7, 12, 24, 52, 168)


@dataclass(frozen=True)
class Season(Result):
    """A season.

    Args:
        period: m, in observations.
        strength: share of the variance of the detrended series that it accounts for, 0..1.
    """

    period: int
    strength: float


def find_seasons(
    values: np.ndarray | Sequence[np.ndarray], *, step: Step | None = None, most: int = 2
) -> tuple[Season, ...]:
    """Return the seasons of one series, or those that half of several series share, the strongest first.

    A period is tried where the step of the axis suggests it (hours: day and week; days: week and year; months: year
    …), or, without a step of time, where the periodogram has its peaks. The series is detrended by a moving mean over
    the period, and the share of its variance between the phases is the strength, adjusted for their number
    [wang2006characteristic]. It counts where it is larger than for each of 99 random shifts of the cycles against each
    other: in a random walk cycles have shapes, too, but they do not keep their phase. A period that was chosen by the
    periodogram must account for half of the variance in at least eight cycles. The shortest of nearly equal
    periods is the season; a longer one is another if it explains what the first leaves.

    Args:
        values: (n,), NaN where missing; or several.
        step: of the time axis.
        most: seasons that are returned.
    """
    several = [values] if isinstance(values, np.ndarray) else list(values)
    votes: dict[int, list[float]] = {}
    for one in several:
        for season in _of_one(np.asarray(one, dtype=np.float64), step, most):
            votes.setdefault(season.period, []).append(season.strength)
    found = [
        Season(period, float(np.median(strengths)))
        for period, strengths in votes.items()
        if 2 * len(strengths) >= len(several)
    ]
    return tuple(sorted(found, key=lambda one: -one.strength)[:most])


def sizes_for(length: int, step: Step | None, seasons: Sequence[Season]) -> tuple[int, int, int]:
    """Return look-back, horizon and season for a series of some length.

    With a season m the horizon is m (a week of days: two weeks) and the look-back as many seasons as a tenth of the
    rows holds, one to seven. Without one, or with one above 100, it is 60 and 30, of short series an eighth and a
    sixteenth of the rows. Both together take at most half of the rows, so that a test part, a validation part and
    training windows remain.

    Args:
        length: observations.
        step: of the time axis; not read where there is a season.
        seasons: as found, the strongest first.
    """
    season = next((one.period for one in seasons if 3 * one.period <= length), 1)
    if 1 < season <= LONG:
        horizon = 2 * season if season < 8 and length >= 40 * season else season
        look_back = season * max(1, min(7, length // (10 * season)))
    else:
        horizon = max(1, min(30, length // 16))
        look_back = max(2, min(60, length // 8))
        if step is not None and step.unit == "M" and length >= 48:
            horizon = max(horizon, min(12, length // 8))
    horizon = max(1, min(horizon, length // 5))
    look_back = max(1, min(look_back, length // 2 - horizon))
    return look_back, horizon, season


def _of_one(values: np.ndarray, step: Step | None, most: int) -> list[Season]:
    observed = np.flatnonzero(np.isfinite(values))
    if len(observed) < 8:
        return []
    values = values[observed[0] : observed[-1] + 1][-LOOKED_AT:]
    known = np.isfinite(values)
    if known.mean() < 1 - MISSING or np.ptp(values[known]) == 0:
        return []
    places = np.arange(len(values))
    filled = np.interp(places, places[known], values[known])
    left = _calmed(filled)
    found: list[Season] = []
    for _ in range(most):
        least = MORE if found else LEAST
        sure = [
            (period, strength)
            for period, suggested in _periods(left, step)
            if (strength := _strength(left, period)) >= least
            and _is_season(left, period, strength, suggested=suggested)
        ]
        if not sure:
            break
        top = max(strength for _, strength in sure)
        period, strength = min(one for one in sure if one[1] >= 0.9 * top)
        found.append(Season(period, strength))
        left = left - _profile(left, period)[np.arange(len(left)) % period]
    return found


def _calmed(values: np.ndarray) -> np.ndarray:
    """Return the values with outliers of more than six times the usual distance from the median drawn in."""
    middle = np.median(values)
    width = 1.4826 * float(np.median(np.abs(values - middle))) or float(values.std())
    calmed: np.ndarray = np.clip(values, middle - 6 * width, middle + 6 * width)
    return calmed


def _periods(values: np.ndarray, step: Step | None) -> Iterator[tuple[int, bool]]:
    """Yield periods that are worth a try, and whether the calendar suggests each."""
    longest = int(len(values) / CYCLES)
    tried: list[float] = []
    if step is not None and step.unit == "B":
        tried = [5, 260]
    elif step is None or step.unit == "1":
        yield from ((period, False) for period in sorted({*COMMON, *_peaks(values)}) if 2 <= period <= longest)
        return
    elif step.unit == "us":
        tried = [size * 1e6 / step.count for size in (HOUR, 24 * HOUR, 168 * HOUR)]
    elif step.unit == "D":
        # 52 weeks are a year but for a day.
        tried = [7 / step.count, 365 / step.count if step.count == 1 else round(365 / step.count)]
    else:
        tried = [12 / step.count, 3 / step.count]
    whole = {round(one) for one in tried if abs(one - round(one)) < 1e-6}
    yield from ((period, True) for period in sorted(whole) if 2 <= period <= longest)


def _peaks(values: np.ndarray) -> list[int]:
    """Return the periods of the five highest peaks of the periodogram, each moved to the best lag nearby."""
    length = len(values)
    line = np.polynomial.Polynomial.fit(np.arange(length), values, 1)
    spectrum = np.abs(np.fft.rfft((values - line(np.arange(length))) * np.hanning(length))) ** 2
    inner = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])) + 1
    highest = inner[np.argsort(spectrum[inner])[::-1][:5]]
    found = []
    for frequency in highest:
        low, high = length / (frequency + 0.6), length / max(frequency - 0.6, 0.5)
        nearby = range(max(2, int(low)), min(int(high) + 2, length // 2))
        if nearby:
            found.append(max(nearby, key=lambda lag: _strength(values, lag)))
    return found


def _detrended(values: np.ndarray, period: int) -> np.ndarray:
    """Return the values without their centred moving mean over a period, the ends cut to whole cycles."""
    weights = np.full(period, 1.0 / period)
    if period % 2 == 0:
        weights = np.convolve(weights, [0.5, 0.5])
    trend = np.convolve(values, weights, mode="valid")
    margin = (len(weights) - 1) // 2
    left = values[margin : margin + len(trend)] - trend
    return left[: len(left) // period * period]


def _profile(values: np.ndarray, period: int) -> np.ndarray:
    left = _detrended(values, period)
    margin = period // 2
    return np.roll(left.reshape(-1, period).mean(axis=0), margin)


def _strength(values: np.ndarray, period: int) -> float:
    """Return the share of the variance of the detrended series between its phases, adjusted for their number."""
    cycles = _detrended(values, period).reshape(-1, period)
    return _between(cycles)


def _between(cycles: np.ndarray) -> float:
    count, period = cycles.shape
    total = float(((cycles - cycles.mean()) ** 2).sum())
    if count < 2 or total <= 1e-20 * float((cycles**2).sum() + 1e-300):
        return 0.0
    within = float(((cycles - cycles.mean(axis=0)) ** 2).sum())
    freedom = cycles.size - period
    return float(max(0.0, 1.0 - (within / freedom) / (total / (cycles.size - 1))))


def _is_season(values: np.ndarray, period: int, strength: float, *, suggested: bool) -> bool:
    cycles = len(_detrended(values, period)) // period
    if not suggested and (strength < STRONG or cycles < SEEN):
        return False
    if cycles < FEW and strength < STRONG:
        return False
    return cycles < TOO_FEW or _keeps_phase(values, period, strength)


def _keeps_phase(values: np.ndarray, period: int, strength: float) -> bool:
    """Tell whether cycles agree in phase: no random shift of them against each other does as well."""
    cycles = _detrended(values, period).reshape(-1, period)
    generator = np.random.default_rng(period)
    columns = np.arange(period)
    for _ in range(SHIFTS):
        shifts = generator.integers(0, period, len(cycles))
        shifted = np.take_along_axis(cycles, (columns + shifts[:, None]) % period, axis=1)
        if _between(shifted) >= strength:
            return False
    return True
