"""The forecasting network: window units → encoder → last state → all steps at once, or one step fed back.

Every forecast step reads the *last* hidden state, so the newest observation reaches every horizon. Cutting
per-step outputs off the end of the encoder instead would hide the newest values from the nearest steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nurt.data.scaling import FittedScaling, restore, standardise
from nurt.errors import NurtValueError
from nurt.nn import build
from nurt.tasks.forecasting.head import QuantileHead

__all__ = ["ForecastNetwork", "NetworkDesign", "WindowUnits"]

STRATEGIES = ("direct", "recursive")


@dataclass(frozen=True)
class NetworkDesign:
    """Everything needed to build the network again, weights apart.

    Args:
        cell: recurrence, a key of ``nurt.nn.CELLS``.
        layers, hidden: depth L and width H of the encoder.
        dropout: probability after each layer, the last one included.
        horizon: F, steps ahead.
        strategy: "direct" (one head for all steps) or "recursive" (one step, fed back).
        quantiles: probabilities the head gives, ascending, 0.5 among them.
        covariates: number C of past covariates.
        mask: whether a channel tells the encoder which inputs were observed.
    """

    cell: str
    layers: int
    hidden: int
    dropout: float
    horizon: int
    strategy: str
    quantiles: tuple[float, ...]
    covariates: int = 0
    mask: bool = False

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise NurtValueError(
                "Forecaster: unknown `strategy`.", expected=" or ".join(map(repr, STRATEGIES)), got=repr(self.strategy)
            )
        if self.strategy == "recursive" and self.covariates:
            raise NurtValueError(
                "Forecaster: a recursive forecast needs the covariates' own future, which past covariates do not have.",
                cure="Use strategy='direct', or leave the covariates out.",
            )


class WindowUnits(NamedTuple):
    """What a window says about level and size, each (B, 1): ``anchor`` and ``scale`` define the window units.

    ``change`` is the mean absolute one-step change in window units, the natural size of a forecast's spread.
    """

    anchor: Tensor
    scale: Tensor
    change: Tensor

    def frozen(self) -> WindowUnits:
        """Return the same values as constants, so that only the learned path remains differentiable."""
        return WindowUnits(*(value.detach() for value in self))


class ForecastNetwork(nn.Module):
    """Quantile forecasts in window units from windows in target units.

    With u_i = (x_i - a)/s the inputs in window units and h the last hidden state of the encoder, the forecast in
    target units is ŷ_k = a + s·head(h)_k. NaN inputs enter as 0, that is, as the anchor.
    """

    def __init__(self, design: NetworkDesign, scaling: FittedScaling) -> None:
        super().__init__()
        self.design = design
        self.scaling = scaling
        channels = 1 + int(design.mask) + design.covariates
        self.encoder = build(design.cell, channels, design.hidden, num_layers=design.layers, dropout=design.dropout)
        self.dropout = nn.Dropout(design.dropout)
        steps = design.horizon if design.strategy == "direct" else 1
        self.head = QuantileHead(design.hidden, steps, design.quantiles)

    def statistics(self, inputs: Tensor) -> WindowUnits:
        """Return level and size of each window; ``inputs`` (B, T) in target units, NaN where missing."""
        observed = ~inputs.isnan()
        anchor, scale = self.scaling.statistics(inputs, observed)
        units = standardise(inputs.nan_to_num(), anchor, scale)
        both = observed[:, 1:] & observed[:, :-1]
        changes = (units.diff(dim=1).abs() * both).sum(dim=1, keepdim=True) / both.sum(dim=1, keepdim=True).clamp(min=1)
        # A hundredth of a window unit keeps a spread learnable where the window stood still.
        return WindowUnits(anchor, scale, changes + 0.01)

    def forward(
        self,
        inputs: Tensor,
        covariates: Tensor,
        statistics: WindowUnits | None = None,
        steps: int | None = None,
    ) -> Tensor:
        """Return quantiles in window units.

        Args:
            inputs: windows in target units, NaN where missing, shape (B, T).
            covariates: standardised past covariates, NaN where missing, shape (B, T, C).
            statistics: those of ``inputs`` unless the caller holds them fixed.
            steps: how far a recursive forecast goes, the design's horizon unless said.

        Returns:
            shape (B, F, Q), quantiles ascending.
        """
        statistics = statistics or self.statistics(inputs)
        observed = ~inputs.isnan()
        units = torch.where(observed, standardise(inputs.nan_to_num(), statistics.anchor, statistics.scale), 0.0)
        channels = [units.unsqueeze(-1)]
        if self.design.mask:
            channels.append(observed.to(units.dtype).unsqueeze(-1))
        if self.design.covariates:
            channels.append(covariates.nan_to_num())
        outputs, state = self.encoder(torch.cat(channels, dim=-1))
        quantiles: Tensor = self.head(self.dropout(outputs[:, -1]), statistics.change)
        if self.design.strategy == "direct":
            return quantiles
        path = [quantiles]
        for _ in range((steps or self.design.horizon) - 1):
            fed_back = path[-1][:, :, self.head.middle].unsqueeze(-1)
            if self.design.mask:
                fed_back = torch.cat([fed_back, torch.ones_like(fed_back)], dim=-1)
            outputs, state = self.encoder(fed_back, state)
            path.append(self.head(self.dropout(outputs[:, -1]), statistics.change))
        return torch.cat(path, dim=1)

    def forecast(self, inputs: Tensor, covariates: Tensor, statistics: WindowUnits | None = None) -> Tensor:
        """Return quantile forecasts in target units, shape (B, F, Q)."""
        statistics = statistics or self.statistics(inputs)
        units: Tensor = self(inputs, covariates, statistics)
        return restore(units, statistics.anchor.unsqueeze(-1), statistics.scale.unsqueeze(-1))
