"""Conformal intervals: widen a forecast by errors seen before, so that the intervals have the coverage they state.

For every forecast step k the scores of past origins are collected: ``max(lower - y, y - upper)``, which is ``|e|``
where the model gives one point and lower = upper [vovk2005algorithmic, romano2019conformalized]. Divided by a
difficulty known at the origin [papadopoulos2008normalized, lei2018distribution] calm and volatile times are
comparable. The interval at an origin is widened by the ⌈(n+1)·level⌉-th smallest of n scores, times the
difficulty there; when that rank exceeds n there is no interval.

Coverage of at least the level on average is guaranteed for exchangeable scores. Forecast errors in time are not
exchangeable: they overlap and drift. ``RollingConformal`` therefore keeps learning from every error as soon as it
is known; the back-test reports coverage by step with its interval.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.cells import Intervals, rows_by_series

__all__ = [
    "AbstractConformal",
    "IntervalForecasts",
    "RollingConformal",
    "SplitConformal",
    "calibrate",
    "change_scale",
]


@dataclass(frozen=True)
class IntervalForecasts:
    """Forecasts with bounds that are still to be calibrated, N origins × F steps × V levels.

    Args:
        levels: nominal levels in per cent, ascending.
        series: index of the series of each origin, shape (N,).
        origin: position of the last observation used, shape (N,).
        actual: truth, NaN where missing or not yet known, shape (N, F).
        centre: point forecast, which every interval will hold, shape (N, F).
        lower: lower bounds, shape (N, F, V).
        upper: upper bounds, shape (N, F, V).
        scale: difficulty at each origin, above 0, shape (N,); all ones for plain scores.

    Raises:
        ShapeError: the shapes do not agree.
        NurtValueError: levels are not ascending per cents, or a scale is not positive.
    """

    levels: tuple[int, ...]
    series: np.ndarray
    origin: np.ndarray
    actual: np.ndarray
    centre: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    scale: np.ndarray

    def __post_init__(self) -> None:
        ascending = list(self.levels) == sorted(set(self.levels))
        if not self.levels or not ascending or self.levels[0] <= 0 or self.levels[-1] >= 100:
            raise NurtValueError(
                "IntervalForecasts: levels are per cents in ascending order.",
                expected="for example (80, 95)",
                got=str(self.levels),
            )
        cells = self.actual.shape
        expected = {
            "series": cells[:1], "origin": cells[:1], "scale": cells[:1], "centre": cells,
            "lower": (*cells, len(self.levels)), "upper": (*cells, len(self.levels)),
        }  # fmt: skip
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ShapeError(
                    f"IntervalForecasts: `{name}` does not match `actual`, {cells}, and {len(self.levels)} level(s).",
                    expected=f"shape {shape}",
                    got=str(getattr(self, name).shape),
                )
        if not np.all(self.scale > 0):
            raise NurtValueError(
                "IntervalForecasts: a difficulty must be positive.", expected="scale > 0", got=str(self.scale.min())
            )

    @classmethod
    def from_points(
        cls,
        levels: Sequence[int],
        series: np.ndarray,
        origin: np.ndarray,
        actual: np.ndarray,
        forecast: np.ndarray,
        scale: np.ndarray | None = None,
    ) -> IntervalForecasts:
        """Return the forecasts of a model without bounds of its own: all bounds are the point forecast.

        Args:
            levels: as in the class.
            series: as in the class.
            origin: as in the class.
            actual: as in the class.
            forecast: point forecast, shape (N, F).
            scale: as in the class; None for plain scores.
        """
        bounds = np.repeat(forecast[..., None], len(levels), axis=-1)
        scale = np.ones(len(origin)) if scale is None else scale
        return cls(tuple(levels), series, origin, actual, forecast, bounds, bounds, scale)

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def scores(self) -> np.ndarray:
        """How far the truth lies outside the bounds, below 0 inside, per difficulty, shape (N, F, V)."""
        outside = np.maximum(self.lower - self.actual[..., None], self.actual[..., None] - self.upper)
        scaled: np.ndarray = outside / self.scale[:, None, None]
        return scaled


class AbstractConformal(abc.ABC):
    """Which scores an interval may learn from."""

    @abc.abstractmethod
    def margins(self, validation: IntervalForecasts, test: IntervalForecasts) -> np.ndarray:
        """Return by how much to widen, per difficulty, shape (N, F, V), for the ``test`` origins of one series.

        Both parts belong to the same series and have ascending origins.
        """


@final
@dataclass(frozen=True)
class SplitConformal(AbstractConformal):
    """One fixed calibration set: the validation origins whose target was known at the first test origin.

    Simple and steady; it never learns that times have changed.
    """

    def margins(self, validation: IntervalForecasts, test: IntervalForecasts) -> np.ndarray:
        """Return the same margins for every test origin."""
        cutoffs = np.repeat(test.origin[:1], len(test))
        return _running_margins(validation.origin, validation.scores, cutoffs, test.levels, None)


@final
@dataclass(frozen=True)
class RollingConformal(AbstractConformal):
    """Every error as soon as it is known: at origin t and step k all origins o with o + k ≤ t.

    It begins with the validation origins and goes on through the test part, exactly as it would in use.

    Args:
        window: keep only so many of the latest scores per step; None keeps all. A window forgets old times faster
            and needs at least 4 scores for a level of 80 %, 19 for 95 %.
    """

    window: int | None = None

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise NurtValueError(
                "RollingConformal: the window counts scores.", expected="window >= 1 or None", got=str(self.window)
            )

    def margins(self, validation: IntervalForecasts, test: IntervalForecasts) -> np.ndarray:
        """Return margins that learn from one test origin to the next."""
        origins = np.concatenate([validation.origin, test.origin])
        scores = np.concatenate([validation.scores, test.scores])
        order = np.argsort(origins, kind="stable")
        return _running_margins(origins[order], scores[order], test.origin, test.levels, self.window)


def calibrate(method: AbstractConformal, validation: IntervalForecasts, test: IntervalForecasts) -> Intervals:
    """Return calibrated intervals for every test origin, using nothing that was not known there.

    Each series learns from its own scores. Bounds never cross and levels are nested: going from the narrowest level
    outward from the point forecast, a bound that would lie inside the one before takes that one's place. That only
    ever widens an interval.

    For a forecast into the future give all origins whose truth is partly known as ``validation``, and the new origin,
    with NaN as truth, as ``test``.

    Args:
        method: which scores to learn from.
        validation: forecasts for origins the model was not trained on, before the test origins.
        test: forecasts to calibrate.

    Returns:
        Intervals in the order of ``test``; NaN where too few scores are known, with the reason.

    Raises:
        NurtValueError: the two parts have different levels or horizons.
    """
    if validation.levels != test.levels or validation.actual.shape[1] != test.actual.shape[1]:
        raise NurtValueError(
            "calibrate: validation and test must have the same levels and horizon.",
            expected=f"levels {validation.levels}, horizon {validation.actual.shape[1]}",
            got=f"levels {test.levels}, horizon {test.actual.shape[1]}",
        )
    margins = np.full(test.lower.shape, np.nan)
    before = dict(rows_by_series(validation.series))
    for series, unordered in rows_by_series(test.series):
        rows = _ascending(test, unordered)
        past = _take(validation, _ascending(validation, before.get(series, unordered[:0])))
        margins[rows] = method.margins(past, _take(test, rows))
    widening = margins * test.scale[:, None, None]
    lower, upper = _nested(test.centre, test.lower - widening, test.upper + widening)
    return Intervals(test.levels, lower, upper, _reason(test.levels, margins))


def change_scale(values: np.ndarray, origins: np.ndarray, look_back: int) -> np.ndarray:
    """Return the variability of a series before each origin: the mean absolute one-step change in the window.

    The natural difficulty of a series whose changes, not levels, come and go. A quiet window does not make
    the forecast certain: the scale is never below a tenth of the mean change since the series began, and 1 while
    nothing has changed yet.

    Args:
        values: one series, shape (n,); changes from or to a missing value are skipped.
        origins: positions of the last observation used, shape (N,); nothing later is read.
        look_back: window length L, in observations.

    Returns:
        Scales in the units of the target, above 0, shape (N,).
    """
    change = np.abs(np.diff(values, prepend=np.nan))
    known = np.isfinite(change)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, change, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    # The change at position i leads from i-1 to i, so the window's first value brings none of its own.
    start = np.maximum(np.asarray(origins) - look_back + 2, 0)
    stop = np.maximum(np.asarray(origins) + 1, start)
    recent = (total[stop] - total[start]) / np.maximum(count[stop] - count[start], 1)
    overall = total[stop] / np.maximum(count[stop], 1)
    scale: np.ndarray = np.maximum(recent, 0.1 * overall)
    return np.where(overall > 0, scale, 1.0)


def _ascending(forecasts: IntervalForecasts, rows: np.ndarray) -> np.ndarray:
    """Return the rows of one series, origins ascending."""
    ordered: np.ndarray = rows[np.argsort(forecasts.origin[rows], kind="stable")]
    return ordered


def _take(forecasts: IntervalForecasts, rows: np.ndarray) -> IntervalForecasts:
    parts = ("series", "origin", "actual", "centre", "lower", "upper", "scale")
    return IntervalForecasts(forecasts.levels, *(getattr(forecasts, name)[rows] for name in parts))


def _running_margins(
    origins: np.ndarray, scores: np.ndarray, cutoffs: np.ndarray, levels: tuple[int, ...], window: int | None
) -> np.ndarray:
    """Return for each cutoff and step the wanted ranks among the scores known by then, shape (cutoffs, F, V)."""
    steps, wanted = scores.shape[1], len(levels)
    margins = np.full((len(cutoffs), steps, wanted), np.nan)
    # A point forecaster has the same score at every level: one sorted list then answers for all.
    alike = all(np.array_equal(scores[..., 0], scores[..., i], equal_nan=True) for i in range(1, wanted))
    groups = [tuple(range(wanted))] if alike else [(i,) for i in range(wanted)]
    for group in groups:
        for k in range(steps):
            column = scores[:, k, group[0]]
            known = np.isfinite(column)
            learned = np.searchsorted(origins[known] + k + 1, cutoffs, side="right")
            asked = [levels[i] for i in group]
            margins[:, k, list(group)] = _running_ranks(column[known].tolist(), learned.tolist(), asked, window)
    return margins


def _running_ranks(scores: list[float], learned: list[int], levels: list[int], window: int | None) -> np.ndarray:
    """Return, with the first ``learned[i]`` scores known, their ⌈(n+1)·level⌉-th smallest, shape (rows, levels)."""
    found: list[float] = []
    ranks = _RunningOrder(scores)
    position = 0
    for until in learned:
        for place in range(position, until):
            ranks.add(place, 1)
            if window is not None and place >= window:
                ranks.add(place - window, -1)
        position = max(position, until)
        for level in levels:
            rank = -(-(ranks.known + 1) * level // 100)
            found.append(ranks.smallest(rank) if rank <= ranks.known else math.nan)
    return np.array(found).reshape(len(learned), len(levels))


class _RunningOrder:
    """The k-th smallest of a growing set of numbers that are all given in advance [fenwick1994new].

    Counts of those known are summed in a binary indexed tree over the sorted numbers, so that a number joins or leaves,
    and the k-th smallest is found, in about log2(n) steps.
    """

    def __init__(self, numbers: list[float]) -> None:
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        self._sorted = [numbers[index] for index in order]
        self._place = [0] * len(numbers)
        for place, index in enumerate(order, 1):
            self._place[index] = place
        self._counts = [0] * (len(numbers) + 1)
        self._largest_step = 1 << len(numbers).bit_length() >> 1
        self.known = 0

    def add(self, index: int, count: int) -> None:
        """Let number ``index`` join (1) or leave (-1)."""
        self.known += count
        at, counts = self._place[index], self._counts
        while at < len(counts):
            counts[at] += count
            at += at & -at

    def smallest(self, rank: int) -> float:
        """Return the ``rank``-th smallest of those known, counted from 1."""
        at, step, counts = 0, self._largest_step, self._counts
        while step:
            if at + step < len(counts) and counts[at + step] < rank:
                at += step
                rank -= counts[at]
            step >>= 1
        return self._sorted[at]


def _nested(centre: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds that hold the centre and every narrower interval; a missing bound stays missing."""
    lower, upper = lower.copy(), upper.copy()
    inner_low = inner_high = centre
    for level in range(lower.shape[-1]):
        lower[..., level] = np.minimum(lower[..., level], inner_low)
        upper[..., level] = np.maximum(upper[..., level], inner_high)
        inner_low, inner_high = np.fmin(lower[..., level], inner_low), np.fmax(upper[..., level], inner_high)
    return lower, upper


def _reason(levels: tuple[int, ...], margins: np.ndarray) -> str | None:
    missing = np.isnan(margins)
    parts = [
        f"at {int(missing[..., i].sum())} of {missing[..., i].size} cells fewer than {-(-level // (100 - level))} "
        f"errors were known, too few for {level} % intervals"
        for i, level in enumerate(levels)
        if missing[..., i].any()
    ]
    return "; ".join(parts) or None
