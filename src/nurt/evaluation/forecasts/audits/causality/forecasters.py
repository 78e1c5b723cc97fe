"""Forecasters under a causality audit: one in torch, or any other as a black box.

Both are frozen descriptions around plain callables, so the audit knows nothing of networks. Inputs are
(B, T, C) in float64 with T the look-back, or look-back + horizon where the forecaster is given future steps.
Networks are audited as copies: on the CPU, in float64, with dropout off.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, final

import numpy as np

from nurt.errors import NurtValueError

if TYPE_CHECKING:
    from torch import Tensor, nn

    Module = TypeVar("Module", bound=nn.Module)

__all__ = ["AbstractForecaster", "BlackBox", "Channels", "Differentiable", "fitted_copy", "structure_copy"]


@dataclass(frozen=True)
class Channels:
    """Which of the C input channels belong to which group.

    Args:
        target: the series to be forecast.
        past: covariates known up to the origin.
        future: covariates known up to the last forecast step, in advance.
    """

    target: tuple[int, ...] = (0,)
    past: tuple[int, ...] = ()
    future: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        every = (*self.target, *self.past, *self.future)
        if not self.target or sorted(every) != list(range(len(every))):
            raise NurtValueError(
                "Channels: the groups do not cover the input channels.",
                expected="at least one target channel and every channel 0, 1, 2 … in exactly one group",
                got=f"target={self.target}, past={self.past}, future={self.future}",
            )

    @property
    def count(self) -> int:
        """C, the number of input channels."""
        return len(self.target) + len(self.past) + len(self.future)

    @property
    def groups(self) -> Mapping[str, tuple[int, ...]]:
        """The groups that have channels, the target first."""
        named = {"target": self.target, "past covariates": self.past, "future covariates": self.future}
        return {name: channels for name, channels in named.items() if channels}


class AbstractForecaster(ABC):
    """A forecaster under audit; either :class:`Differentiable` or :class:`BlackBox`."""

    channels: Channels
    sees_future: bool

    @property
    @abstractmethod
    def has_learned_view(self) -> bool:
        """Whether window statistics can be held fixed."""

    @abstractmethod
    def evaluate(self, inputs: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
        """Return forecasts of ``inputs`` (B, T, C), with window statistics of ``reference`` where it is given."""

    def _require_future_for_known_covariates(self) -> None:
        if self.channels.future and not self.sees_future:
            raise NurtValueError(
                f"{type(self).__name__}: future covariates are declared, but the forecaster is given no future steps.",
                cure="Set sees_future=True and let it take look_back + horizon steps, "
                "or declare those channels as past covariates.",
            )


@final
@dataclass(frozen=True)
class Differentiable(AbstractForecaster):
    """A forecaster in torch, on the CPU, in float64, with dropout off.

    Args:
        forecast: (B, T, C) float64 → (B, F) or (B, F, Q); differentiable where the forecaster is.
        learned: the same forecast with window statistics (anchor, scale, reversible normalisation …) computed
            from the second argument instead of the first. Without it the audit approximates that view by swapping
            neighbouring inputs.
        channels: the groups of the C channels.
        sees_future: whether T is look-back + horizon, the last steps being what comes after the origin.
    """

    forecast: Callable[[Tensor], Tensor]
    learned: Callable[[Tensor, Tensor], Tensor] | None = None
    channels: Channels = Channels()
    sees_future: bool = False

    def __post_init__(self) -> None:
        self._require_future_for_known_covariates()

    @property
    def has_learned_view(self) -> bool:
        """Whether window statistics can be held fixed."""
        return self.learned is not None

    def trace(self, inputs: Tensor, reference: Tensor | None = None) -> Tensor:
        """Return forecasts of ``inputs``, with a graph where the forecaster keeps one."""
        if reference is None or self.learned is None:
            return self.forecast(inputs)
        return self.learned(inputs, reference)

    def evaluate(self, inputs: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
        """Return forecasts of ``inputs`` (B, T, C), with window statistics of ``reference`` where it is given."""
        import torch

        with torch.no_grad():
            given = None if reference is None else torch.tensor(reference)
            return self.trace(torch.tensor(inputs), given).numpy()


@final
@dataclass(frozen=True)
class BlackBox(AbstractForecaster):
    """Any forecaster, by what it answers; it must give the same answer to the same row, wherever the row stands.

    Args:
        forecast: (B, T, C) float64 → (B, F) or (B, F, Q), NumPy in and out.
        learned: as for :class:`Differentiable`.
        channels: the groups of the C channels.
        sees_future: whether T is look-back + horizon.
    """

    forecast: Callable[[np.ndarray], np.ndarray]
    learned: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    channels: Channels = Channels()
    sees_future: bool = False

    def __post_init__(self) -> None:
        self._require_future_for_known_covariates()

    @property
    def has_learned_view(self) -> bool:
        """Whether window statistics can be held fixed."""
        return self.learned is not None

    def evaluate(self, inputs: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
        """Return forecasts of ``inputs`` (B, T, C), with window statistics of ``reference`` where it is given."""
        if reference is None or self.learned is None:
            return np.asarray(self.forecast(inputs))
        return np.asarray(self.learned(inputs, reference))


def fitted_copy(module: Module) -> Module:
    """Return an independent copy of ``module`` with its weights as they are.

    For auditing what a trained network does. The copy lives on the CPU, in float64, in evaluation mode, and its
    parameters need no gradient; ``module`` is left alone.
    """
    return copy.deepcopy(module).cpu().double().eval().requires_grad_(False)


def structure_copy(module: Module, seed: int = 0) -> Module:
    """Return a copy of ``module`` whose parameters are drawn anew from N(0, 0.1²).

    For auditing what a network *can* do, whatever it has learnt: a head that starts at zero passes no gradient
    to its encoder, and a dead unit hides a path. Buffers stay as they are, and so does torch's global generator.

    Args:
        module: any network.
        seed: of the draw; the same seed gives the same copy.
    """
    import torch

    drawn = fitted_copy(module)
    generator = torch.Generator().manual_seed(seed)
    for parameter in drawn.parameters():
        parameter.data.normal_(0.0, 0.1, generator=generator)
    return drawn
