"""Continue the straight line from the first to the last value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import AbstractMemorylessBaseline, Request, last_observed

__all__ = ["Drift"]


@final
@dataclass(frozen=True)
class Drift(AbstractMemorylessBaseline):
    """ŷ_{t+k} = y_t + k·(y_t - y_s)/(t-s), with s the start of the window or of the series.

    Missing ends are replaced by the nearest observed values inside the window, and the line is continued from
    where it was last seen. A window with one observed value has no slope and repeats it.

    Args:
        look_back: window length L in observations, so s = t-L+1; None takes the whole past, s = first observation.
    """

    look_back: int | None = None

    def __post_init__(self) -> None:
        if self.look_back is not None and self.look_back < 1:
            raise NurtValueError(
                "Drift: the window counts observations.", expected="look_back >= 1 or None", got=str(self.look_back)
            )

    @property
    def name(self) -> str:
        """Short name."""
        return "drift"

    def _forecast(self, request: Request) -> np.ndarray:
        values, origins = request.values, request.origins
        length = len(values) if self.look_back is None else self.look_back
        start = np.maximum(origins - length + 1, 0)
        last = last_observed(values)[origins]
        first = _next_observed(values)[start]
        # Whatever `first` says of a window without any value, `last` lies before it and the forecast is NaN.
        known = last >= start
        first, last = np.where(known, first, 0), np.where(known, last, 0)
        rise, run = values[last] - values[first], last - first
        slope = np.divide(rise, run, out=np.zeros(len(origins)), where=run > 0)
        ahead = (origins - last)[:, None] + np.arange(1, request.horizon + 1)
        line = values[last][:, None] + slope[:, None] * ahead
        return np.where(known[:, None], line, np.nan)


def _next_observed(values: np.ndarray) -> np.ndarray:
    """Return for every position the position of the first value observed from there on."""
    positions = np.where(np.isfinite(values), np.arange(len(values)), len(values))
    return np.minimum.accumulate(positions[::-1])[::-1]
