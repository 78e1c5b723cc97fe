"""ETS, ARIMA and Theta through the optional package statsforecast; never required.

Each series gets one model, chosen and estimated on its training rows. At every origin the estimated model is run
over the values up to there, its parameters held fixed, so it meets the same information as a network that was
trained once. These models do not accept missing values: each is replaced by the last value observed before it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from nurt import plotting
from nurt.errors import MissingExtraError, NurtValueError
from nurt.evaluation.forecasts.baselines.base import (
    AbstractBaseline,
    AbstractFittedBaseline,
    BaselineLabel,
    ForecastRequest,
    History,
    last_observed,
    lifted,
)
from nurt.plotting import LineStyle
from nurt.wording import Text

__all__ = ["LABELS", "FittedStatistical", "Statistical", "StatisticalKind"]

StatisticalKind: TypeAlias = Literal["ets", "arima", "theta"]

LABELS: dict[StatisticalKind, BaselineLabel] = {
    "ets": BaselineLabel(
        "ets",
        "ETS",
        Text("exponential smoothing (ETS)", "wygładzanie wykładnicze (ETS)"),
        LineStyle(plotting.PALETTE[5], "longdash"),
    ),
    "arima": BaselineLabel("arima", "ARIMA", Text("ARIMA", "ARIMA"), LineStyle(plotting.PALETTE[7], "dot")),
    "theta": BaselineLabel(
        "theta", "Theta", Text("the Theta method", "metoda Theta"), LineStyle(plotting.PALETTE[0], "dot")
    ),
}
_CLASSES = {"ets": "AutoETS", "arima": "AutoARIMA", "theta": "Theta"}


@final
@dataclass(frozen=True)
class Statistical(AbstractBaseline):
    """A classical model, its form chosen automatically on the training rows.

    Args:
        kind: "ets" (exponential smoothing), "arima" or "theta"; also the name of the baseline.
        season: m, in observations; 1 = none.
    """

    kind: StatisticalKind
    season: int = 1

    def __post_init__(self) -> None:
        if self.kind not in _CLASSES:
            raise NurtValueError(
                "Statistical: unknown kind.", expected=" or ".join(map(repr, _CLASSES)), got=repr(self.kind)
            )
        if self.season < 1:
            raise NurtValueError(
                "Statistical: a season is a number of observations.", expected="season >= 1", got=str(self.season)
            )

    @property
    def label(self) -> BaselineLabel:
        """How it is named and drawn."""
        return LABELS[self.kind]

    def fit(self, training: Sequence[History | np.ndarray]) -> FittedStatistical:
        """Estimate one model per series; a series with too few training values gets none.

        Raises:
            MissingExtraError: statsforecast is not installed.
        """
        model = _model_class(self.kind)
        # Below this the automatic choice of a form has nothing to choose from, and the package raises.
        needed = max(10, 2 * self.season + 2)
        histories = [_observed_history(one.training_values()) for one in lifted(training)]
        models = tuple(
            model(season_length=self.season).fit(history) if len(history) >= needed else None for history in histories
        )
        short = sum(model is None for model in models)
        notes = (f"{short} series with fewer than {needed} training values got no {self.kind} model",) if short else ()
        return FittedStatistical(models, notes)


@final
@dataclass(frozen=True)
class FittedStatistical(AbstractFittedBaseline):
    """Estimated models, one per series; None where the training rows were too few."""

    models: tuple[Any, ...]
    notes: tuple[str, ...] = ()

    def _forecast(self, request: ForecastRequest) -> np.ndarray:
        if request.series is None or not 0 <= request.series < len(self.models):
            raise NurtValueError(
                "forecast: the baseline was not fitted to this series.",
                expected=f"series 0 .. {len(self.models) - 1}",
                got=str(request.series),
            )
        model = self.models[request.series]
        forecasts = np.full((len(request.origins), request.horizon), np.nan)
        if model is None:
            return forecasts
        for row, origin in enumerate(request.origins):
            history = _observed_history(request.values[: origin + 1])
            if len(history):
                forecasts[row] = model.forward(history, h=request.horizon)["mean"]
        return forecasts


def _observed_history(values: np.ndarray) -> np.ndarray:
    """Return the values from the first observed one on, each missing one replaced by the last observed before it."""
    position = last_observed(values)
    return np.ascontiguousarray(values[position[position >= 0]], dtype=np.float64)


def _model_class(kind: str) -> Any:
    try:
        models = importlib.import_module("statsforecast.models")
    except ImportError as error:
        raise MissingExtraError(
            f"The baseline {kind!r} needs the package statsforecast, which is not installed.",
            cure='Install it with `pip install "nurt[statistical]"`, or leave this baseline out.',
        ) from error
    return getattr(models, _CLASSES[kind])
