"""What a fit leaves: networks, the free forecast they add to, and the scale both work in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nurt.data.scaling import restore
from nurt.data.series import Series
from nurt.data.transforms import AbstractTransform
from nurt.data.windows import Origins
from nurt.evaluation.forecasts.baselines import AbstractFittedBaseline
from nurt.tasks.forecasting.columns import Columns, PreparedSeries
from nurt.tasks.forecasting.examples import CHUNK, Examples, start_forecasts
from nurt.tasks.forecasting.network import ForecastNetwork, ForecastNetworks, WindowUnits

__all__ = ["Learnt"]


@dataclass(frozen=True)
class Learnt:
    """A fitted forecaster apart from its intervals.

    Args:
        networks: the members.
        columns: what is read beside the target.
        transform: of the target.
        start: free forecast, in the transformed scale, that the networks add to; None for the anchor of each window.
        look_back: T.
        horizon: F.
        levels: V interval levels in per cent.
    """

    networks: ForecastNetworks
    columns: Columns
    transform: AbstractTransform
    start: AbstractFittedBaseline | None
    look_back: int
    horizon: int
    levels: tuple[int, ...]

    def quantile_levels(self) -> tuple[float, ...]:
        """Return the probabilities of the quantiles, 0.5 among them."""
        return self.networks.design.quantiles

    def quantiles_at(self, series: Sequence[Series], origins: Origins) -> np.ndarray:
        """Return quantile forecasts in the units of the target, averaged over the members.

        Args:
            series: the series the origins index.
            origins: N origins.

        Returns:
            shape (N, F, Q), float64; NaN rows where a window holds no observation.
        """
        return self._quantiles(self.networks, series, origins)

    def member_medians(self, series: Sequence[Series], origins: Origins) -> np.ndarray:
        """Return the median of every member by itself, (M, N, F); arguments as of :meth:`quantiles_at`."""
        middle = self.quantile_levels().index(0.5)
        members = [one for one in self.networks.members if isinstance(one, ForecastNetwork)]
        return np.stack([self._quantiles(one, series, origins)[..., middle] for one in members])

    @torch.no_grad()
    def _quantiles(
        self, network: ForecastNetwork | ForecastNetworks, series: Sequence[Series], origins: Origins
    ) -> np.ndarray:
        design = self.networks.design
        out = np.full((len(origins), self.horizon, len(design.quantiles)), np.nan)
        prepared = self.columns.prepared(series, self.transform)
        dtype = self.networks.first.head.median.weight.dtype
        examples = Examples(prepared, self.look_back, self.horizon, unknown=design.series, dtype=dtype)
        for first in range(0, len(origins), CHUNK):
            part = origins[first : first + CHUNK]
            windows = examples.at(part)
            seen = ~windows.inputs.isnan().all(dim=1)
            if not seen.any():
                continue
            windows = windows.take(seen)
            units = self.networks.first.statistics(windows.inputs, windows.spread)
            beyond = network(windows.inputs, windows.covariates, units, known=windows.known, series=windows.series)
            rows = seen.numpy()
            values = self._placed(beyond, units, prepared, part[rows])
            out[first : first + CHUNK][rows] = self.transform.backward(values)
        return out

    def _placed(
        self, beyond: torch.Tensor, units: WindowUnits, prepared: Sequence[PreparedSeries], origins: Origins
    ) -> np.ndarray:
        """Return quantiles in the transformed scale from those in window units, counted from the start."""
        placed: np.ndarray
        if self.start is None:
            placed = restore(beyond, units.anchor.unsqueeze(-1), units.scale.unsqueeze(-1)).double().numpy()
            return placed
        started = start_forecasts(self.start, prepared, origins, self.horizon)
        # In double precision, so that a network that adds nothing gives the free forecast to the last bit.
        placed = started[..., None] + (units.scale.unsqueeze(-1).double() * beyond.double()).numpy()
        return placed
