"""The best linear forecast of the window, in closed form: the baseline that a network must beat.

One weight matrix maps the last L values to the next F, fitted by least squares with an intercept to all training
windows of all series at once, each series in its own training z-scores ([zeng2023transformers] compare such models
with transformers; [toner2024analysis] derive their closed forms). ``NLinear`` subtracts the last value of the
window from inputs and targets first and adds it back, so it starts from the naive forecast.

The normal equations are summed over chunks of windows that are never all in memory; inputs and targets are
centred, which settles the intercept. When the matrix is singular a ridge of 1e-8·trace/dimension is added.
Windows with a missing value leave the fit and are counted; from such an input window there is no forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import linalg

from nurt import plotting
from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines.base import (
    AbstractBaseline,
    AbstractFittedBaseline,
    BaselineLabel,
    ForecastRequest,
    of_series,
    past_windows,
)
from nurt.plotting import LineStyle
from nurt.wording import Text

__all__ = ["FittedLinear", "Linear", "NLinear"]

# Numbers in one chunk of windows, 32 MiB: enough for fast matrix products, little beside the data.
_CHUNK = 2**22


@final
@dataclass(frozen=True)
class Linear(AbstractBaseline):
    """Closed-form least squares from the last L values to the next F.

    Args:
        look_back: L, in observations.
        horizon: F, the longest horizon it will forecast.
    """

    label = BaselineLabel(
        "linear",
        "linear regression",
        Text("closed-form linear regression", "regresja liniowa na oknie"),
        LineStyle(plotting.PALETTE[1], "dash"),
    )

    look_back: int
    horizon: int

    def __post_init__(self) -> None:
        _check_sizes(self.look_back, self.horizon)

    def fit(self, training: Sequence[np.ndarray]) -> FittedLinear:
        """Solve the normal equations over the training windows of all series."""
        return _fit(training, self.look_back, self.horizon, anchored=False)


@final
@dataclass(frozen=True)
class NLinear(AbstractBaseline):
    """:class:`Linear` on differences from the last value of the window, which is added back [zeng2023transformers].

    Args:
        look_back: L, in observations.
        horizon: F, the longest horizon it will forecast.
    """

    label = BaselineLabel(
        "nlinear",
        "anchored linear",
        Text(
            "closed-form linear regression anchored at the last value",
            "regresja liniowa na różnicach od ostatniej wartości",
        ),
        LineStyle(plotting.PALETTE[2], "dashdot"),
    )

    look_back: int
    horizon: int

    def __post_init__(self) -> None:
        _check_sizes(self.look_back, self.horizon)

    def fit(self, training: Sequence[np.ndarray]) -> FittedLinear:
        """Solve the normal equations over the anchored training windows of all series."""
        return _fit(training, self.look_back, self.horizon, anchored=True)


@final
@dataclass(frozen=True)
class FittedLinear(AbstractFittedBaseline):
    """Weights and what they were estimated from.

    Args:
        weights: shape (look_back, F) or, anchored, (look_back - 1, F): the anchor's own input is always 0.
        intercept: shape (F,), in z-scores.
        location, spread: training mean and population standard deviation of each series; a constant series has
            spread 1, one without training values NaN.
        anchored: whether the last value of the window is subtracted.
        windows: training windows used.
        incomplete: training windows left out because a value is missing.
        ridge: what was added to the diagonal of the covariance of the inputs; 0 unless it is singular.
        notes: plain sentences about the fit.
    """

    weights: np.ndarray = field(repr=False)
    intercept: np.ndarray = field(repr=False)
    location: tuple[float, ...]
    spread: tuple[float, ...]
    anchored: bool
    windows: int
    incomplete: int
    ridge: float
    notes: tuple[str, ...] = ()

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
        location, spread = of_series(self.location, request.series), of_series(self.spread, request.series)
        inputs = (past_windows(request.values, request.origins, self.look_back) - location) / spread
        anchor = inputs[:, -1:] if self.anchored else np.zeros((len(inputs), 1))
        inputs = inputs[:, :-1] - anchor if self.anchored else inputs
        steps = slice(request.horizon)
        scores: np.ndarray = anchor + self.intercept[steps] + inputs @ self.weights[:, steps]
        return location + spread * scores


def _fit(training: Sequence[np.ndarray], look_back: int, horizon: int, *, anchored: bool) -> FittedLinear:
    location, spread = zip(*(_location_and_spread(values) for values in training), strict=True)
    sums = _NormalEquations.zero(look_back - anchored, horizon)
    incomplete = 0
    for values, mean, sd in zip(training, location, spread, strict=True):
        scores = (values - mean) / sd
        complete, missing = _complete_windows(scores, look_back + horizon)
        incomplete += missing
        for inputs, targets in _chunks(scores, complete, look_back, horizon):
            if anchored:
                anchor = inputs[:, -1:]
                inputs, targets = inputs[:, :-1] - anchor, targets - anchor
            sums.add(inputs, targets)
    weights, intercept, ridge = sums.solve()
    return FittedLinear(
        weights,
        intercept,
        location,
        spread,
        anchored,
        sums.windows,
        incomplete,
        ridge,
        _notes(sums.windows, incomplete),
    )


def _notes(windows: int, incomplete: int) -> tuple[str, ...]:
    if not windows:
        return ("no training window is complete, so there are no weights and no forecast",)
    if incomplete:
        return (f"{incomplete} of {windows + incomplete} training windows hold a missing value and left the fit",)
    return ()


def _location_and_spread(values: np.ndarray) -> tuple[float, float]:
    observed = values[np.isfinite(values)]
    if not observed.size:
        return float("nan"), float("nan")
    # The spread of a constant series consists of rounding errors; dividing by them would invent variation.
    spread = float(observed.std())
    return float(observed.mean()), spread if spread > 1e-12 * float(np.abs(observed).max()) else 1.0


def _complete_windows(values: np.ndarray, length: int) -> tuple[np.ndarray, int]:
    """Return the first positions of windows without a missing value, and the number of the other windows."""
    if len(values) < length:
        return np.empty(0, dtype=np.int64), 0
    missing = np.concatenate(([0], np.cumsum(~np.isfinite(values))))
    complete = np.flatnonzero(missing[length:] == missing[:-length])
    return complete, len(values) - length + 1 - len(complete)


def _chunks(
    values: np.ndarray, starts: np.ndarray, look_back: int, horizon: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if not len(starts):
        return
    windows = sliding_window_view(values, look_back + horizon)
    rows = max(1, _CHUNK // (look_back + horizon))
    for first in range(0, len(starts), rows):
        chunk = windows[starts[first : first + rows]]
        yield chunk[:, :look_back], chunk[:, look_back:]


@dataclass
class _NormalEquations:
    """Running sums of the normal equations of least squares with an intercept."""

    windows: int
    inputs: np.ndarray
    targets: np.ndarray
    inputs_inputs: np.ndarray
    inputs_targets: np.ndarray

    @classmethod
    def zero(cls, inputs: int, targets: int) -> _NormalEquations:
        return cls(0, np.zeros(inputs), np.zeros(targets), np.zeros((inputs, inputs)), np.zeros((inputs, targets)))

    def add(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        self.windows += len(inputs)
        self.inputs += inputs.sum(axis=0)
        self.targets += targets.sum(axis=0)
        self.inputs_inputs += inputs.T @ inputs
        self.inputs_targets += inputs.T @ targets

    def solve(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return weights (I, F), intercept (F,) and the ridge that was needed; NaN weights without any window."""
        if not self.windows:
            return np.full_like(self.inputs_targets, np.nan), np.full_like(self.targets, np.nan), 0.0
        mean_input, mean_target = self.inputs / self.windows, self.targets / self.windows
        covariance = self.inputs_inputs / self.windows - np.outer(mean_input, mean_input)
        cross = self.inputs_targets / self.windows - np.outer(mean_input, mean_target)
        # The difference of two sums is exact to their rounding: what is smaller is no variation.
        sums = len(covariance) + np.sqrt(self.windows)
        noise = sums * np.finfo(np.float64).eps * float(self.inputs_inputs.max(initial=0.0)) / self.windows
        ridge = _ridge(covariance, noise)
        if not cross.size or not np.trace(covariance) > len(covariance) * noise:
            weights = np.zeros_like(cross)
        else:
            factor = linalg.cho_factor(covariance + ridge * np.eye(len(covariance)))
            weights = linalg.cho_solve(factor, cross)
        return weights, mean_target - mean_input @ weights, ridge


def _ridge(covariance: np.ndarray, noise: float) -> float:
    if not covariance.size:
        return 0.0
    eigenvalues = np.linalg.eigvalsh(covariance)
    singular = eigenvalues[0] <= len(covariance) * np.finfo(np.float64).eps * eigenvalues[-1]
    return max(noise, 1e-8 * float(np.trace(covariance)) / len(covariance)) if singular else 0.0


def _check_sizes(look_back: int, horizon: int) -> None:
    if look_back < 1 or horizon < 1:
        raise NurtValueError(
            "The linear baselines map a window to the steps ahead.",
            expected="look_back >= 1 and horizon >= 1",
            got=f"look_back={look_back}, horizon={horizon}",
        )
