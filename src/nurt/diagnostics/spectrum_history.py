"""Spectra over the course of training, from snapshots of the weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from nurt.diagnostics.blocks import recurrent_blocks
from nurt.diagnostics.spectrum import weight_spectrum
from nurt.errors import NurtValueError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["SpectrumHistory", "SpectrumObserver"]


@dataclass(frozen=True, eq=False)
class SpectrumHistory(Result):
    """How the spectrum of one matrix went while it was trained.

    Args:
        name: of the matrix.
        updates: when each snapshot was taken, (S,).
        radius: ρ, (S,).
        norm: σ_max, (S,).
        departure: from normality, (S,).
        peak: ln of the largest ‖W^k‖₂ over k = 0 … 100, (S,).
    """

    name: str
    updates: np.ndarray
    radius: np.ndarray
    norm: np.ndarray
    departure: np.ndarray
    peak: np.ndarray

    @classmethod
    def of(
        cls, name: str, weights: Iterable[Tensor | np.ndarray], updates: Sequence[int] | None = None
    ) -> SpectrumHistory:
        """Return the history of a sequence of matrices.

        Args:
            name: of the matrix.
            weights: (H, H) each.
            updates: when each was taken; None for 0, 1, 2, …

        Raises:
            NurtValueError: another number of updates than of matrices.
            ShapeError, NonFiniteError: as for :func:`weight_spectrum`.

        Example:
            >>> SpectrumHistory.of("W_hh", [0.5 * torch.eye(2), 0.75 * torch.eye(2)]).radius
            array([0.5 , 0.75])
        """
        found = [weight_spectrum(weight, name) for weight in weights]
        taken = list(range(len(found))) if updates is None else list(updates)
        if len(taken) != len(found):
            raise NurtValueError(
                "SpectrumHistory: one update per matrix.", expected=f"{len(found)} updates", got=str(len(taken))
            )
        columns = [[getattr(one, field) for one in found] for field in ("radius", "norm", "departure")]
        peaks = [one.log_envelope.max() for one in found]
        return cls(name, np.array(taken, dtype=np.int64), *(np.array(one, dtype=float) for one in (*columns, peaks)))

    def __str__(self) -> str:
        if not len(self.updates):
            return f"{self.name}: no snapshot"
        return (
            f"{self.name}: spectral radius {self.radius[0]:.4g} → {self.radius[-1]:.4g}, largest singular value "
            f"{self.norm[0]:.4g} → {self.norm[-1]:.4g}, departure from normality {self.departure[0]:.4g} → "
            f"{self.departure[-1]:.4g} over {len(self.updates)} snapshots"
        )

    def plot(self) -> go.Figure:
        """Draw radius, norm and departure against the updates."""
        from nurt import plotting

        figure = plotting.new_figure(f"Spectrum of {self.name} in training", "update", "value")
        curves = (("ρ", self.radius), ("σ_max", self.norm), ("departure from normality", self.departure))
        for (name, values), dash in zip(curves, ("solid", "dash", "dot"), strict=True):
            figure.add_scatter(x=self.updates, y=values, name=name, line={"dash": dash})
        return figure


class SpectrumObserver:
    """Takes a snapshot of all recurrent weights whenever it is called, and tells the history afterwards.

    It knows nothing of how a model is trained: call it from any loop, or from a listener.

    Args:
        model: holds recurrent layers.

    Raises:
        NurtTypeError: nothing recurrent inside.

    Example:
        >>> model = RNN(3, 5)
        >>> observer = SpectrumObserver(model)
        >>> for update in range(3):
        ...     observer(update)
        >>> [len(history.updates) for history in observer.histories()]
        [3]
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._names = [block.name for block in recurrent_blocks(model)]
        self._updates: list[int] = []
        self._weights: list[list[Tensor]] = [[] for _ in self._names]

    def __call__(self, update: int) -> None:
        """Take a snapshot at ``update``, a copy of the weights.

        Raises:
            NonFiniteError: a weight is NaN or infinite by now.
        """
        blocks = recurrent_blocks(self._model)
        self._updates.append(update)
        for kept, block in zip(self._weights, blocks, strict=True):
            kept.append(block.weight)

    def histories(self) -> tuple[SpectrumHistory, ...]:
        """Return one history per layer, direction and gate."""
        return tuple(
            SpectrumHistory.of(name, weights, self._updates)
            for name, weights in zip(self._names, self._weights, strict=True)
        )
