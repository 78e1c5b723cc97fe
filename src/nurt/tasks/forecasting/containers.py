"""Containers of series, in and out: arrays give arrays, frames give the same kind of frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nurt.data import Selection, from_arrays, from_frame, like
from nurt.data.series import Series
from nurt.tasks.forecasting.calibration import Fan

__all__ = ["SeriesContainer"]


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
