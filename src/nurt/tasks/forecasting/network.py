"""The forecasting network: window units → encoder → last state → all steps at once, or one step fed back.

Every forecast step reads the *last* hidden state, so the newest observation reaches every horizon. Cutting
per-step outputs off the end of the encoder instead would hide the newest values from the nearest steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nurt.data.scaling import FittedScaling, restore, standardise
from nurt.errors import NurtValueError
from nurt.nn import build
from nurt.nn.init import Linear
from nurt.nn.regularisation import Dropout

__all__ = ["LOSSES", "ForecastNetwork", "Loss", "NetworkDesign", "QuantileHead", "WindowUnits"]


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
        if self.strategy == "recursive" and self.covariates:
            raise NurtValueError(
                "Forecaster: a recursive forecast needs the covariates' own future, which past covariates do not have.",
                cure="Use strategy='direct', or leave the covariates out.",
            )


class WindowUnits(NamedTuple):
    """Level and size of a window, each (B, 1): ``anchor`` and ``scale`` define the window units.

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
        self.dropout = Dropout(design.dropout)
        steps = design.horizon if design.strategy == "direct" else 1
        # Some cells give fewer features than they have units.
        self.head = QuantileHead(self.encoder.output_size, steps, design.quantiles)

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
            steps: how far a recursive forecast goes; None means the design's horizon.

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


class QuantileHead(nn.Module):
    """Median plus cumulative positive gaps.

    The median of step k is m_k = w_k·h + b_k. The quantile next above lies c·softplus(v_k·h + g_k) higher, the one
    above that again so much higher, and likewise downwards; c is the size of one-step changes in the window, so a
    calm window starts from a narrow fan.

    Args:
        hidden: H.
        steps: F.
        quantiles: Q ascending probabilities with 0.5 among them.
    """

    def __init__(self, hidden: int, steps: int, quantiles: tuple[float, ...]) -> None:
        super().__init__()
        if 0.5 not in quantiles or list(quantiles) != sorted(set(quantiles)):
            raise NurtValueError(
                "QuantileHead: unusable `quantiles`.",
                expected="ascending probabilities, 0.5 among them",
                got=repr(quantiles),
            )
        self.steps = steps
        self.quantiles = quantiles
        self.middle = quantiles.index(0.5)
        self.median = Linear(hidden, steps)
        self.gaps = Linear(hidden, steps * (len(quantiles) - 1)) if len(quantiles) > 1 else None

    def forward(self, hidden: Tensor, change: Tensor) -> Tensor:
        """Return quantiles in window units, shape (B, F, Q); ``hidden`` (B, H), ``change`` (B, 1)."""
        median: Tensor = self.median(hidden).unsqueeze(-1)
        if self.gaps is None:
            return median
        gaps = functional.softplus(self.gaps(hidden)).view(len(hidden), self.steps, -1) * change.unsqueeze(-1)
        below, above = gaps[..., : self.middle], gaps[..., self.middle :]
        lower = median - below.flip(-1).cumsum(-1).flip(-1)
        upper = median + above.cumsum(-1)
        return torch.cat([lower, median, upper], dim=-1)

    @torch.no_grad()
    def start_at_repeat(self, changes: np.ndarray) -> None:
        """Set the weights so that the untrained forecast is the anchor itself, with the spread seen in ``changes``.

        Args:
            changes: (y_{t+k} - y_t) of training windows in units of each window's one-step change, shape (N, F);
                NaN where missing.
        """
        self.median.weight.zero_()
        self.median.bias.zero_()
        if self.gaps is None:
            return
        self.gaps.weight.zero_()
        seen = np.where(np.isfinite(changes).any(axis=0), changes, 0.0)
        spread = np.nanquantile(seen, self.quantiles, axis=0).T
        gaps = torch.from_numpy(np.maximum(np.diff(spread, axis=1), 1e-3))
        # Inverse of softplus, exact also for large gaps.
        self.gaps.bias.copy_((gaps + torch.log(-torch.expm1(-gaps))).flatten())


Loss = Callable[[Tensor, Tensor, tuple[float, ...]], Tensor]


def _mean_over_known(losses: Tensor, known: Tensor) -> Tensor:
    """Mean of ``losses`` where ``known``; 0 for a batch without any known cell."""
    # Zeroing by `where` rather than by product keeps NaN out of the gradient.
    return torch.where(known, losses, 0.0).sum() / known.sum().clamp(min=1)


def pinball(quantiles: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Mean pinball loss over cells and levels [koenker1978regression].

    Args:
        quantiles: forecasts, shape (B, F, Q).
        target: truth, NaN where missing, shape (B, F).
        levels: the Q probabilities.
    """
    known = ~target.isnan()
    error = target.nan_to_num().unsqueeze(-1) - quantiles
    probability = torch.tensor(levels, dtype=quantiles.dtype, device=quantiles.device)
    return _mean_over_known(torch.maximum(probability * error, (probability - 1) * error).mean(dim=-1), known)


def squared(quantiles: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Mean squared error of the middle forecast; shapes as for :func:`pinball`."""
    known = ~target.isnan()
    return _mean_over_known((target.nan_to_num() - quantiles[..., levels.index(0.5)]).square(), known)


def absolute(quantiles: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Mean absolute error of the middle forecast; shapes as for :func:`pinball`."""
    known = ~target.isnan()
    return _mean_over_known((target.nan_to_num() - quantiles[..., levels.index(0.5)]).abs(), known)


LOSSES: dict[str, Loss] = {"quantile": pinball, "squared": squared, "absolute": absolute}
