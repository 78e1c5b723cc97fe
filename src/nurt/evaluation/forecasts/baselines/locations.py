"""Location and spread of a series: of its training rows, or of what was observed up to each origin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nurt.evaluation.forecasts.baselines.base import ForecastRequest, of_series

__all__ = ["location_and_spread", "locations_of", "running_location_and_spread", "spreads_are_rounding"]

# The spread of a constant series consists of rounding errors; dividing by them would invent variation.
_ROUNDING = 1e-12
# Beyond these sizes squares overflow, or vanish.
_LARGE, _SMALL = 1e150, 1e-150
# Numbers below it have lost their digits.
_LEAST = float(np.finfo(np.float64).tiny)


def spreads_are_rounding(spread: np.ndarray | float, largest: np.ndarray | float) -> np.ndarray:
    """Return where a spread is nothing but the rounding of values of this size."""
    return np.less_equal(spread, np.maximum(_ROUNDING * np.asarray(largest), _LEAST))


def location_and_spread(values: np.ndarray) -> tuple[float, float]:
    """Return mean and population standard deviation of the observed values.

    NaN where none is observed; the deviation is 1 where it is nothing but rounding.

    Args:
        values: shape (n,), NaN where missing.
    """
    observed = values[np.isfinite(values)]
    if not observed.size:
        return float("nan"), float("nan")
    largest = float(np.abs(observed).max())
    unit = largest if largest > _LARGE or 0.0 < largest < _SMALL else 1.0
    mean, spread = float((observed / unit).mean()) * unit, float((observed / unit).std()) * unit
    return mean, 1.0 if spreads_are_rounding(spread, largest) else spread


def running_location_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of the values observed up to every position, each (n,).

    Sums of squares grow by positive terms only, (i·y_i - Σy)²/(i(i-1)) for the i-th observation
    [youngs1971some], so that a large level costs no digits.

    Args:
        values: shape (n,), NaN where missing.
    """
    observed = np.isfinite(values)
    if not observed.any():
        nothing = np.full(len(values), np.nan)
        return nothing, nothing
    largest = np.maximum.accumulate(np.where(observed, np.abs(values), 0.0))
    first = float(values[observed][0])
    count = np.cumsum(observed)
    some = np.maximum(count, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        centred = np.where(observed, values - first, 0.0)
        total = np.cumsum(centred)
        change = np.where(observed & (count > 1), count * centred - total, 0.0) / np.sqrt(
            some * np.maximum(count - 1, 1)
        )
        spread = np.sqrt(np.cumsum(change**2) / some)
    mean = first + total / some
    spread = np.where(spreads_are_rounding(spread, largest), 1.0, spread)
    known = count > 0
    return np.where(known, mean, np.nan), np.where(known, spread, np.nan)


def locations_of(
    request: ForecastRequest, locations: Sequence[float], spreads: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return location and spread of a series at every origin, each (N,).

    They are those of its training rows; for a series that had none, or was not among those of the training, they come
    from the values up to the origin.

    Args:
        request: the origins.
        locations: those of the training rows of each series.
        spreads: likewise.
    """
    location, spread = of_series(locations, request.series), of_series(spreads, request.series)
    if np.isfinite(location):
        return np.full(len(request.origins), location), np.full(len(request.origins), spread)
    running = running_location_and_spread(request.values)
    return running[0][request.origins], running[1][request.origins]
