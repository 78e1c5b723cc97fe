"""The forecasting network: window units → encoder → what to add to the start, at every step of the horizon.

Every forecast step reads the *last* hidden state, so the newest observation reaches every horizon. Cutting
per-step outputs off the end of the encoder instead would hide the newest values from the nearest steps.

The network says how far the future lies from a *start*: the anchor of the window, or a free forecast made elsewhere.
Its last map is zero at first, so the untrained network is the start itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nurt.data.scaling import FittedScaling, restore, standardise
from nurt.errors import NurtValueError
from nurt.nn import Segments, build
from nurt.nn.init import Linear
from nurt.nn.regularisation import Dropout

__all__ = ["LOSSES", "ForecastNetwork", "ForecastNetworks", "Loss", "NetworkDesign", "QuantileHead", "WindowUnits"]

# Numbers that the features known ahead become, per step: enough for the hours and days of a calendar.
KNOWN_WIDTH = 8


@dataclass(frozen=True)
class NetworkDesign:
    """Everything needed to build the network again, weights apart.

    Args:
        cell: recurrence, a key of ``nurt.nn.CELLS``.
        layers, hidden: depth L and width H of the encoder.
        dropout: probability after each layer, the last one included.
        horizon: F, steps ahead.
        strategy: "parallel" (one further step of the encoder per segment of the horizon, all at once), "direct" (one
            head for all steps) or "recursive" (one step, fed back).
        quantiles: probabilities the head gives, ascending, 0.5 among them.
        covariates: number C of covariates that are read with the window.
        known: number K of features that are known ahead, such as those of the calendar.
        series: number S of series that the network tells apart; 0 where it does not.
        mask: whether a channel tells the encoder which inputs were observed.
        segment: steps that are read, and in parallel written, as one.
    """

    cell: str
    layers: int
    hidden: int
    dropout: float
    horizon: int
    strategy: str
    quantiles: tuple[float, ...]
    covariates: int = 0
    known: int = 0
    series: int = 0
    mask: bool = False
    segment: int = 1

    def __post_init__(self) -> None:
        if self.strategy != "recursive":
            return
        if self.covariates or self.known:
            raise NurtValueError(
                "Forecaster: a recursive forecast needs the covariates' own future, which past covariates do not have.",
                cure="Use strategy='direct', or leave the covariates out.",
            )
        if self.segment > 1:
            raise NurtValueError(
                "Forecaster: a recursive forecast goes step by step and reads no segments.",
                cure="Use strategy='parallel', or segment=1.",
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
    """Quantiles of what comes after windows, in window units, counted from the start of the forecast.

    With u_i = (x_i - a)/s the inputs in window units, h the last hidden state of the encoder and b_k the start, the
    forecast in the units of the windows is ŷ_k = b_k + s·head(h)_k. NaN inputs enter as 0, that is, as the anchor.

    ``parallel`` is the decoder of [lin2023segrnn]: the last state of the encoder takes one further step for each
    segment of the horizon, whose input is a learned vector for its place, and for the series and what is known ahead.
    """

    def __init__(self, design: NetworkDesign, scaling: FittedScaling) -> None:
        super().__init__()
        self.design = design
        self.scaling = scaling
        self.segments = Segments(design.segment)
        known = min(design.known, KNOWN_WIDTH)
        channels = (1 + int(design.mask) + design.covariates + known) * design.segment
        parallel = design.strategy == "parallel"
        embedded = parallel or design.segment > 1
        self.known = Linear(design.known, known, bias=False) if known else None
        self.reading = Linear(channels, design.hidden) if embedded else None
        width = design.hidden if embedded else channels
        self.encoder = build(design.cell, width, design.hidden, num_layers=design.layers, dropout=design.dropout)
        self.dropout = Dropout(design.dropout)
        self.places: nn.Embedding | None = None
        self.series: nn.Embedding | None = None
        self.ahead: nn.Module | None = None
        steps = {"direct": design.horizon, "recursive": 1, "parallel": design.segment}[design.strategy]
        if parallel:
            self.places = _embedding(self.segments.count(design.horizon), design.hidden)
            # The last row stands for every series the network has not met.
            self.series = _embedding(design.series + 1, design.hidden) if design.series else None
            self.ahead = Linear(design.segment * known, design.hidden, bias=False) if known else None
        elif known:
            self.ahead = Linear(known, 1, bias=False)
        # Some cells give fewer features than they have units.
        self.head = QuantileHead(self.encoder.output_size, steps, design.quantiles)
        self.register_buffer("growth", torch.ones(design.horizon))
        self.growth: Tensor

    def statistics(self, inputs: Tensor, spread: Tensor | None = None) -> WindowUnits:
        """Return level and size of each window.

        Args:
            inputs: windows, NaN where missing, shape (B, T).
            spread: that of the series of each window, (B, 1), where the scaling asks for it.
        """
        observed = ~inputs.isnan()
        anchor, scale = self.scaling.statistics(inputs, observed, spread)
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
        known: Tensor | None = None,
        series: Tensor | None = None,
    ) -> Tensor:
        """Return quantiles in window units, counted from the start.

        Args:
            inputs: windows, NaN where missing, shape (B, T).
            covariates: standardised covariates, NaN where missing, shape (B, T, C).
            statistics: those of ``inputs`` unless the caller holds them fixed.
            steps: how far a recursive forecast goes; None means the design's horizon.
            known: features known ahead, at the steps of the window and of the horizon, shape (B, T + F, K); None where
                K is 0, or for none known.
            series: number of the series of each window, int64 (B,); None for series the network has not met.

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
        future = None
        if self.known is not None:
            behind, future = self._known(inputs, known)
            channels.append(behind)
        outputs, state = self.encoder(self._read(torch.cat(channels, dim=-1)))
        if self.design.strategy == "parallel":
            return self._decoded(state, statistics, future, series)
        quantiles: Tensor = self.head(self.dropout(outputs[:, -1]), statistics.change)
        if self.design.strategy == "direct":
            return quantiles if future is None or self.ahead is None else quantiles + self.ahead(future)
        path = [quantiles]
        for _ in range((steps or self.design.horizon) - 1):
            fed_back = path[-1][:, :, self.head.middle].unsqueeze(-1)
            if self.design.mask:
                fed_back = torch.cat([fed_back, torch.ones_like(fed_back)], dim=-1)
            outputs, state = self.encoder(fed_back, state)
            path.append(self.head(self.dropout(outputs[:, -1]), statistics.change))
        return torch.cat(path, dim=1)

    def forecast(
        self,
        inputs: Tensor,
        covariates: Tensor,
        statistics: WindowUnits | None = None,
        *,
        known: Tensor | None = None,
        series: Tensor | None = None,
    ) -> Tensor:
        """Return quantile forecasts that start at the anchor, in the units of the windows, shape (B, F, Q)."""
        statistics = statistics or self.statistics(inputs)
        units: Tensor = self(inputs, covariates, statistics, known=known, series=series)
        return restore(units, statistics.anchor.unsqueeze(-1), statistics.scale.unsqueeze(-1))

    @torch.no_grad()
    def start_at(self, residuals: np.ndarray) -> None:
        """Make the untrained forecast the start itself, with the spread seen in ``residuals``.

        Args:
            residuals: truth minus start at training windows, in units of each window's one-step change, shape (N, F);
                NaN where missing.
        """
        steps = self.head.steps
        if self.design.strategy == "parallel":
            steps_ahead = np.abs(residuals)
            seen = np.isfinite(steps_ahead).any(axis=0)
            size = np.maximum(np.nanmean(np.where(seen, steps_ahead, 1.0), axis=0), 1e-3)
            place = np.arange(len(size)) % steps
            # One head writes all segments: how the fan widens from one to the next is not learnt but measured.
            mean = np.array([size[place == one].mean() if (place == one).any() else 1.0 for one in range(steps)])
            self.growth.copy_(torch.from_numpy(size / mean[place]))
            residuals = residuals / (size / mean[place])
            whole = np.full((len(residuals), self.segments.count(len(size)) * steps), np.nan)
            whole[:, : len(size)] = residuals
            residuals = whole.reshape(-1, steps)
        if self.ahead is not None and self.design.strategy == "direct":
            assert isinstance(self.ahead, nn.Linear)
            self.ahead.weight.zero_()
        self.head.start_at(residuals[:, :steps])

    def _known(self, inputs: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what is known of the window's own steps (B, T, E), and of those ahead (B, F, E)."""
        assert self.known is not None
        steps = inputs.shape[1]
        if known is None:
            known = inputs.new_zeros(len(inputs), steps + self.design.horizon, self.design.known)
        features: Tensor = self.known(known.nan_to_num())
        return features[:, :steps], features[:, steps:]

    def _read(self, channels: Tensor) -> Tensor:
        if self.reading is None:
            return channels
        return functional.relu(self.reading(self.segments.cut_past(channels)))

    def _decoded(self, state: Any, statistics: WindowUnits, future: Tensor | None, series: Tensor | None) -> Tensor:
        """Take one further step per segment of the horizon, all from the last state, and read each off."""
        assert self.places is not None
        batch, count = len(statistics.anchor), self.places.num_embeddings
        asked = self.places.weight.expand(batch, count, -1)
        if self.series is not None:
            unknown = self.series.num_embeddings - 1
            index = torch.full((batch,), unknown, device=asked.device) if series is None else series
            asked = asked + self.series(index).unsqueeze(1)
        if self.ahead is not None and future is not None:
            asked = asked + self.ahead(self.segments.cut_ahead(future))
        output, _ = self.encoder.step(asked.reshape(batch * count, -1), _repeated(state, count))
        change = statistics.change.repeat_interleave(count, dim=0)
        quantiles = self.head(self.dropout(output), change).unflatten(0, (batch, count))
        path = self.segments.joined(quantiles, self.design.horizon)
        middle = path[..., self.head.middle, None]
        return middle + (path - middle) * self.growth.unsqueeze(-1)


class ForecastNetworks(nn.Module):
    """Networks of one design that learnt the same from different initial weights; their quantiles are averaged.

    Args:
        members: at least one.
    """

    def __init__(self, members: list[ForecastNetwork]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def first(self) -> ForecastNetwork:
        """The network that is examined in place of all."""
        first = self.members[0]
        assert isinstance(first, ForecastNetwork)
        return first

    @property
    def design(self) -> NetworkDesign:
        """The design of each."""
        return self.first.design

    @property
    def scaling(self) -> FittedScaling:
        """The scaling of each."""
        return self.first.scaling

    def forward(self, *given: Any, **named: Any) -> Tensor:
        """Return the mean of the quantiles of all members; arguments as of :meth:`ForecastNetwork.forward`."""
        return torch.stack([one(*given, **named) for one in self.members]).mean(dim=0)


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
    def start_at(self, residuals: np.ndarray) -> None:
        """Set the weights so that the untrained median is 0, the start itself, with the spread of ``residuals``.

        Args:
            residuals: truth minus start of training windows in units of each window's one-step change, shape (N, F);
                NaN where missing.
        """
        self.median.weight.zero_()
        self.median.bias.zero_()
        if self.gaps is None:
            return
        self.gaps.weight.zero_()
        seen = np.where(np.isfinite(residuals).any(axis=0), residuals, 0.0)
        spread = np.nanquantile(seen, self.quantiles, axis=0).T
        gaps = torch.from_numpy(np.maximum(np.diff(spread, axis=1), 1e-3))
        # Inverse of softplus, exact also for large gaps.
        self.gaps.bias.copy_((gaps + torch.log(-torch.expm1(-gaps))).flatten())


def _embedding(count: int, width: int) -> nn.Embedding:
    """Return vectors drawn from the generator of the block they are built in, small beside what the encoder reads."""
    drawn = 0.1 * width**0.5 * Linear(width, count).weight.detach()
    return nn.Embedding(count, width, _weight=drawn)


def _repeated(state: Any, count: int) -> Any:
    """Return a state (B, ...) with every row ``count`` times, whatever tuples it is made of."""
    if isinstance(state, Tensor):
        return state.repeat_interleave(count, dim=0)
    parts = [_repeated(one, count) for one in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


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
