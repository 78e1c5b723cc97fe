"""What predict returns: quantiles calibrated to intervals, in a container like the one the data came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nurt.data import Selection, from_arrays, from_frame, like
from nurt.data.series import Series
from nurt.data.windows import Origins, Windows
from nurt.evaluation.forecasts.intervals import IntervalForecasts, RollingConformal, calibrate, change_scale

__all__ = ["Calibration", "Fan", "QuantileForecaster", "SeriesContainer", "raw_intervals"]

METHOD = RollingConformal()


class QuantileForecaster(Protocol):
    """The part of a forecaster that intervals need."""

    look_back: int
    horizon: int
    levels: tuple[int, ...]

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
    """

    levels: tuple[int, ...]
    middle: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reason: str | None = None

    def bounds(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper bounds of one level, each (S, F)."""
        index = self.levels.index(level)
        return self.lower[..., index], self.upper[..., index]


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
    for index in np.unique(origins.series):
        rows = origins.series == index
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
        scores: how far the truth lay outside the raw bounds (negative: inside), shape (N, F, V); NaN where unknown.
    """

    levels: tuple[int, ...]
    names: tuple[str, ...]
    scores: np.ndarray

    @classmethod
    def measure(cls, forecaster: QuantileForecaster, series: Sequence[Series], origins: Origins) -> Calibration:
        """Collect the scores of ``origins``."""
        bounds, _ = raw_intervals(forecaster, series, origins)
        names = tuple(series[index].name for index in origins.series.tolist())
        return cls(forecaster.levels, names, bounds.scores)

    def joined(self, later: Calibration) -> Calibration:
        """Return these scores followed by later ones."""
        return Calibration(self.levels, self.names + later.names, np.concatenate([self.scores, later.scores]))

    def known_errors(self, series: Sequence[Series]) -> IntervalForecasts:
        """Return the scores as forecasts whose truth was known before position 0 of ``series``.

        A series without errors of its own learns from those of all others, which are in units of one-step changes.
        """
        rows, owner = [], []
        for index, one in enumerate(series):
            own = [row for row, name in enumerate(self.names) if name == one.name] or list(range(len(self.names)))
            rows.extend(own)
            owner.extend([index] * len(own))
        scores = self.scores[rows]
        count, steps = scores.shape[:2]
        nothing = np.zeros((count, steps))
        # With bounds ±score around a truth of 0 and difficulty 1, the score of each cell is the stored one.
        return IntervalForecasts(
            levels=self.levels,
            series=np.asarray(owner, dtype=np.int64),
            origin=np.arange(count, dtype=np.int64) - count - steps - 1,
            actual=nothing,
            centre=nothing,
            lower=scores,
            upper=-scores,
            scale=np.ones(count),
        )

    def fan(self, forecaster: QuantileForecaster, series: Sequence[Series], origins: Origins) -> Fan:
        """Return calibrated forecasts at ``origins``, one per series."""
        raw, _ = raw_intervals(forecaster, series, origins)
        intervals = calibrate(METHOD, self.known_errors(series), raw)
        return Fan(self.levels, raw.centre, intervals.lower, intervals.upper, intervals.reason)


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

    def _unknown_labels(self, count: int) -> np.ndarray:
        """Return missing labels, of the given kind where that kind can be missing.

        The next label of an observation axis is not known; a Saturday must not be invented.
        """
        time = self.series[0].time
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
            columns[time_column] = self._unknown_labels(len(self.series) * horizon)
        columns["step"] = np.tile(np.arange(1, horizon + 1), len(self.series))
        columns[name] = fan.middle.reshape(-1)
        for level in levels:
            lower, upper = fan.bounds(level)
            columns[f"{name}-lo-{level}"], columns[f"{name}-hi-{level}"] = lower.reshape(-1), upper.reshape(-1)
        return like(self.frame, columns)
