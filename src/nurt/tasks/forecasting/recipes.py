"""What `nurt forecast` builds: the house's own recipe and the course's, with what a person overrides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nurt.tasks.forecasting.forecaster import Forecaster
from nurt.tasks.forecasting.options import one_of
from nurt.training import ReduceOnPlateau, TrainingSettings

__all__ = ["RECIPES", "ForecastPlan"]

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Starts at the repeat of the last value, learns a fan of quantiles, stops by a validation part.
        "default": MappingProxyType(
            {
                "test": 0.2,
                "epochs": 100,
                "batch_size": 32,
                "patience": 15,
                "decay": ReduceOnPlateau(factor=0.5, patience=5),
            }
        ),
        # The course sheet: three layers of 50, min-max scaling, one step ahead and fed back, 20 epochs over all
        # training windows. Its scaler saw the test part; here it is fitted on the training rows.
        "course": MappingProxyType(
            {
                "cell": "lstm",
                "layers": 3,
                "hidden": 50,
                "dropout": 0.2,
                "strategy": "recursive",
                "rollout": 1,
                "scaling": "minmax",
                "loss": "squared",
                "validation": 0.0,
                "epochs": 20,
                "batch_size": 32,
                "learning_rate": 1e-3,
                "clip_norm": None,
                "patience": None,
                "test": 0.2,
            }
        ),
        # The course's exercise on a noisy sine: LSTM(8), unscaled, on all training windows until it converges.
        "sine": MappingProxyType(
            {
                "cell": "lstm",
                "hidden": 8,
                "scaling": "none",
                "loss": "squared",
                "validation": 0.0,
                "epochs": 300,
                "batch_size": 32,
                "learning_rate": 1e-3,
                "clip_norm": None,
                "patience": None,
                "test": 0.2,
            }
        ),
    }
)


@dataclass(frozen=True)
class ForecastPlan:
    """What the forecast command is told; None leaves the recipe's value.

    Args:
        recipe: key of ``RECIPES``.
        look_back, horizon, season: in observations.
        test: share of the one-step windows, latest in time, that only judges.
        step_size: observations between the origins that judge.
        seeds: how many initialisations to train; above 1 the spread is part of the verdict.
        cell, layers, hidden, dropout, strategy, scaling, loss, validation: see :class:`Forecaster`.
        epochs, batch_size, learning_rate, patience: see :class:`nurt.training.TrainingSettings`.
        seed: seed of the first initialisation.
        threads: computing threads; results may differ in the last bits with their number.
        baselines: further baselines to judge by, such as "ets", "arima" and "theta" of the extra ``statistical``.
    """

    recipe: str = "default"
    look_back: int = 60
    horizon: int = 30
    season: int = 1
    test: float | None = None
    step_size: int = 1
    seeds: int = 1
    cell: str | None = None
    layers: int | None = None
    hidden: int | None = None
    dropout: float | None = None
    strategy: str | None = None
    scaling: str | None = None
    loss: str | None = None
    validation: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    patience: int | None = None
    seed: int = 0
    threads: int = 1
    baselines: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return the recipe with what this plan overrides, for the report and for :meth:`forecaster`."""
        one_of("recipe", self.recipe, RECIPES)
        told = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        settings = dict(RECIPES[self.recipe]) | told
        if settings.get("strategy") == "direct":
            settings.pop("rollout", None)
        return settings

    def forecaster(self) -> Forecaster:
        """Return the unfitted forecaster of this plan."""
        settings = self.settings()
        model = {name: settings[name] for name in Forecaster.parameter_names() if name in settings}
        trainer = {field.name for field in dataclasses.fields(TrainingSettings)} - {"seed"}
        training = TrainingSettings(**{name: value for name, value in settings.items() if name in trainer})
        return Forecaster(**model | {"training": training, "random_state": self.seed})
