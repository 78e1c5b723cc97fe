"""What one remedy does in one case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.wording import Text

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """One remedy in one case.

    Args:
        case: "exploding" or "vanishing".
        id: of the remedy.
        name: of the remedy.
        start: ‖∂ℓ/∂s‖ by lag before training, median over sequences, of the first repeat, (T,).
        after: the same after training.
        losses: on the test sequences, per repeat.
        clipped_share: share of the updates whose gradient was shortened, mean over the repeats.
        updates: of all repeats.
    """

    case: str
    id: str
    name: Text
    start: np.ndarray
    after: np.ndarray
    losses: np.ndarray
    clipped_share: float
    updates: int

    @property
    def worst(self) -> float:
        """The largest loss of the repeats."""
        return float(self.losses.max())

    @property
    def carried(self) -> float:
        """The gradient at the longest lag relative to that at lag 0, before training."""
        return float(self.start[-1] / self.start[0])
