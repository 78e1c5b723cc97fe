"""Scaling: a window enters the model as (x - anchor) / scale, and forecasts are anchor + scale · ŷ.

Statistics are fitted on training rows only, or taken from the window itself. They are differentiable; to hold them
constant, as an audit of the learned part does, detach what :meth:`FittedScaling.statistics` returns.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor

from nurt.errors import DataError, NurtValueError

__all__ = [
    "SCALINGS",
    "AbstractScaling",
    "FittedScaling",
    "FixedStatistics",
    "MinMaxScaling",
    "StandardScaling",
    "WindowScaling",
    "WindowStatistics",
    "restore",
    "scaling_from_dict",
    "standardise",
]

Anchor = Literal["last", "mean", "none"]
Scale = Literal["window", "series", "train", "none"]
# Spread, relative to the level, below which a window counts as constant.
_FLAT = 1e-8


def standardise(values: Tensor, anchor: Tensor, scale: Tensor) -> Tensor:
    """Return (values - anchor) / scale: window units. Shapes (B, T or F) with statistics (B, 1)."""
    return (values - anchor) / scale


def restore(values: Tensor, anchor: Tensor, scale: Tensor) -> Tensor:
    """Return anchor + scale · values: back in the units of the data. Shapes as in :func:`standardise`."""
    return anchor + scale * values


def _require_choices(anchor: str, scale: str) -> None:
    for argument, given, allowed in (
        ("anchor", anchor, ("last", "mean", "none")),
        ("scale", scale, ("window", "series", "train", "none")),
    ):
        if given not in allowed:
            raise NurtValueError(
                f"WindowScaling: unknown {argument}.", expected=f"one of {', '.join(allowed)}", got=repr(given)
            )


def _require_statistics(anchor: float, scale: float) -> None:
    numbers = all(isinstance(number, int | float) and math.isfinite(number) for number in (anchor, scale))
    if not numbers or scale <= 0:
        raise NurtValueError(
            "A scaling has unusable statistics.",
            expected="a finite anchor and a finite positive scale",
            got=f"{anchor!r} and {scale!r}",
        )


class FittedScaling(ABC):
    """A fitted scaling: returns the statistics of each window."""

    @abstractmethod
    def statistics(self, inputs: Tensor, observed: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return anchor and scale of each window.

        Args:
            inputs: windows in the units of the data, shape (B, T); cells that are not observed may hold any value.
            observed: True where an input is not missing, bool (B, T).
            spread: spread of the series of each window, shape (B, 1), positive; only a scale of the series needs it.

        Returns:
            anchor and scale, each (B, 1), finite and the scale positive; 0 and 1 for a window without observations.

        Raises:
            NurtValueError: a scale of the series, and no ``spread``.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return plain values from which :func:`scaling_from_dict` builds the same scaling."""


class AbstractScaling(ABC):
    """The settings of a scaling."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in a table of results."""

    @abstractmethod
    def fit(self, training: Sequence[np.ndarray]) -> FittedScaling:
        """Fit the scaling to training values only.

        Args:
            training: the training rows of each series, shape (n_i,), NaN where missing.

        Raises:
            DataError: no value in them is observed.
        """


@final
@dataclass(frozen=True)
class WindowScaling(AbstractScaling):
    """Scale each window by its own level and spread.

    a = last observed value of the window, s = population standard deviation of its observed values, and s = 1 where
    s < 1e-8·max(1, |a|), a flat window. A head that starts at zero then repeats the last value.

    Args:
        anchor: "last" observed value, "mean" of the observed values, or "none" (0).
        scale: "window", the spread within the window; "series", that of the series the window is from, which the
            caller knows; "train", that of all training values around the means of their series; or "none" (1).
    """

    anchor: Anchor = "last"
    scale: Scale = "window"

    def __post_init__(self) -> None:
        _require_choices(self.anchor, self.scale)

    @property
    def name(self) -> str:
        """Anchor and scale; "none" where there is neither."""
        if self.anchor == self.scale == "none":
            return "none"
        return f"anchor={self.anchor}, scale={self.scale}"

    def fit(self, training: Sequence[np.ndarray]) -> WindowStatistics:
        """Return the fitted scaling; only ``scale="train"`` looks at the training values."""
        if self.scale != "train":
            return WindowStatistics(self.anchor, self.scale)
        observed = _observed(training)
        deviations = np.concatenate([values - values.mean() for values in observed])
        spread = float(np.sqrt(np.mean(deviations**2)))
        level = max(abs(float(values.mean())) for values in observed)
        return WindowStatistics(self.anchor, self.scale, _or_one(spread, level))


@final
@dataclass(frozen=True)
class MinMaxScaling(AbstractScaling):
    """Map the training values to 0 … 1: anchor is their minimum, scale their range, or 1 if they are constant."""

    @property
    def name(self) -> str:
        """The name "minmax"."""
        return "minmax"

    def fit(self, training: Sequence[np.ndarray]) -> FixedStatistics:
        """Return minimum and range of all observed training values."""
        values = np.concatenate(_observed(training))
        low, high = float(values.min()), float(values.max())
        return FixedStatistics(self.name, low, _or_one(high - low, low))


@final
@dataclass(frozen=True)
class StandardScaling(AbstractScaling):
    """Map the training values to mean 0 and population standard deviation 1; the scale is 1 if they are constant."""

    @property
    def name(self) -> str:
        """The name "standard"."""
        return "standard"

    def fit(self, training: Sequence[np.ndarray]) -> FixedStatistics:
        """Return mean and standard deviation of all observed training values."""
        values = np.concatenate(_observed(training))
        mean = float(values.mean())
        return FixedStatistics(self.name, mean, _or_one(float(values.std()), mean))


@final
@dataclass(frozen=True)
class FixedStatistics(FittedScaling):
    """The same anchor and scale for every window.

    Args:
        name: of the scaling that was fitted.
        anchor: a.
        scale: s, positive.
    """

    name: str
    anchor: float
    scale: float

    def __post_init__(self) -> None:
        _require_statistics(self.anchor, self.scale)

    def statistics(
        self,
        inputs: Tensor,
        observed: Tensor,  # noqa: ARG002  # of the contract
        spread: Tensor | None = None,  # noqa: ARG002  # of the contract
    ) -> tuple[Tensor, Tensor]:
        """Return the fitted anchor and scale for each window."""
        column = inputs.new_ones((inputs.shape[0], 1))
        return column * self.anchor, column * self.scale

    def to_dict(self) -> dict[str, Any]:
        """Return name, anchor and scale."""
        return asdict(self)


@final
@dataclass(frozen=True)
class WindowStatistics(FittedScaling):
    """Anchor and scale of each window, from its observed values.

    Args:
        anchor: as in :class:`WindowScaling`.
        scale: as in :class:`WindowScaling`.
        train_scale: s where ``scale`` is "train".
    """

    anchor: Anchor
    scale: Scale
    train_scale: float = 1.0

    def __post_init__(self) -> None:
        _require_choices(self.anchor, self.scale)
        _require_statistics(0.0, self.train_scale)

    def statistics(self, inputs: Tensor, observed: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return anchor and scale of each window, differentiable with respect to its observed inputs."""
        values = torch.where(observed, inputs, 0.0)
        count = observed.sum(dim=1, keepdim=True).clamp(min=1)
        last = values.gather(1, _last_observed(observed))
        # Deviations from the last value: a constant window gives exactly 0, in float32 too.
        deviations = torch.where(observed, values - last, 0.0)
        mean_deviation = deviations.sum(dim=1, keepdim=True) / count
        anchors = {"last": last, "mean": last + mean_deviation, "none": torch.zeros_like(last)}
        anchor = anchors[self.anchor]
        if self.scale == "series":
            if spread is None:
                raise NurtValueError(
                    "WindowScaling: a scale of the series needs the spread of the series of each window.",
                    expected="`spread`, shape (B, 1)",
                    got="None",
                )
            return anchor, spread.to(last.dtype)
        if self.scale != "window":
            return anchor, torch.full_like(last, self.train_scale if self.scale == "train" else 1.0)
        centred = torch.where(observed, deviations - mean_deviation, 0.0)
        variance = (centred**2).sum(dim=1, keepdim=True) / count
        flat = variance.detach().sqrt() < _FLAT * last.detach().abs().clamp(min=1.0)
        # The square root has an infinite derivative at 0, so flat windows must not reach it.
        return anchor, torch.where(flat, 1.0, torch.where(flat, 1.0, variance).sqrt())

    def to_dict(self) -> dict[str, Any]:
        """Return name, anchor, scale and the scale of the training values."""
        return {"name": "window", **asdict(self)}


SCALINGS: Mapping[str, AbstractScaling] = {
    "window": WindowScaling(),
    "series": WindowScaling("last", "series"),
    "minmax": MinMaxScaling(),
    "standard": StandardScaling(),
    "none": WindowScaling("none", "none"),
}
"""Scalings by the name a command or a configuration gives them."""


def scaling_from_dict(saved: Mapping[str, Any]) -> FittedScaling:
    """Return the scaling that ``to_dict`` described.

    Raises:
        NurtValueError: the description is of an unknown scaling, or has an invalid number.
    """
    parts = dict(saved)
    try:
        if parts.get("name") == "window":
            return WindowStatistics(**{name: part for name, part in parts.items() if name != "name"})
        if parts.get("name") in ("minmax", "standard"):
            return FixedStatistics(**parts)
    except TypeError:
        pass
    raise NurtValueError(
        "This does not describe a scaling.", expected="what to_dict() of a fitted scaling gives", got=repr(dict(saved))
    )


def _last_observed(observed: Tensor) -> Tensor:
    """Return the index of the last True of each row, (B, 1); 0 where there is none."""
    steps = torch.arange(observed.shape[1], device=observed.device)
    return (observed * steps).argmax(dim=1, keepdim=True)


def _observed(training: Sequence[np.ndarray]) -> list[np.ndarray]:
    observed = [values[np.isfinite(values)] for values in map(np.asarray, training)]
    found = [values.astype(np.float64) for values in observed if values.size]
    if not found:
        raise DataError("Scaling: the training part holds no observed value.", cure="Give more training data.")
    return found


def _or_one(scale: float, level: float) -> float:
    return 1.0 if scale < _FLAT * max(1.0, abs(level)) else scale
