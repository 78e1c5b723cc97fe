"""Scales of the target: monotone maps in which a forecast is made, and from which it is taken back.

Where values spread over orders of magnitude, a line and a network do better on their logarithm: a tenth too much then
costs the same at a small value and at a large one [box1964analysis]. For values of both signs with heavy tails the
inverse hyperbolic sine does it on both sides [burbidge1988alternative].
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from nurt.errors import NurtValueError

__all__ = ["AbstractTransform", "Asinh", "Identity", "Log", "candidates", "transform_from_dict"]

# In ranges of the training values: how far outside them a forecast is held.
REACH = 10.0
# Ratio of the 95 % to the 5 % quantile of a series from which on its logarithm is worth a try.
WIDE = 2.0
# Ratio of the 99 % to the 50 % quantile of |y| from which on tails are heavy; 3.8 for the normal distribution.
HEAVY = 6.0
# Share of the median of the positive values that is added to values of which some are 0.
SHIFT = 0.1
# Share of the smallest shifted training value below which the logarithm is continued by its tangent.
FLOOR = 0.1
_LARGEST = float(np.finfo(np.float64).max) / 4


class AbstractTransform(ABC):
    """A monotone map of the target with an exact way back."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in options and tables."""

    @abstractmethod
    def forward(self, values: np.ndarray) -> np.ndarray:
        """Return transformed values, float64 of the same shape; NaN stays NaN."""

    @abstractmethod
    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return values in the units of the target, float64 of the same shape; NaN stays NaN.

        What would run off is held ten training ranges outside the training values.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return plain values from which :func:`transform_from_dict` builds the same transform."""


@final
@dataclass(frozen=True)
class Identity(AbstractTransform):
    """The units of the target themselves."""

    @property
    def name(self) -> str:
        """The name "none"."""
        return "none"

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Return the values."""
        return np.asarray(values, dtype=np.float64)

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return the values, held nowhere."""
        return np.asarray(values, dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the name."""
        return {"name": self.name}


@final
@dataclass(frozen=True)
class Log(AbstractTransform):
    """log(y + shift), continued by its tangent where y + shift is below ``floor``.

    So values that no training row had, zero and below, still have an image, and the way back is exact for them too.

    Args:
        shift: c, in the units of the target, at least 0.
        floor: ε of y + shift, positive: log ε + (y + c - ε)/ε below it.
        lowest, highest: where the way back is held, in the units of the target.

    Raises:
        NurtValueError: a number is not finite or out of range.

    Example:
        >>> Log(1.0).backward(Log(1.0).forward(np.array([0.0, 9.0, np.nan]))).round(12)
        array([ 0.,  9., nan])
    """

    shift: float = 0.0
    floor: float = 1e-300
    lowest: float = -_LARGEST
    highest: float = _LARGEST

    def __post_init__(self) -> None:
        _require_numbers("Log", shift=self.shift, floor=self.floor, lowest=self.lowest, highest=self.highest)
        if self.shift < 0 or self.floor <= 0 or not self.lowest < self.highest or self.highest + self.shift <= 0:
            raise NurtValueError(
                "Log: unusable numbers.",
                expected="shift >= 0, floor > 0 and lowest < highest with highest + shift > 0",
                got=f"shift={self.shift}, floor={self.floor}, lowest={self.lowest}, highest={self.highest}",
            )

    @property
    def name(self) -> str:
        """The name "log"."""
        return "log"

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Return log(y + shift), or its tangent."""
        shifted = np.asarray(values, dtype=np.float64) + self.shift
        low = shifted < self.floor
        # The quotient of a large negative value by a small floor: held at the largest number.
        with np.errstate(over="ignore"):
            tangent = math.log(self.floor) + np.clip((shifted - self.floor) / self.floor, -_LARGEST, None)
        found: np.ndarray = np.where(low, tangent, np.log(np.where(low, self.floor, shifted)))
        return found

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return exp(z) - shift, or the way back of the tangent, between ``lowest`` and ``highest``."""
        given = np.asarray(values, dtype=np.float64)
        bend = math.log(self.floor)
        low = given < bend
        straight = self.floor * (1.0 + np.where(low, given - bend, 0.0))
        curved = np.exp(np.minimum(np.where(low, bend, given), math.log(self.highest + self.shift)))
        found: np.ndarray = np.clip(np.where(low, straight, curved) - self.shift, self.lowest, self.highest)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return name, shift, floor and bounds."""
        return {"name": self.name, **asdict(self)}


@final
@dataclass(frozen=True)
class Asinh(AbstractTransform):
    """asinh(y/scale): linear near 0, logarithmic far from it on both sides.

    Args:
        scale: s, positive, in the units of the target.
        lowest, highest: where the way back is held, in the units of the target.

    Raises:
        NurtValueError: a number is not finite or out of range.

    Example:
        >>> Asinh(2.0).backward(Asinh(2.0).forward(np.array([-50.0, 0.0]))).round(12)
        array([-50.,   0.])
    """

    scale: float = 1.0
    lowest: float = -_LARGEST
    highest: float = _LARGEST

    def __post_init__(self) -> None:
        _require_numbers("Asinh", scale=self.scale, lowest=self.lowest, highest=self.highest)
        if self.scale <= 0 or not self.lowest < self.highest:
            raise NurtValueError(
                "Asinh: unusable numbers.",
                expected="scale > 0 and lowest < highest",
                got=f"scale={self.scale}, lowest={self.lowest}, highest={self.highest}",
            )

    @property
    def name(self) -> str:
        """The name "asinh"."""
        return "asinh"

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Return asinh(y/scale)."""
        with np.errstate(over="ignore"):
            units = np.clip(np.asarray(values, dtype=np.float64) / self.scale, -_LARGEST, _LARGEST)
        found: np.ndarray = np.arcsinh(units)
        return found

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return scale·sinh(z), between ``lowest`` and ``highest``."""
        low, high = (float(self.forward(np.array(bound))) for bound in (self.lowest, self.highest))
        held = np.clip(np.asarray(values, dtype=np.float64), low, high)
        found: np.ndarray = np.clip(self.scale * np.sinh(held), self.lowest, self.highest)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return name, scale and bounds."""
        return {"name": self.name, **asdict(self)}


def candidates(training: Sequence[np.ndarray]) -> tuple[AbstractTransform, ...]:
    """Return the transforms that are worth trying for these training rows, the identity first.

    - :class:`Log` where no value is negative and, in the median over series, the 95 % quantile of y + shift is at least
      twice the 5 % quantile. The shift is 0 where all values are positive, else a tenth of the median of the positive
      ones; the floor is a tenth of the smallest y + shift.
    - :class:`Asinh` where there are values of both signs and the 99 % quantile of |y| is at least six times its median
      (3.8 times for a normal distribution). Its scale is that median.

    Both hold the way back ten training ranges below the smallest and above the largest value.

    Args:
        training: rows that may be learnt from, one array (n,) per series, NaN where missing.
    """
    series = [np.asarray(one, dtype=np.float64) for one in training]
    series = [one[np.isfinite(one)] for one in series]
    values = np.concatenate(series) if series else np.empty(0)
    if not values.size or values.min() == values.max() or np.abs(values).max() > _LARGEST / (4 * REACH):
        return (Identity(),)
    smallest, largest = float(values.min()), float(values.max())
    bounds = smallest - REACH * (largest - smallest), largest + REACH * (largest - smallest)
    if smallest >= 0:
        shift = 0.0 if smallest > 0 else SHIFT * float(np.median(values[values > 0]))
        quantiles = np.array([np.quantile(one + shift, [0.05, 0.95]) for one in series if one.size])
        wide = float(np.median(quantiles[:, 1] / quantiles[:, 0])) >= WIDE
        floor = FLOOR * (smallest + shift)
        return (Identity(), Log(shift, floor, *bounds)) if wide and floor > 0 else (Identity(),)
    size = np.abs(values)
    middle, tail = np.quantile(size, [0.5, 0.99])
    if largest > 0 and middle > 0 and tail >= HEAVY * middle:
        return Identity(), Asinh(float(middle), *bounds)
    return (Identity(),)


def transform_from_dict(saved: Mapping[str, Any]) -> AbstractTransform:
    """Return the transform that ``to_dict`` described.

    Raises:
        NurtValueError: the description is of an unknown transform, lacks a number, or has an unusable one.
    """
    parts = dict(saved)
    kinds: Mapping[str, type[AbstractTransform]] = {"none": Identity, "log": Log, "asinh": Asinh}
    name = parts.pop("name", None)
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None or parts.keys() != kind.__dataclass_fields__.keys():  # type: ignore[attr-defined]  # all are dataclasses
        raise NurtValueError(
            "This does not describe a scale of the target.",
            expected="what to_dict() of a transform gives",
            got=repr(dict(saved))[:200],
        )
    return kind(**parts)


def _require_numbers(owner: str, **numbers: float) -> None:
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise NurtValueError(f"{owner}: `{name}` is no finite number.", expected="a number", got=repr(number))
