"""Audit of copying: does the model forecast, or repeat the last value one step late?

A network that copies can look excellent on a chart and in R²: its line is the true one, shifted. Two numbers tell.
The *copy share* says how much of the way from "the truth" to "the last value" the forecast lies, in squared error:
1 for an exact copy, about 0 for a forecast near the truth. The *lag* says which shift of the truth the changes of
the forecast follow best: a copy at step k trails by k or more, a forecast that knows something by less.
Both can mislead together where the best possible forecast *is* close to the last value, so a test of skill decides
between a copy and a shrunk copy with skill.

Repeating the season is what a seasonal model is for: it is told, and is no alarm. A whole number of seasons ahead the
last value *is* the value one season back, so that a copy there is a seasonal one.

The true series is put together again from the overlapping cells of the back-test (``Truth``), and the changes of the
forecast are correlated with those of the truth at every shift (``Following``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.cells import Cells, rows_by_series
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CopyFlag", "CopyingReport", "StepCopying", "audit_copying"]

CopyFlag = Literal["none", "copy", "shrunk copy with skill", "seasonal copy", "undefined"]
COPY_SHARE = 0.9
# Lags tried beyond the one of an exact copy, so that a smoothed copy is found where it peaks.
MORE_LAGS = 5
FEWEST_PAIRS = 8
# Changes this small beside the typical change of the truth are rounding; their correlation with anything is noise.
STANDS_STILL = 1e-9
# Shifts per matrix product: a few copies of (N, SHIFTS) must fit in memory for long back-tests.
SHIFTS = 128


@dataclass(frozen=True)
class StepCopying(Result):
    """Copying at forecast step ``h``.

    Args:
        h: forecast step, 1-based.
        copy_share: 1 - Σ(ŷ - y_t)² / Σ(y_{t+h} - y_t)²; 1 = exact copy of the last value; NaN where undefined.
        lag: shift of the truth, in observations, that the changes of the forecast follow best; None where undefined.
        seasonal_share, seasonal_lag: the same against the value one season back; NaN and None without a season.
        flag: the conclusion.
        reason: why it is undefined.
    """

    h: int
    copy_share: float
    lag: int | None
    seasonal_share: float
    seasonal_lag: int | None
    flag: CopyFlag
    reason: str | None = None


@dataclass(frozen=True)
class CopyingReport(Result):
    """Copying of one model, step by step.

    Args:
        model: its name.
        season: season tested, in observations; 1 = none.
        steps: one entry per forecast step.
        text: the finding as a sentence.
    """

    model: str
    season: int
    steps: tuple[StepCopying, ...]
    text: str

    @property
    def copied(self) -> tuple[int, ...]:
        """Steps at which the model copies the last value without skill; a repeat of the season is none."""
        return tuple(step.h for step in self.steps if step.flag == "copy")

    @property
    def verdict(self) -> Literal["pass", "info", "warning"]:
        """Return "warning" for a copy of the last value without skill, else "info" where there is something to tell.

        That is a copy with skill, a repeat of the season, or nothing that could be judged.
        """
        flags = {step.flag for step in self.steps}
        if self.copied:
            return "warning"
        return "info" if flags & {"shrunk copy with skill", "seasonal copy"} or flags == {"undefined"} else "pass"

    def to_dict(self) -> dict[str, Any]:
        """Return verdict, the steps copied, and everything per step."""
        return {"verdict": self.verdict, "copied": list(self.copied), **super().to_dict()}

    def __str__(self) -> str:
        return self.text

    def plot(self) -> go.Figure:
        """Draw the copy share by forecast step, flagged steps marked."""
        from nurt import plotting

        figure = plotting.new_figure(f"How much of {self.model} is a copy", "forecast step", "copy share")
        horizon = [step.h for step in self.steps]
        figure.add_scatter(
            x=horizon, y=[_floored(step.copy_share) for step in self.steps], name="of the last value",
            line={"color": plotting.MODEL}, mode="lines+markers",
        )  # fmt: skip
        if self.season > 1:
            figure.add_scatter(
                x=horizon, y=[_floored(step.seasonal_share) for step in self.steps], name="of one season back",
                line={"color": plotting.REFERENCE, "dash": "dot"},
            )  # fmt: skip
        flagged = [step for step in self.steps if step.h in self.copied]
        figure.add_scatter(
            x=[step.h for step in flagged],
            y=[step.copy_share if step.flag == "copy" else step.seasonal_share for step in flagged],
            name="copy", mode="markers", marker={"color": plotting.WARNING, "size": 11, "symbol": "x"},
        )  # fmt: skip
        figure.add_hline(y=COPY_SHARE, line={"color": plotting.REFERENCE, "width": 1})
        return figure


def audit_copying(
    cells: Cells,
    *,
    season: int = 1,
    beats_naive: Sequence[bool | None] | None = None,
    beats_seasonal: Sequence[bool | None] | None = None,
) -> CopyingReport:
    """Find the steps at which the model under test only copies.

    With p_t the forecast ŷ_{t+k} made at origin t and t' the origin before t, over all origins:
    copy share = 1 - Σ(p_t - y_t)²/Σ(y_{t+k} - y_t)², and lag = argmax_j corr(p_t - p_{t'}, y_{t+k-j} - y_{t'+k-j})
    for j = 0..k+5. A step is a copy when the share is at least 0.9, the lag at least k, and the model is not found
    better than repeating the last value. A whole number of seasons ahead it is a seasonal copy. Series count equally,
    whatever their units.

    Args:
        cells: a back-test with evenly spaced origins; "naive" must be among its forecasts.
        season: m, in observations; above 1 the value m·⌈k/m⌉ observations before the target is tried as well.
        beats_naive: per step, whether a one-sided test at 5 % finds the model better than repeating the last value;
            None where undecided, which counts as no.
        beats_seasonal: the same against the seasonal repeat.

    Returns:
        a report that prints as one sentence.

    Raises:
        NurtValueError: no naive forecasts among the cells, or a season below 1.
        ShapeError: not one test result per step.
    """
    if "naive" not in cells.forecasts:
        raise NurtValueError(
            "audit_copying: the last values cannot be told from the cells.",
            expected="a forecast named 'naive' among them",
            got=", ".join(map(repr, cells.forecasts)),
        )
    if season < 1:
        raise NurtValueError("audit_copying: `season` counts observations.", expected="at least 1", got=str(season))
    skilled = _per_step("beats_naive", beats_naive, cells.horizon)
    skilled_seasonal = _per_step("beats_seasonal", beats_seasonal, cells.horizon)
    truth = Truth.of(cells)
    forecasts = cells.forecasts[cells.model] / truth.unit[:, None]
    following = Following.of(forecasts, truth, 1 - season - MORE_LAGS)
    steps = tuple(
        _judge_step(forecasts[:, h - 1], truth, following, h, season, (skilled[h - 1], skilled_seasonal[h - 1]))
        for h in range(1, cells.horizon + 1)
    )
    return CopyingReport(cells.model, season, steps, _sentence(cells.model, season, steps))


def _per_step(name: str, given: Sequence[bool | None] | None, horizon: int) -> list[bool]:
    if given is None:
        return [False] * horizon
    if len(given) != horizon:
        raise ShapeError(
            f"audit_copying: `{name}` needs one result per forecast step.", expected=str(horizon), got=str(len(given))
        )
    return [bool(one) for one in given]


def _judge_step(
    model: np.ndarray, truth: Truth, following: Following, h: int, season: int, skilled: tuple[bool, bool]
) -> StepCopying:
    """Judge step ``h``; ``skilled`` says whether it beats the last value, and the value one season back."""
    share, lag = _share(model, truth.last, truth.shifted(h)), following.lag(h, h + MORE_LAGS)
    seasonal_share, seasonal_lag, back = float("nan"), None, season * -(-h // season)
    if season > 1:
        seasonal_share = _share(model, truth.shifted(h - back), truth.shifted(h))
        seasonal_lag = following.lag(h, back + MORE_LAGS)
    flag: CopyFlag = "none"
    reason = None
    if lag is None or np.isnan(share):
        flag, reason = "undefined", "too few origins, or no changes to compare"
    elif share >= COPY_SHARE and lag >= h:
        # One step before the season, its repeat lies beside the last value: the closer of the two is the one copied.
        closer = seasonal_lag is not None and seasonal_lag >= back and seasonal_share > share
        plain: CopyFlag = "seasonal copy" if closer or (season > 1 and h % season == 0) else "copy"
        flag = "shrunk copy with skill" if skilled[0] else plain
    elif seasonal_lag is not None and seasonal_share >= COPY_SHARE and seasonal_lag >= back:
        flag = "shrunk copy with skill" if skilled[1] else "seasonal copy"
    return StepCopying(h, share, lag, seasonal_share, seasonal_lag, flag, reason)


def _share(model: np.ndarray, repeated: np.ndarray, actual: np.ndarray) -> float:
    known = np.isfinite(model) & np.isfinite(repeated) & np.isfinite(actual)
    whole = float(((actual - repeated)[known] ** 2).sum())
    if known.sum() < FEWEST_PAIRS or whole == 0.0:
        return float("nan")
    return 1.0 - float(((model - repeated)[known] ** 2).sum()) / whole


@dataclass(frozen=True)
class Following:
    """How closely the changes of each step's forecast follow those of the truth, shift by shift.

    Args:
        correlations: of step k with the truth ``first + i`` observations after the origin, (F, shifts); NaN where
            fewer than 8 pairs are known or one side stands still.
        first: smallest shift; negative means before the origin.
    """

    correlations: np.ndarray
    first: int

    @classmethod
    def of(cls, forecasts: np.ndarray, truth: Truth, first: int) -> Following:
        """Correlate ``forecasts`` (N, F), in units of the truth, at every shift from ``first`` to F."""
        moved = np.column_stack([truth.change(column) for column in forecasts.T])
        shifts = range(first, forecasts.shape[1] + 1)
        parts = [shifts[start : start + SHIFTS] for start in range(0, len(shifts), SHIFTS)]
        found = [_pairwise(moved, np.column_stack([truth.change(truth.shifted(s)) for s in part])) for part in parts]
        return cls(np.concatenate(found, axis=1), first)

    def lag(self, h: int, most: int) -> int | None:
        """Return the lag j in 0..most whose shift h - j step ``h`` follows best, the smaller of equals."""
        at = h - self.first
        by_lag = self.correlations[h - 1, at - most : at + 1][::-1]
        # Rounded, because lags that explain a periodic series equally well differ in their last digits.
        return None if np.isnan(by_lag).all() else int(np.nanargmax(by_lag.round(12)))


def _pairwise(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return correlations of the columns of ``one`` (N, F) and ``other`` (N, S) over rows known in both, (F, S)."""
    known_one, x = _centred(one)
    known_other, y = _centred(other)
    count = known_one.T @ known_other
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = (x.T @ known_other) / count, (known_one.T @ y) / count
        spread_x = ((x**2).T @ known_other) / count - mean_x**2
        spread_y = (known_one.T @ y**2) / count - mean_y**2
        found: np.ndarray = ((x.T @ y) / count - mean_x * mean_y) / np.sqrt(spread_x * spread_y)
    moves = np.minimum(spread_x, spread_y) > STANDS_STILL**2
    return np.where((count >= FEWEST_PAIRS) & moves, found, np.nan)


def _centred(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which values are known, as 0.0 and 1.0, and the values less their column's mean, 0.0 where unknown."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return known.astype(float), np.where(known, values - mean, 0.0)


@dataclass(frozen=True)
class Truth:
    """What was observed around each origin, every series in units of its own changes.

    Args:
        last: last observed value at each origin, (N,).
        unit: root mean squared change from an origin to its targets, of the origin's series, (N,).
        values: every value the cells know, series one after another, NaN where missing or unknown.
        place: index into ``values`` of each origin, (N,).
        before: index of the origin before each one in the same series, -1 for the first, (N,).
        margin: how far ``place`` may be moved without leaving the series.
    """

    last: np.ndarray
    unit: np.ndarray
    values: np.ndarray
    place: np.ndarray
    before: np.ndarray
    margin: int

    @classmethod
    def of(cls, cells: Cells) -> Truth:
        """Collect the truth of ``cells``, whose naive forecasts are the last values."""
        last = cells.forecasts["naive"][:, 0].astype(float)
        actual = cells.actual.astype(float)
        unit, place, before = np.ones(len(last)), np.zeros(len(last), dtype=int), np.full(len(last), -1)
        # No shift that finds a value is longer than the data, so this much room on either side is enough.
        margin = int(cells.origin.max(initial=0)) + cells.horizon + 1
        parts = []
        for index, (_, rows) in enumerate(rows_by_series(cells.series)):
            positions = cells.origin[rows]
            parts.append(_known(margin + positions, last[rows], actual[rows], 3 * margin))
            place[rows] = (3 * index + 1) * margin + positions
            before[rows[1:]] = rows[:-1]
            unit[rows] = _unit(actual[rows] - last[rows, None])
        return cls(last / unit, unit, np.concatenate([*parts, np.empty(0)]), place, before, margin)

    def shifted(self, steps: int) -> np.ndarray:
        """Return y_{t+steps} for every origin t, NaN where the cells do not know it, (N,)."""
        if abs(steps) > self.margin:
            return np.full(len(self.place), np.nan)
        moved: np.ndarray = self.values[self.place + steps] / self.unit
        return moved

    def change(self, values: np.ndarray) -> np.ndarray:
        """Return what ``values`` (N,) changed by since the origin before, NaN at the first of each series."""
        return np.where(self.before >= 0, values - values[self.before], np.nan)


def _known(places: np.ndarray, last: np.ndarray, actual: np.ndarray, length: int) -> np.ndarray:
    """Return the values that origins at ``places`` know, on ``length`` places."""
    values = np.full(length, np.nan)
    values[places] = last
    # The last *observed* value may be older than the origin; where targets cover the place, they know better.
    values[places[:, None] + np.arange(1, actual.shape[1] + 1)] = actual
    return values


def _unit(changes: np.ndarray) -> float:
    known = changes[np.isfinite(changes)]
    size = float(np.sqrt((known**2).mean())) if len(known) else 0.0
    return size if size > 0.0 else 1.0


def _sentence(model: str, season: int, steps: Sequence[StepCopying]) -> str:
    by_flag = {flag: [step.h for step in steps if step.flag == flag] for flag in ("copy", "seasonal copy")}
    skilled = [step.h for step in steps if step.flag == "shrunk copy with skill"]
    undefined = [step.h for step in steps if step.flag == "undefined"]
    parts = []
    if by_flag["copy"]:
        parts.append(f"repeats the last value at {_steps(by_flag['copy'], steps)}")
    if by_flag["seasonal copy"]:
        parts.append(f"repeats the value {season} observations back at {_steps(by_flag['seasonal copy'], steps)}")
    if skilled:
        parts.append(f"stays close to a repeat, yet with skill, at {_steps(skilled, steps)}")
    if parts:
        return f"{model} {'; it '.join(parts)}."
    if len(undefined) == len(steps):
        return f"Copying cannot be judged for {model}: too few origins, or forecasts that never change."
    return f"{model} does not copy the last value."


def _steps(some: Sequence[int], every: Sequence[StepCopying]) -> str:
    if len(some) == len(every):
        return "every step" if len(every) > 1 else "its only step"
    runs: list[list[int]] = []
    for h in some:
        if runs and h == runs[-1][-1] + 1:
            runs[-1].append(h)
        else:
            runs.append([h])
    named = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"step {named}" if len(some) == 1 else f"steps {named}"


def _floored(share: float) -> float | None:
    """Return the share for the chart, where anything far below 0 only means "not a copy"."""
    return None if np.isnan(share) else max(share, -1.0)
