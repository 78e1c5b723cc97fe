"""Times of several contenders, taken in turns so that other load on the machine affects all of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nurt.results import Result

__all__ = ["Timing", "alternate"]

# A shorter sample would measure the resolution of the clock.
SAMPLE_SECONDS = 1e-3
# A shorter run is affected by the caches and the free memory of the previous contender.
WARMED_SECONDS = 0.05
FEWEST, MOST = 3, 200
PATIENCE = 10

Run = Callable[[], object]


@dataclass(frozen=True)
class Timing(Result):
    """Seconds of one run.

    Args:
        median: half of the samples were slower.
        low, high: first and third quartile.
        least: the fastest sample.
        samples: how many there are; a sample is the mean of as many runs in a row as take a millisecond.
    """

    median: float
    low: float
    high: float
    least: float
    samples: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """Sum up the samples."""
        low, median, high = (
            statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 3
        )
        return cls(median, low, high, min(seconds), len(seconds))

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a share of the median."""
        return (self.high - self.low) / 2 / self.median


def alternate(runs: Sequence[Run], budget_seconds: float) -> list[Timing]:
    """Time several runs in turns: the first, the second, …, the first again.

    Args:
        runs: to time.
        budget_seconds: after this the rounds end, but not before three are measured, unless those would take more
            than ``PATIENCE`` times the budget.

    Returns:
        One timing for each run. The first round only warms up, unless it is the only one; in the others a short run is
        repeated once beforehand, because in use it follows upon itself.
    """
    started = time.perf_counter()
    first = [_sample(run, 1) for run in runs]
    calls = [max(1, math.ceil(SAMPLE_SECONDS / max(seconds, 1e-9))) for seconds in first]
    samples: list[list[float]] = [[] for _ in runs]
    while _goes_on(len(samples[0]), time.perf_counter() - started, budget_seconds):
        for run, cold, count, kept in zip(runs, first, calls, samples, strict=True):
            if cold < WARMED_SECONDS:
                run()
            kept.append(_sample(run, count))
    return [Timing.of(kept or [cold]) for kept, cold in zip(samples, first, strict=True)]


def _goes_on(rounds: int, elapsed: float, budget_seconds: float) -> bool:
    if rounds < FEWEST:
        return elapsed < PATIENCE * budget_seconds
    return rounds < MOST and elapsed < budget_seconds


def _sample(run: Run, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
