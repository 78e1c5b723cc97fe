"""The true series behind a back-test, put together again from its overlapping cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.evaluation.forecasts.cells import Cells

__all__ = ["Truth"]


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
        for index, series in enumerate(np.unique(cells.series)):
            rows = np.flatnonzero(cells.series == series)
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
