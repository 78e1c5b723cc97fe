"""The learning problem of a forecaster: training windows, validation windows, the loss, and the fit."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nurt.data.scaling import FittedScaling, WindowStatistics, standardise
from nurt.data.series import Series, fingerprint
from nurt.data.windows import Origins, Part, TimeSplit, Windows, split_by_time
from nurt.errors import DataError
from nurt.kernels.randomness import drawing_from
from nurt.tasks.forecasting.network import LOSSES, ForecastNetwork, NetworkDesign, WindowUnits
from nurt.tasks.running import TrainingSession
from nurt.training.events import TrainingRecord
from nurt.training.objective import Description
from nurt.training.settings import TrainingSettings
from nurt.wording import name_in_words

__all__ = [
    "CHUNK",
    "CovariateScaling",
    "ForecastObjective",
    "Problem",
    "cut_in_time",
    "fit_network",
    "require_single_precision",
    "require_size",
    "series_until",
    "to_tensors",
]

# Large enough for one call per forecast on small data, small enough to keep activations in the tens of megabytes.
CHUNK = 1024
# 64 MiB in float32.
HELD_CELLS = 16_000_000
# Of values: far enough below the square root of the largest single-precision number that forecasts may overshoot.
LARGEST = 1e17
# Standard deviation over the largest value: some ten steps between neighbouring single-precision numbers.
RESOLVED = 1e-6
# Standard deviation in the units of the data; windows below 1e-8 count as constant.
SMALLEST = 1e-7
PARTS: tuple[Part, ...] = ("train", "validation")


@dataclass(frozen=True)
class CovariateScaling:
    """Mean and population standard deviation per covariate, C each; a constant column has scale 1."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, rows: Sequence[np.ndarray]) -> CovariateScaling:
        """Fit on training rows, one (T, C) array per series, NaN where missing."""
        stacked = np.concatenate(list(rows))
        observed = np.isfinite(stacked)
        count = np.maximum(observed.sum(axis=0), 1)
        mean = np.where(observed, stacked, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(observed, stacked - mean, 0.0) ** 2).sum(axis=0) / count)
        scale = np.where(spread > 1e-8 * np.maximum(1.0, np.abs(mean)), spread, 1.0)
        return cls(tuple(mean.tolist()), tuple(scale.tolist()))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return standardised values, shape (..., C); NaN stays NaN."""
        standardised: np.ndarray = (values - np.asarray(self.mean)) / np.asarray(self.scale)
        return standardised


@dataclass(frozen=True)
class Problem:
    """Series cut in time: training windows, whose targets all lie in the training rows, and validation windows.

    Args:
        series: all given series; rows from ``splits[i].train_end`` on are never learnt from.
        splits: one per series.
        windows: windows with as many targets as the loss looks at.
        training, validation: origins; ``validation`` may be empty.
        covariates: scaling of the covariates, fitted on training rows.
    """

    series: tuple[Series, ...]
    splits: tuple[TimeSplit, ...]
    windows: Windows
    training: Origins
    validation: Origins
    covariates: CovariateScaling

    @classmethod
    def cut(cls, series: Sequence[Series], look_back: int, steps: int, validation: float) -> Problem:
        """Cut ``series`` into training and validation windows of ``look_back`` inputs and ``steps`` targets.

        Raises:
            DataError: no training window is left.
        """
        series = tuple(series)
        for one in series:
            require_single_precision(one)
        splits = tuple(cut_in_time(one, look_back, steps, validation=validation) for one in series)
        windows = Windows(series, look_back, steps)
        parts = {
            part: _learnable(windows, Origins.of_series([split.origins(part) for split in splits])) for part in PARTS
        }
        if len(parts["train"]) == 0:
            raise DataError(
                "No training window holds both an observed input and an observed target.",
                cure="Look at the gaps in the target column, or give a shorter look-back and horizon.",
            )
        training_rows = [one.covariates[: split.train_end] for one, split in zip(series, splits, strict=True)]
        return cls(series, splits, windows, parts["train"], parts["validation"], CovariateScaling.fit(training_rows))

    def whole_validation(self, horizon: int) -> Origins:
        """Return the validation origins whose whole path of ``horizon`` steps lies in the validation rows."""
        ends = zip(self.validation.series, self.validation.position + horizon, strict=True)
        whole = [position < len(self.series[index]) for index, position in ends]
        return self.validation[np.asarray(whole, dtype=bool)]

    @property
    def training_rows(self) -> list[np.ndarray]:
        """Target values that may be learnt from, one array per series."""
        return [one.values[: split.train_end] for one, split in zip(self.series, self.splits, strict=True)]


def require_size(series: Series) -> None:
    """Refuse a series whose values are too large for single precision.

    Windows are measured by the mean square of their deviations, which overflows from 1.8e19 on.

    Raises:
        DataError: the message says which column, and by what to divide.
    """
    columns = (series.values, *series.covariates.T)
    for name, column in zip((series.target, *series.covariate_names), columns, strict=True):
        size = float(np.abs(column[np.isfinite(column)]).max(initial=0.0))
        if size >= LARGEST:
            raise DataError(
                f"{_place(series, name)} holds values that are too large for the network, which computes in single "
                "precision.",
                expected=f"values below {LARGEST:g}",
                got=f"{size:.3g}",
                cure=f"Divide the column by 1e{math.floor(math.log10(size))}.",
            )


def require_single_precision(series: Series) -> None:
    """Refuse a series whose size or variation the network cannot tell apart: it computes in single precision.

    Numbers that differ by less than about a ten-millionth of their size are the same number, and a window that varies
    by less than 1e-8 counts as one that stands still. Covariates are standardised in double precision.

    Raises:
        DataError: the message says which, and by what to divide or what to subtract.
    """
    require_size(series)
    observed = series.values[np.isfinite(series.values)]
    if not observed.size or np.all(observed == observed[0]):
        return
    size, spread = float(np.abs(observed).max()), float(observed.std())
    if spread < RESOLVED * size:
        raise DataError(
            f"{_place(series, series.target)} varies too little for its size: in single precision its values are "
            "nearly the same number.",
            expected=f"a standard deviation of at least {RESOLVED * size:.3g}, {RESOLVED:g} times the largest value",
            got=f"{spread:.3g}",
            cure=f"Subtract a constant from the column, such as {float(np.median(observed)):.6g}.",
        )
    if spread < SMALLEST:
        # Numbers near the smallest there are square to 0.
        unit = f"1e{math.floor(math.log10(spread))}" if spread else "its largest value"
        raise DataError(
            f"{_place(series, series.target)} varies too little for the network: so small a change counts as none.",
            expected=f"a standard deviation of at least {SMALLEST:g}",
            got=f"{spread:.3g}",
            cure=f"Divide the column by {unit}.",
        )


def _place(series: Series, column: str) -> str:
    return f"Column {name_in_words(column)!r} of series {name_in_words(series.name)!r}"


def series_until(series: Series, length: int) -> Series:
    """Return the first ``length`` observations of a series."""
    return dataclasses.replace(
        series,
        values=series.values[:length],
        time=None if series.time is None else series.time[:length],
        covariates=series.covariates[:length],
    )


def cut_in_time(
    series: Series, look_back: int, horizon: int, *, validation: float = 0.0, test: float = 0.0
) -> TimeSplit:
    """Split one series in order of time; an error names the series."""
    try:
        return split_by_time(len(series), look_back, horizon, validation=validation, test=test)
    except DataError as error:
        raise DataError(
            f"Series {series.name!r}: {error.what}", expected=error.expected, got=error.got, cure=error.cure
        ) from error


def _learnable(windows: Windows, origins: Origins) -> Origins:
    """Keep origins with an observed input (there is no anchor otherwise) and a known target (no loss otherwise)."""
    keep = np.zeros(len(origins), dtype=bool)
    for start in range(0, len(origins), CHUNK):
        keep[start : start + CHUNK] = windows.gather(origins[start : start + CHUNK]).learnable
    return origins[keep]


def to_tensors(
    windows: Windows, origins: Origins, covariates: CovariateScaling, like: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs (B, T), standardised covariates (B, T, C) and targets (B, F) in dtype and place of ``like``."""
    batch = windows.gather(origins)
    arrays = (batch.inputs, covariates.apply(batch.covariates), batch.targets)
    inputs, extra, targets = (torch.as_tensor(array, dtype=like.dtype, device=like.device) for array in arrays)
    return inputs, extra, targets


class _PreparedBatch(NamedTuple):
    """Windows as the network reads them; ``targets`` are in window units, NaN where missing."""

    inputs: Tensor
    covariates: Tensor
    targets: Tensor
    units: WindowUnits

    def take(self, rows: Tensor) -> _PreparedBatch:
        """Return some of the windows."""
        units = WindowUnits(*(value[rows] for value in self.units))
        return _PreparedBatch(self.inputs[rows], self.covariates[rows], self.targets[rows], units)


class ForecastObjective:
    """Training objective in window units; see :class:`nurt.training.Objective`.

    Windows and their units do not change while weights do, so where all training windows fit into ``HELD_CELLS`` they
    are gathered once; else every batch is gathered when it is needed.

    Args:
        problem: the windows.
        loss: key of ``LOSSES``.
        steps: how many steps ahead the loss looks.
    """

    draws_privately = True

    def __init__(self, problem: Problem, loss: str, steps: int) -> None:
        self.problem = problem
        self.loss_of = LOSSES[loss]
        self.steps = steps
        self.examples = len(problem.training)
        rows = [split.train_end for split in problem.splits]
        windows = f"{problem.windows.look_back}-{steps}-{rows}-{loss}"
        self.fingerprint = hashlib.sha256(f"{fingerprint(problem.series)}-{windows}".encode()).hexdigest()
        cells = problem.windows.look_back * (1 + len(problem.covariates.mean)) + steps
        self._holds = self.examples * cells <= HELD_CELLS
        self._held: _PreparedBatch | None = None

    def loss(self, model: nn.Module, indices: Tensor) -> Tensor:
        """Return the mean loss of the training windows ``indices``."""
        if not self._holds:
            return self._loss(model, self._gathered(model, self.problem.training[indices.numpy()]))
        if self._held is None:
            self._held = self._gathered(model, self.problem.training)
        return self._loss(model, self._held.take(indices))

    def validate(self, model: nn.Module) -> float | None:
        """Return the mean loss of the validation windows; None when there is no validation part."""
        origins = self.problem.validation
        if len(origins) == 0:
            return None
        total = 0.0
        for start in range(0, len(origins), CHUNK):
            part = origins[start : start + CHUNK]
            total += float(self._loss(model, self._gathered(model, part))) * len(part)
        return total / len(origins)

    def _gathered(self, model: nn.Module, origins: Origins) -> _PreparedBatch:
        assert isinstance(model, ForecastNetwork)
        like = model.head.median.weight
        inputs, covariates, targets = to_tensors(self.problem.windows, origins, self.problem.covariates, like)
        units = model.statistics(inputs)
        return _PreparedBatch(inputs, covariates, standardise(targets, units.anchor, units.scale), units)

    def _loss(self, model: nn.Module, batch: _PreparedBatch) -> Tensor:
        assert isinstance(model, ForecastNetwork)
        quantiles = model(batch.inputs, batch.covariates, batch.units, steps=self.steps)
        return self.loss_of(quantiles, batch.targets, model.design.quantiles)

    def inputs(self, indices: Tensor) -> Tensor:
        """Return what the windows ``indices`` feed in, missing values as 0, shape (B, T, 1 + C)."""
        batch = self.problem.windows.gather(self.problem.training[indices.numpy()])
        covariates = self.problem.covariates.apply(batch.covariates)
        values = np.concatenate([batch.inputs[..., None], covariates], axis=-1)
        return torch.as_tensor(np.where(np.isnan(values), 0.0, values))

    def describe(self, indices: Tensor) -> Description:
        """Return series and time range of training windows."""
        origins = self.problem.training[indices.numpy()]
        rows = origins.position.tolist()
        series = [self.problem.series[index] for index in origins.series.tolist()]
        names = list(dict.fromkeys(one.name for one in series))
        back = self.problem.windows.look_back - 1
        first = min(one.label(row - back) for one, row in zip(series, rows, strict=True))
        last = max(one.label(row) for one, row in zip(series, rows, strict=True))
        return Description(
            unit="windows",
            where=f"series {', '.join(names)}, {first} to {last}",
            facts={"series": names, "first": first, "last": last},
            columns=(series[0].target, *series[0].covariate_names),
        )


def fit_network(
    problem: Problem,
    design: NetworkDesign,
    scaling: FittedScaling,
    loss: str,
    settings: TrainingSettings,
    session: TrainingSession,
) -> tuple[ForecastNetwork, TrainingRecord]:
    """Build, initialise and train a network; the caller's random state is left as it was.

    Where windows are anchored at their last value, training starts at the forecast that repeats it: whatever the
    network then says beyond that, it has learnt.
    """
    with drawing_from(torch.Generator().manual_seed(settings.seed)):
        network = ForecastNetwork(design, scaling)
    if isinstance(scaling, WindowStatistics) and scaling.anchor == "last":
        network.head.start_at_repeat(_changes(problem, network))
    objective = ForecastObjective(problem, loss, steps=problem.windows.horizon)
    return network, session.train(network, objective, settings)


@torch.no_grad()
def _changes(problem: Problem, network: ForecastNetwork) -> np.ndarray:
    """Return y_{t+k} - anchor of the training windows, in units of each window's own one-step change."""
    parts = []
    like = torch.zeros(0, dtype=torch.float64)
    steps = network.head.steps
    for first in range(0, len(problem.training), CHUNK):
        origins = problem.training[first : first + CHUNK]
        inputs, _, targets = to_tensors(problem.windows, origins, problem.covariates, like)
        statistics = network.statistics(inputs)
        parts.append(((targets - statistics.anchor) / (statistics.scale * statistics.change))[:, :steps].numpy())
    return np.concatenate(parts)
