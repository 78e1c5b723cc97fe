"""The best linear forecast of the window, in closed form: the baseline that a network must beat.

Each step ahead is regressed by least squares, with an intercept, on the last L values, over all training windows of all
series at once, each series in its own training z-scores ([zeng2023transformers] compare such models with transformers;
[toner2024analysis] derive their closed forms). Anchored, the last value of the window is subtracted from inputs and
targets first and added back, so that the fit starts from the naive forecast. With ``knows_ahead`` step k also reads
what is known of t+k in advance (calendar, covariates) and the past covariates at t.

A missing value of the window is replaced by the last one observed before it, and before the first one by the location
of the series, in fit and forecast alike. A missing target leaves the fit of its step. What is unknown of a step ahead
counts as its training mean. :mod:`~nurt.evaluation.forecasts.baselines.least_squares` has the algebra.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from nurt import plotting
from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.baselines.base import (
    AbstractBaseline,
    AbstractFittedBaseline,
    BaselineLabel,
    ForecastRequest,
    History,
    last_observed,
    lifted,
)
from nurt.evaluation.forecasts.baselines.least_squares import Design, Solution, solve
from nurt.evaluation.forecasts.baselines.locations import location_and_spread, locations_of
from nurt.plotting import LineStyle
from nurt.wording import Text

__all__ = ["AHEAD_RIDGE", "LABELS", "FittedLinear", "Linear"]

AHEAD_RIDGE = 100.0
"""Ridge of the lines in back-tests that read what is known ahead: a calendar has some sixty columns."""

# Rows are multiplied in blocks of one shape, so that a forecast does not depend on how many are made with it.
_ROWS = 64
# Origins whose windows are in memory at once.
_ORIGINS = 4096

LABELS = {
    "linear": BaselineLabel(
        "linear",
        "linear regression",
        Text("closed-form linear regression", "regresja liniowa na oknie"),
        LineStyle(plotting.PALETTE[1], "dash"),
    ),
    "nlinear": BaselineLabel(
        "nlinear",
        "anchored linear",
        Text(
            "closed-form linear regression anchored at the last value",
            "regresja liniowa na różnicach od ostatniej wartości",
        ),
        LineStyle(plotting.PALETTE[2], "dashdot"),
    ),
    "linear_ahead": BaselineLabel(
        "linear_ahead",
        "linear + known ahead",
        Text(
            "linear regression with what is known ahead (calendar, covariates)",
            "regresja liniowa z tym, co znane z góry (kalendarz, zmienne)",
        ),
        LineStyle(plotting.PALETTE[1], "longdash"),
    ),
    "nlinear_ahead": BaselineLabel(
        "nlinear_ahead",
        "anchored linear + known ahead",
        Text(
            "linear regression anchored at the last value, with what is known ahead (calendar, covariates)",
            "regresja liniowa na różnicach z tym, co znane z góry (kalendarz, zmienne)",
        ),
        LineStyle(plotting.PALETTE[2], "longdashdot"),
    ),
}
"""By name; a fit that reads what is known ahead has a name of its own."""


@final
@dataclass(frozen=True)
class Linear(AbstractBaseline):
    """Closed-form least squares from the last L values to the next F.

    Args:
        look_back: L, in observations.
        horizon: F, the longest horizon it will forecast.
        anchored: whether the last value of the window is subtracted first [zeng2023transformers].
        knows_ahead: whether it reads what is known of each step in advance, and past covariates.
        ridge: penalty of the squared weights [hoerl1970ridge], counted in windows: as if so many more had been seen,
            whose targets say nothing; 0 is plain least squares.

    Example:
        >>> Linear(3, 2).fit([np.arange(20.0)]).forecast(np.arange(20.0), np.array([19]), 2).round(6)
        array([[20., 21.]])
    """

    look_back: int
    horizon: int
    anchored: bool = field(default=False, kw_only=True)
    knows_ahead: bool = field(default=False, kw_only=True)
    ridge: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if self.look_back < 1 or self.horizon < 1:
            raise NurtValueError(
                "Linear maps a window to the steps ahead.",
                expected="look_back >= 1 and horizon >= 1",
                got=f"look_back={self.look_back}, horizon={self.horizon}",
            )
        if not 0.0 <= self.ridge < math.inf:
            raise NurtValueError(
                "Linear: `ridge` is a penalty.", expected="a finite number, at least 0", got=str(self.ridge)
            )

    @property
    def label(self) -> BaselineLabel:
        """How it is named and drawn."""
        return LABELS["n" * self.anchored + "linear" + "_ahead" * self.knows_ahead]

    def fit(self, training: Sequence[History | np.ndarray]) -> FittedLinear:
        """Solve the least squares over the training windows of all series.

        Raises:
            ShapeError: the series differ in their numbers of covariates.
        """
        histories = lifted(training)
        units = [location_and_spread(one.training_values()) for one in histories]
        location, spread = tuple(one for one, _ in units), tuple(one for _, one in units)
        known, behind = _widths(histories) if self.knows_ahead else (0, 0)
        features = _Columns.of([_learnt(one, one.features[0][: len(one.values), :known]) for one in histories])
        past = _Columns.of([_learnt(one, one.features[1][:, :behind]) for one in histories])
        design = _design(self, histories, units, features, past)
        solution = solve(design, self.ridge)
        return FittedLinear(
            weights=solution.weights[: self.look_back - self.anchored],
            intercept=solution.intercept,
            ahead=solution.ahead / features.scale,
            past=solution.weights[self.look_back - self.anchored :].T / past.scale,
            ahead_mean=features.mean,
            past_mean=past.mean,
            location=location,
            spread=spread,
            anchored=self.anchored,
            windows=int(solution.windows.max()),
            rank=solution.rank,
            notes=_notes(histories, design, solution),
        )


@final
@dataclass(frozen=True)
class FittedLinear(AbstractFittedBaseline):
    """Weights and what they were estimated from.

    Args:
        weights: of the window, shape (L, F) or, anchored, (L - 1, F): the anchor's own input is always 0.
        intercept: shape (F,), in z-scores.
        ahead: weights of what is known of each step, shape (F, K).
        past: weights of past covariates at the origin, shape (F, P).
        ahead_mean, past_mean: training means of these, shape (K,) and (P,).
        location, spread: training mean and population standard deviation of each series; a constant series has
            spread 1, one without training values NaN.
        anchored: whether the last value of the window is subtracted.
        windows: training windows, of the step that has most.
        rank: of the inputs; below their number some are combinations of others.
        notes: plain sentences about the fit.

    Raises:
        ShapeError: the parts do not fit each other.
    """

    weights: np.ndarray = field(repr=False)
    intercept: np.ndarray = field(repr=False)
    ahead: np.ndarray = field(repr=False)
    past: np.ndarray = field(repr=False)
    ahead_mean: np.ndarray = field(repr=False)
    past_mean: np.ndarray = field(repr=False)
    location: tuple[float, ...]
    spread: tuple[float, ...]
    anchored: bool
    windows: int
    rank: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        steps = self.intercept.shape
        parts = {
            "intercept": self.intercept.ndim == 1 and bool(steps[0]),
            "weights": self.weights.ndim == 2 and self.weights.shape[1:] == steps and self.look_back >= 1,
            "ahead": self.ahead.shape == (*steps, *self.ahead_mean.shape) and self.ahead_mean.ndim == 1,
            "past": self.past.shape == (*steps, *self.past_mean.shape) and self.past_mean.ndim == 1,
            "spread": [one > 0 for one in self.spread] == [math.isfinite(one) for one in self.location],
        }
        for name, fits in parts.items():
            if not fits:
                raise ShapeError(f"FittedLinear: `{name}` does not fit the other parts.", got=name)

    @property
    def look_back(self) -> int:
        """L, in observations."""
        return len(self.weights) + self.anchored

    @property
    def horizon(self) -> int:
        """F, the longest horizon it can forecast."""
        return len(self.intercept)

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        if request.horizon > self.horizon:
            raise NurtValueError(
                "forecast: the linear baseline was fitted to a shorter horizon.",
                expected=f"horizon <= {self.horizon}",
                got=str(request.horizon),
                cure="Fit it again with the longer horizon.",
            )
        self._check_widths(request.history)
        location, spread = locations_of(request, self.location, self.spread)
        filled = _carried(request.values)
        forecasts = np.empty((len(request.origins), request.horizon))
        # Values hundreds of orders of magnitude beyond those of the training overflow: there is no forecast from them.
        with np.errstate(over="ignore", invalid="ignore"):
            for begin in range(0, len(forecasts), _ORIGINS):
                part = slice(begin, begin + _ORIGINS)
                units = location[part, None], spread[part, None]
                scores = self._scores(request, request.origins[part], filled, units)
                forecasts[part] = units[0] + units[1] * scores[:, : request.horizon]
        forecasts[~np.isfinite(forecasts)] = np.nan
        return forecasts

    def _scores(
        self, request: ForecastRequest, origins: np.ndarray, filled: np.ndarray, units: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Return forecasts in z-scores, (N, F)."""
        positions = origins[:, None] + np.arange(1 - self.look_back, 1)
        inputs = np.nan_to_num((filled[np.maximum(positions, 0)] - units[0]) / units[1], nan=0.0)
        anchor = inputs[:, -1:] if self.anchored else np.zeros((len(inputs), 1))
        scores: np.ndarray = anchor + self.intercept
        if self.weights.size:
            scores = scores + _product(inputs[:, :-1] - anchor if self.anchored else inputs, self.weights)
        ahead, past = request.history.features
        if self.past.size:
            scores = scores + _product(_centred(_carried(past)[origins], self.past_mean), self.past.T)
        if self.ahead.size:
            scores = scores + self._from_ahead(ahead, origins)
        # A window that begins before the series has no values to be filled with.
        scores[positions[:, 0] < 0] = np.nan
        return scores

    def _from_ahead(self, ahead: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Return what the features of each step add, (N, F); NaN where no row tells of the step."""
        wanted = origins[:, None] + np.arange(1, self.horizon + 1)
        given = wanted < len(ahead)
        needed = np.zeros(len(ahead), dtype=bool)
        needed[wanted[given]] = True
        added = _product(_centred(ahead[needed], self.ahead_mean), self.ahead.T)
        row = np.cumsum(needed) - 1
        found = np.full(wanted.shape, np.nan)
        steps = np.broadcast_to(np.arange(self.horizon), wanted.shape)
        found[given] = added[row[wanted[given]], steps[given]]
        return found

    def _check_widths(self, history: History) -> None:
        ahead, past = history.features
        fitted = len(self.ahead_mean), len(self.past_mean)
        if any(fitted) and (ahead.shape[1], past.shape[1]) != fitted:
            raise ShapeError(
                "forecast: the linear baseline reads other covariates than are given.",
                expected=f"a History with {fitted[0]} features known ahead and {fitted[1]} past covariates",
                got=f"{ahead.shape[1]} and {past.shape[1]}",
            )


def _learnt(history: History, table: np.ndarray) -> np.ndarray:
    """Return the rows that may be learnt from."""
    return table if history.learnt is None else table[history.learnt]


@dataclass(frozen=True)
class _Columns:
    """Training mean and spread of covariates, pooled over the series; the spread of a constant one is 1."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, tables: Sequence[np.ndarray]) -> _Columns:
        wide = tables[0].shape[1] if tables else 0
        units = [location_and_spread(np.concatenate([table[:, place] for table in tables])) for place in range(wide)]
        found = np.array(units).reshape(wide, 2)
        # Nothing is known of a column without any value: it adds nothing.
        return cls(np.nan_to_num(found[:, 0]), np.where(np.isnan(found[:, 1]), 1.0, found[:, 1]))

    def standardised(self, table: np.ndarray) -> np.ndarray:
        found: np.ndarray = _centred(table, self.mean) / self.scale
        return found


def _design(
    settings: Linear,
    histories: Sequence[History],
    units: Sequence[tuple[float, float]],
    features: _Columns,
    past: _Columns,
) -> Design:
    scores, targets, known, behind, first, last = [], [], [], [], [], []
    begin = 0
    for history, (location, spread) in zip(histories, units, strict=True):
        rows = len(history.values)
        own_targets = np.where(np.isfinite(history.values), (history.values - location) / spread, np.nan)
        targets.append(own_targets)
        scores.append(np.nan_to_num((_carried(history.values) - location) / spread, nan=0.0))
        table, behind_table = history.features
        known.append(features.standardised(table[:rows, : len(features.mean)]))
        behind.append(past.standardised(_carried(behind_table[:, : len(past.mean)])))
        for start, stop in _runs(history) if np.isfinite(location) else ():
            if stop - start >= settings.look_back + settings.horizon:
                first.append(begin + start + settings.look_back - 1)
                last.append(begin + stop - 1 - settings.horizon)
        begin += rows
    return Design(
        scores=np.concatenate(scores or [np.empty(0)]),
        targets=np.concatenate(targets or [np.empty(0)]),
        features=np.concatenate(known or [np.empty((0, 0))]),
        past=np.concatenate(behind or [np.empty((0, 0))]),
        first=np.array(first, dtype=np.int64),
        last=np.array(last, dtype=np.int64),
        look_back=settings.look_back,
        horizon=settings.horizon,
        anchored=settings.anchored,
    )


def _runs(history: History) -> list[tuple[int, int]]:
    """Return first and past-the-last position of every run of rows that may be learnt from."""
    if history.learnt is None:
        return [(0, len(history.values))]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], history.learnt.astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _widths(histories: Sequence[History]) -> tuple[int, int]:
    found = {(one.features[0].shape[1], one.features[1].shape[1]) for one in histories}
    if len(found) > 1:
        raise ShapeError(
            "Linear: all series need the same covariates.",
            expected="one number of features known ahead and one of past covariates",
            got=" and ".join(f"{known} with {past}" for known, past in sorted(found)),
        )
    return found.pop() if found else (0, 0)


def _carried(values: np.ndarray) -> np.ndarray:
    """Return values, or columns of them, with each missing one replaced by the last observed before it."""
    if values.ndim == 2:
        columns = [_carried(column) for column in values.T]
        return np.stack(columns, axis=1) if columns else values
    position = last_observed(values)
    return np.where(position >= 0, values[np.maximum(position, 0)], np.nan) if len(values) else values


def _centred(table: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the deviations from the training means, 0 where a cell is missing."""
    return np.where(np.isfinite(table), table - mean, 0.0)


def _product(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return rows (N, I) @ weights (I, F), each row as if it were alone."""
    count, wide = rows.shape
    padded = np.zeros((-(-count // _ROWS) * _ROWS, wide))
    padded[:count] = rows
    contiguous = np.ascontiguousarray(weights)
    found = np.empty((len(padded), weights.shape[1]))
    for begin in range(0, len(padded), _ROWS):
        np.matmul(padded[begin : begin + _ROWS], contiguous, out=found[begin : begin + _ROWS])
    return found[:count]


def _notes(histories: Sequence[History], design: Design, solution: Solution) -> tuple[str, ...]:
    if not solution.windows.any():
        return ("no training window is complete, so there are no weights and no forecast",)
    values = np.concatenate([one.training_values() for one in histories])
    missing = int((~np.isfinite(values)).sum())
    if not missing:
        return ()
    total = len(design.origins())
    return (
        f"{missing} of {len(values)} training values are missing: windows read the last value before each, and "
        f"{total - int(solution.windows.min())} of {total} windows left the fit of a step",
    )
