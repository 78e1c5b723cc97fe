"""What predict returns: quantiles calibrated to intervals, in a container like the one the data came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nurt.data import Selection, from_arrays, from_frame, like
from nurt.data.series import Series
from nurt.data.time_axis import stamps_after
from nurt.data.windows import Origins, Windows
from nurt.evaluation.forecasts.cells import rows_by_series
from nurt.evaluation.forecasts.intervals import IntervalForecasts, RollingConformal, calibrate, change_scale

__all__ = ["Calibration", "Fan", "QuantileForecaster", "SeriesContainer", "raw_intervals"]

METHOD = RollingConformal()


class QuantileForecaster(Protocol):
    """The part of a forecaster that intervals need."""

    @property
    def look_back(self) -> int:
        """T."""
        ...

    @property
    def horizon(self) -> int:
        """F."""
        ...

    @property
    def levels(self) -> tuple[int, ...]:
        """V interval levels in per cent."""
        ...

    def quantiles_at(self, series: Sequence[Series], origins: Origins) -> np.ndarray:
        """Return raw quantiles, shape (N, F, Q)."""
        ...

    def quantile_levels(self) -> tuple[float, ...]:
        """Return the Q probabilities."""
        ...


@dataclass(frozen=True)
class Fan:
    """Forecasts after the last observation of S series.

    Args:
        levels: V interval levels in per cent, ascending.
        middle: point forecast, shape (S, F).
        lower, upper: calibrated bounds, shape (S, F, V); NaN where none could be calibrated.
        reason: why bounds are missing, or None.
        floored: whether a forecast or a bound of a series that was never negative would have been, and is 0.
    """

    levels: tuple[int, ...]
    middle: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reason: str | None = None
    floored: bool = False

    def bounds(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper bounds of one level, each (S, F)."""
        index = self.levels.index(level)
        return self.lower[..., index], self.upper[..., index]


def floors(known: Sequence[np.ndarray]) -> np.ndarray:
    """Return below what no forecast of each series goes, (S,): 0 where no known value is negative, else minus infinity.

    Args:
        known: values of each of the S series, (n,), NaN where missing.
    """
    lowest = [np.nanmin(one) if np.isfinite(one).any() else -np.inf for one in known]
    return np.where(np.array(lowest) >= 0.0, 0.0, -np.inf)


def raw_intervals(
    forecaster: QuantileForecaster, series: Sequence[Series], origins: Origins
) -> tuple[IntervalForecasts, np.ndarray]:
    """Return bounds before calibration, with the truth beside them, and the quantiles (N, F, Q) they come from."""
    quantiles = forecaster.quantiles_at(series, origins)
    probabilities = forecaster.quantile_levels()
    centre = quantiles[..., probabilities.index(0.5)]
    ends = {-1: centre, 1: centre}
    if len(probabilities) > 1:
        for side in ends:
            which = [probabilities.index(round(0.5 + side * level / 200, 6)) for level in forecaster.levels]
            ends[side] = quantiles[..., which]
    else:
        ends = {side: np.repeat(centre[..., None], len(forecaster.levels), axis=-1) for side in ends}
    scale = np.empty(len(origins))
    for index, rows in rows_by_series(origins.series):
        scale[rows] = change_scale(series[index].values, origins.position[rows], forecaster.look_back)
    actual = Windows(series, forecaster.look_back, forecaster.horizon).gather(origins).targets
    bounds = IntervalForecasts(
        forecaster.levels, origins.series, origins.position, actual, centre, ends[-1], ends[1], scale
    )
    return bounds, quantiles


@dataclass(frozen=True)
class Calibration:
    """Errors on origins the network was not trained on, in units of each window's one-step change.

    Args:
        levels: V interval levels in per cent.
        names: series of each origin, length N.
        origins: position of each origin in its series, int64, shape (N,).
        scores: how far the truth lay outside the raw bounds (negative: inside), shape (N, F, V); NaN where unknown.
    """

    levels: tuple[int, ...]
    names: tuple[str, ...]
    origins: np.ndarray
    scores: np.ndarray

    @classmethod
    def measure(cls, forecaster: QuantileForecaster, series: Sequence[Series], origins: Origins) -> Calibration:
        """Collect the scores of ``origins``."""
        bounds, _ = raw_intervals(forecaster, series, origins)
        names = tuple(series[index].name for index in origins.series.tolist())
        return cls(forecaster.levels, names, origins.position, bounds.scores)

    def joined(self, later: Calibration) -> Calibration:
        """Return these scores followed by later ones."""
        origins = np.concatenate([self.origins, later.origins])
        return Calibration(self.levels, self.names + later.names, origins, np.concatenate([self.scores, later.scores]))

    def known_errors(
        self, series: Sequence[Series], recognised: Sequence[bool], judged: Origins | None = None
    ) -> IntervalForecasts:
        """Return the scores as forecasts of ``series``, each at its own origin, so that it counts once it is known.

        A series without errors of its own learns from those of all others, which are in units of one-step changes.
        Positions mean something in a series that was fitted on alone: in any other one, scores count as known before
        position 0. Where origins are judged, that is not sure for scores of the same name, which are then left out; so
        are scores of judged origins, which are measured again.

        Args:
            series: S series.
            recognised: whether each begins with the rows that were fitted on, length S.
            judged: origins of a back-test; None for a forecast after the data.
        """
        own: dict[str, list[int]] = {}
        for row, name in enumerate(self.names):
            own.setdefault(name, []).append(row)
        again: dict[int, set[int]] = {}
        if judged is not None:
            for index, mine in rows_by_series(judged.series):
                again[index] = set(judged.position[mine].tolist())
        rows: list[int] = []
        owner: list[int] = []
        origin: list[int] = []
        everything = list(range(len(self.names)))
        before = -len(self.names) - self.scores.shape[1] - 1
        for index, (one, known) in enumerate(zip(series, recognised, strict=True)):
            taken = own.get(one.name, everything)
            places: list[int]
            if not known:
                if judged is not None and one.name in own:
                    continue
                places = [before + row for row in range(len(taken))]
            else:
                if one.name in own:
                    taken = [row for row in taken if int(self.origins[row]) not in again.get(index, ())]
                places = self.origins[taken].tolist()
            rows.extend(taken)
            owner.extend([index] * len(taken))
            origin.extend(places)
        scores = self.scores[rows]
        count, steps = scores.shape[:2]
        nothing = np.zeros((count, steps))
        # With bounds ±score around a truth of 0 and difficulty 1, the score of each cell is the stored one.
        return IntervalForecasts(
            levels=self.levels,
            series=np.asarray(owner, dtype=np.int64),
            origin=np.asarray(origin, dtype=np.int64),
            actual=nothing,
            centre=nothing,
            lower=scores,
            upper=-scores,
            scale=np.ones(count),
        )

    def fan(
        self, forecaster: QuantileForecaster, series: Sequence[Series], origins: Origins, recognised: Sequence[bool]
    ) -> Fan:
        """Return calibrated forecasts at ``origins``, one per series; ``recognised`` as for :meth:`known_errors`."""
        raw, _ = raw_intervals(forecaster, series, origins)
        intervals = calibrate(METHOD, self.known_errors(series, recognised), raw)
        floor = floors([one.values for one in series])[origins.series]
        cut = bool((intervals.lower < floor[:, None, None]).any() or (raw.centre < floor[:, None]).any())
        middle, lower, upper = (
            np.maximum(one, floor.reshape(-1, *[1] * (one.ndim - 1)))
            for one in (raw.centre, intervals.lower, intervals.upper)
        )
        return Fan(self.levels, middle, lower, upper, intervals.reason, floored=cut)


@dataclass(frozen=True)
class SeriesContainer:
    """Series, and the container that their forecast is returned in.

    Args:
        series: what was given, one Series each.
        form: "single" (one array), "channels" (one array, a column each), "list" or "frame".
        frame: the given frame, for ``form="frame"``.
        names: frame columns for (series id, time, target).
    """

    series: tuple[Series, ...]
    form: str
    frame: Any = None
    names: tuple[str | None, str | None, str] = ("unique_id", "ds", "y")

    @classmethod
    def of(cls, y: Any, **columns: Any) -> SeriesContainer:
        """Recognise the form of ``y``; ``columns`` as :func:`nurt.data.from_frame` takes them."""
        if isinstance(y, SeriesContainer):
            return y
        if isinstance(y, Selection):
            return cls(y.series, "list")
        if isinstance(y, Series):
            return cls((y,), "single")
        if isinstance(y, list | tuple) and y and all(isinstance(one, Series) for one in y):
            return cls(tuple(y), "list")
        if hasattr(y, "columns") or hasattr(y, "column_names"):
            selection = from_frame(y, **columns)
            names = (columns.get("series", "unique_id"), columns.get("time", "ds"), columns.get("target", "y"))
            return cls(selection.series, "frame", y, names)
        series = from_arrays(y, **columns).series
        if isinstance(y, list | tuple) and y and np.ndim(y[0]) > 0:
            return cls(series, "list")
        return cls(series, "channels" if np.ndim(y) == 2 else "single")

    def returned(self, fan: Fan, name: str, levels: Sequence[int], asked: Sequence[int] | None) -> Any:
        """Return the forecast in a container of the same kind; see :meth:`Forecaster.predict`."""
        if self.form == "frame":
            return self._frame(fan, name, levels)
        parts = {"forecast": self._array(fan.middle)}
        for level in asked or ():
            lower, upper = fan.bounds(level)
            parts[f"lo-{level}"], parts[f"hi-{level}"] = self._array(lower), self._array(upper)
        return parts if asked else parts["forecast"]

    def _array(self, values: np.ndarray) -> Any:
        if self.form == "single":
            return values[0]
        return values.T if self.form == "channels" else list(values)

    def _labels_ahead(self, horizon: int) -> np.ndarray:
        """Return the labels after every series, (S·F,); missing ones where an axis has no certain step.

        The next label of an observation axis is not known; a Saturday must not be invented.
        """
        stamps = [stamps_after(one, horizon) for one in self.series]
        known = [one for one in stamps if one is not None]
        if len(known) == len(stamps) and len({one.dtype for one in known}) == 1:
            return np.concatenate(known)
        time = self.series[0].time
        count = len(self.series) * horizon
        if time is not None and time.dtype.kind == "M":
            return np.full(count, np.datetime64("NaT"), dtype=time.dtype)
        return np.full(count, None, dtype=object)

    def _frame(self, fan: Fan, name: str, levels: Sequence[int]) -> Any:
        horizon = fan.middle.shape[1]
        series_column, time_column, _ = self.names
        columns: dict[str, np.ndarray] = {}
        if series_column is not None:
            columns[series_column] = np.repeat([one.name for one in self.series], horizon)
        if time_column is not None:
            columns[time_column] = self._labels_ahead(horizon)
        columns["step"] = np.tile(np.arange(1, horizon + 1), len(self.series))
        columns[name] = fan.middle.reshape(-1)
        for level in levels:
            lower, upper = fan.bounds(level)
            columns[f"{name}-lo-{level}"], columns[f"{name}-hi-{level}"] = lower.reshape(-1), upper.reshape(-1)
        return like(self.frame, columns)
