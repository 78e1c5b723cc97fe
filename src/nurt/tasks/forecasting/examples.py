"""Windows of prepared series as tensors, and the training objective over them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nurt.data.series import Series, fingerprint
from nurt.data.windows import Origins
from nurt.evaluation.forecasts.baselines import AbstractFittedBaseline
from nurt.tasks.forecasting.columns import PreparedSeries
from nurt.tasks.forecasting.network import LOSSES, ForecastNetwork, WindowUnits
from nurt.tasks.forecasting.parts import Parts
from nurt.training.objective import Description

__all__ = ["CHUNK", "Examples", "ForecastObjective", "WindowTensors", "start_forecasts"]

# Large enough for one call per forecast on small data, small enough to keep activations in the tens of megabytes.
CHUNK = 1024
# 64 MiB in float32.
HELD_CELLS = 16_000_000


class WindowTensors(NamedTuple):
    """B windows as the network reads them; NaN is a missing value.

    Args:
        inputs: (B, T), in the transformed scale.
        covariates: (B, T, C).
        known: (B, T + F, K).
        series: number of the series of each, int64 (B,).
        spread: of the series of each, (B, 1).
        targets: (B, F), in the transformed scale, NaN also beyond the data.
    """

    inputs: Tensor
    covariates: Tensor
    known: Tensor
    series: Tensor
    spread: Tensor
    targets: Tensor

    def take(self, rows: Tensor) -> WindowTensors:
        """Return some of the windows."""
        return WindowTensors(*(one[rows] for one in self))


class Examples:
    """All windows of prepared series; the data are held once, windows are gathered when they are asked for.

    Args:
        series: prepared, with the same columns.
        look_back: T.
        horizon: F; with a shorter one than the features ahead are known for, these are cut.
        unknown: number for series that have none of their own.
        dtype: of the tensors.
    """

    def __init__(
        self,
        series: Sequence[PreparedSeries],
        look_back: int,
        horizon: int,
        *,
        unknown: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.prepared = series
        self.look_back = look_back
        self.horizon = horizon
        lengths = [len(one.values) + horizon for one in series]
        self._offsets = torch.tensor([0, *np.cumsum(lengths)[:-1]])
        gap = np.full(horizon, np.nan)
        self._values = torch.from_numpy(np.concatenate([part for one in series for part in (one.values, gap)])).to(
            dtype
        )
        width = series[0].covariates.shape[1]
        nothing = np.full((horizon, width), np.nan)
        self._covariates = torch.from_numpy(
            np.concatenate([part for one in series for part in (one.covariates, nothing)])
        ).to(dtype)
        self._known = torch.from_numpy(np.concatenate([one.known[: len(one.values) + horizon] for one in series])).to(
            dtype
        )
        self._numbers = torch.tensor([unknown if one.number is None else one.number for one in series])

    def at(self, origins: Origins) -> WindowTensors:
        """Return the windows that end at some origins, each with T observations up to it."""
        last = self._offsets[origins.series] + torch.from_numpy(origins.position)
        window = last[:, None] + torch.arange(1 - self.look_back, 1)
        future = last[:, None] + torch.arange(1, self.horizon + 1)
        spreads = np.empty(len(origins))
        for index in np.unique(origins.series):
            rows = origins.series == index
            spreads[rows] = self.prepared[index].spreads(origins.position[rows])
        return WindowTensors(
            inputs=self._values[window],
            covariates=self._covariates[window],
            known=self._known[torch.cat([window, future], dim=1)],
            series=self._numbers[origins.series],
            spread=torch.from_numpy(spreads).to(self._values.dtype)[:, None],
            targets=self._values[future],
        )

    def learnable(self, origins: Origins) -> np.ndarray:
        """Tell which origins have an observed input and a known target, bool (N,)."""
        seen = np.empty(len(origins), dtype=bool)
        for index in np.unique(origins.series):
            rows = origins.series == index
            observed = np.concatenate(([0], np.cumsum(np.isfinite(self.prepared[index].values))))
            place = origins.position[rows]
            end = np.minimum(place + 1 + self.horizon, len(observed) - 1)
            behind = observed[place + 1] > observed[np.maximum(place + 1 - self.look_back, 0)]
            seen[rows] = behind & (observed[end] > observed[place + 1])
        return seen


def start_forecasts(
    start: AbstractFittedBaseline, series: Sequence[PreparedSeries], origins: Origins, horizon: int
) -> np.ndarray:
    """Return what a free forecast says after some origins, in the transformed scale, float64 (N, F)."""
    found = np.full((len(origins), horizon), np.nan)
    for index in np.unique(origins.series):
        rows = origins.series == index
        one = series[index]
        found[rows] = start.forecast(one.history(), origins.position[rows], horizon, one.number)
    return found


class _Held(NamedTuple):
    windows: WindowTensors
    units: WindowUnits
    residuals: Tensor


class ForecastObjective:
    """Training objective in window units, counted from the start; see :class:`nurt.training.Objective`.

    Windows and their units do not change while weights do, so where all training windows fit into ``HELD_CELLS`` they
    are gathered once; else every batch is gathered when it is needed.

    Args:
        series: the series, for messages.
        examples: their windows.
        parts: origins to learn from, and those that decide.
        loss: key of ``LOSSES``.
        start: free forecast that the network adds to; None for the anchor of each window.
        mark: what else decides the losses, for the fingerprint.
    """

    draws_privately = True

    def __init__(
        self,
        series: Sequence[Series],
        examples: Examples,
        parts: Parts,
        loss: str,
        start: AbstractFittedBaseline | None,
        mark: str = "",
    ) -> None:
        self._series = series
        self._windows = examples
        self._loss_of = LOSSES[loss]
        self._start = start
        self.examples = len(parts.training)
        # The training windows first, then every validation block.
        self._origins = (parts.training, *parts.blocks)
        self._starts = [self._started(origins) for origins in self._origins]
        text = f"{examples.look_back}-{examples.horizon}-{loss}-{mark}"
        digest = hashlib.sha256(f"{fingerprint(series)}-{text}".encode())
        for origins in self._origins:
            digest.update(origins.series.tobytes() + origins.position.tobytes())
        self.fingerprint = digest.hexdigest()
        one = examples.at(parts.training[:1])
        cells = sum(part.numel() for part in one)
        self._holds = self.examples * cells <= HELD_CELLS
        self._held: _Held | None = None

    def loss(self, model: nn.Module, indices: Tensor) -> Tensor:
        """Return the mean loss of the training windows ``indices``."""
        if not self._holds:
            return self._loss(model, self._gathered(model, 0, indices.numpy()))
        if self._held is None:
            self._held = self._gathered(model, 0, np.arange(self.examples))
        held = self._held
        units = WindowUnits(*(one[indices] for one in held.units))
        return self._loss(model, _Held(held.windows.take(indices), units, held.residuals[indices]))

    def validate(self, model: nn.Module) -> float | None:
        """Return the mean loss of the validation windows, every block alike; None when there is no validation part."""
        blocks = self.by_block(model)
        return float(np.mean(blocks)) if blocks else None

    def by_block(self, model: nn.Module) -> list[float]:
        """Return the mean loss of every validation block, oldest first."""
        losses = []
        for index, block in enumerate(self._origins[1:], start=1):
            total = 0.0
            for start in range(0, len(block), CHUNK):
                rows = np.arange(start, min(start + CHUNK, len(block)))
                total += float(self._loss(model, self._gathered(model, index, rows))) * len(rows)
            losses.append(total / len(block))
        return losses

    def residuals(self, model: ForecastNetwork) -> np.ndarray:
        """Return truth minus start of the training windows, in units of each window's one-step change, (N, F)."""
        found = []
        for start in range(0, self.examples, CHUNK):
            rows = np.arange(start, min(start + CHUNK, self.examples))
            batch = self._gathered(model, 0, rows)
            found.append((batch.residuals / batch.units.change).double().numpy())
        return np.concatenate(found)

    def inputs(self, indices: Tensor) -> Tensor:
        """Return what the windows ``indices`` feed in, missing values as 0, shape (B, T, 1 + C)."""
        windows = self._windows.at(self._origins[0][indices.numpy()])
        return torch.cat([windows.inputs.unsqueeze(-1), windows.covariates], dim=-1).nan_to_num(
            posinf=torch.inf, neginf=-torch.inf
        )

    def describe(self, indices: Tensor) -> Description:
        """Return series and time range of training windows."""
        origins = self._origins[0][indices.numpy()]
        rows = origins.position.tolist()
        series = [self._series[index] for index in origins.series.tolist()]
        names = list(dict.fromkeys(one.name for one in series))
        back = self._windows.look_back - 1
        first = min(one.label(row - back) for one, row in zip(series, rows, strict=True))
        last = max(one.label(row) for one, row in zip(series, rows, strict=True))
        facts: Mapping[str, object] = {"series": names, "first": first, "last": last}
        return Description(
            unit="windows",
            where=f"series {', '.join(names)}, {first} to {last}",
            facts=facts,
            columns=(series[0].target, *series[0].covariate_names),
        )

    def _started(self, origins: Origins) -> Tensor | None:
        if self._start is None or not len(origins):
            return None
        found = start_forecasts(self._start, self._windows.prepared, origins, self._windows.horizon)
        # Of the difference to the truth, single precision keeps what a difference of two single numbers would lose.
        truth = _truth(self._windows.prepared, origins, self._windows.horizon)
        return torch.from_numpy(truth - found)

    def _gathered(self, model: nn.Module, part: int, rows: np.ndarray) -> _Held:
        assert isinstance(model, ForecastNetwork)
        windows = self._windows.at(self._origins[part][rows])
        units = model.statistics(windows.inputs, windows.spread)
        started = self._starts[part]
        if started is None:
            residuals = (windows.targets - units.anchor) / units.scale
        else:
            residuals = (started[rows] / units.scale).to(windows.targets.dtype)
        return _Held(windows, units, residuals)

    def _loss(self, model: nn.Module, batch: _Held) -> Tensor:
        assert isinstance(model, ForecastNetwork)
        windows = batch.windows
        quantiles = model(
            windows.inputs,
            windows.covariates,
            batch.units,
            steps=self._windows.horizon,
            known=windows.known,
            series=windows.series,
        )
        return self._loss_of(quantiles, batch.residuals, model.design.quantiles)


def _truth(series: Sequence[PreparedSeries], origins: Origins, horizon: int) -> np.ndarray:
    """Return the values after some origins, NaN beyond the data, (N, F)."""
    truth = np.full((len(origins), horizon), np.nan)
    for index in np.unique(origins.series):
        rows = origins.series == index
        padded = np.concatenate([series[index].values, np.full(horizon, np.nan)])
        truth[rows] = padded[origins.position[rows][:, None] + np.arange(1, horizon + 1)]
    return truth
