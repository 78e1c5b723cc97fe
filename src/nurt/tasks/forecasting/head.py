"""From a hidden state to quantiles that cannot cross."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nurt.errors import NurtValueError

__all__ = ["QuantileHead"]


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
        self.median = nn.Linear(hidden, steps)
        self.gaps = nn.Linear(hidden, steps * (len(quantiles) - 1)) if len(quantiles) > 1 else None

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
