"""A baseline in another scale: fitted to transformed values, its forecasts taken back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np

from nurt import plotting
from nurt.evaluation.forecasts.baselines.base import (
    AbstractBaseline,
    AbstractFittedBaseline,
    BaselineLabel,
    ForecastRequest,
    History,
    lifted,
)
from nurt.plotting import LineStyle
from nurt.wording import Text

__all__ = ["FittedTransformed", "Transform", "Transformed", "label_in_scale", "parts_of"]

_WORDS = {
    "log": Text("on a logarithmic scale", "w skali logarytmicznej"),
    "asinh": Text("on an asinh scale", "w skali asinh"),
}
_SEPARATOR = " on "


class Transform(Protocol):
    """A monotone map of the target with a way back, such as those of :mod:`nurt.data.transforms`."""

    @property
    def name(self) -> str:
        """Its name in tables, such as "log"."""

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Return transformed values of the same shape; NaN stays NaN."""

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return values in the units of the target."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that describe it."""


def label_in_scale(label: BaselineLabel, scale: str) -> BaselineLabel:
    """Return the label of a baseline that works in a scale, such as "log"."""
    words = _WORDS.get(scale, Text(f"on the scale {scale}", f"w skali {scale}"))
    dashes = plotting.DASHES
    dash = dashes[(dashes.index(label.line.dash) + 1) % len(dashes)] if label.line.dash in dashes else label.line.dash
    return BaselineLabel(
        f"{label.name}{_SEPARATOR}{scale}",
        f"{label.short} on {scale}",
        Text(f"{label.action.en} {words.en}", f"{label.action.pl} {words.pl}"),
        LineStyle(label.line.colour, dash, label.line.width),
    )


def parts_of(name: str) -> tuple[str, str]:
    """Return the names of baseline and scale in the name of a transformed one; the scale is "" for any other."""
    plain, found, scale = name.rpartition(_SEPARATOR)
    return (plain, scale) if found else (name, "")


@final
@dataclass(frozen=True)
class Transformed(AbstractBaseline):
    """A baseline fitted to transformed values, whose forecasts are taken back.

    What it forecasts is the image of a mean, which for a logarithm is nearer to the median of the values than to their
    mean: absolute errors gain by that, squared ones need not.

    Args:
        baseline: what forecasts.
        transform: of the values; features and covariates stay as they are.
    """

    baseline: AbstractBaseline
    transform: Transform

    @property
    def label(self) -> BaselineLabel:
        """How it is named and drawn."""
        return label_in_scale(self.baseline.label, self.transform.name)

    def fit(self, training: Sequence[History | np.ndarray]) -> FittedTransformed:
        """Fit the baseline to the transformed values of every series."""
        fitted = self.baseline.fit([_in_scale(one, self.transform) for one in lifted(training)])
        return FittedTransformed(fitted, self.transform, fitted.notes)


@final
@dataclass(frozen=True)
class FittedTransformed(AbstractFittedBaseline):
    """A fitted baseline and the scale it works in.

    Args:
        fitted: forecasts in the transformed scale.
        transform: of the values.
        notes: those of ``fitted``.
    """

    fitted: AbstractFittedBaseline
    transform: Transform
    notes: tuple[str, ...] = ()

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        history = _in_scale(request.history, self.transform)
        return self.transform.backward(self.fitted.forecast(history, request.origins, request.horizon, request.series))


def _in_scale(history: History, transform: Transform) -> History:
    return dataclasses.replace(history, values=transform.forward(history.values))
