"""What `nurt forecast` builds: a recipe, with the options that override it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nurt.tasks.forecasting.options import ForecastOptions
from nurt.tasks.parameters import (
    NETWORK,
    TASK,
    MachineOptions,
    Plan,
    TrainingOptions,
    choice,
    plan_for,
    share,
    whole,
    words,
)
from nurt.training.decay import ReduceOnPlateau

if TYPE_CHECKING:
    from nurt.tasks.forecasting.forecaster import Forecaster

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


@plan_for(ForecastOptions)
class ForecastPlan(Plan, MachineOptions, TrainingOptions):
    """What the forecast command builds and how it judges it.

    Its fields are ``recipe`` (a key of ``RECIPES``), ``test``, ``step_size`` and ``baselines``, those of
    :class:`Forecaster` and of :class:`nurt.TrainingSettings` that the command offers, and ``seed``, ``seeds`` and
    ``threads``. None leaves the recipe's value. The page of the command line describes each.

    Example:
        >>> ForecastPlan(recipe="course", hidden=9).settings()["hidden"]
        9
    """

    recipes = RECIPES
    recipe: str = choice(
        "default",
        ("default", "course"),
        "default: starts at the repeat of the last value, learns bands, stops by itself. "
        "course: three LSTM layers of 50, one step ahead and fed back.",
        NETWORK,
        unlisted=("sine",),
    )
    test: float | None = share(None, "Share of the data, the latest, that only judges.", TASK)
    step_size: int = whole(1, "Observations between the origins that judge.", TASK)
    baselines: tuple[str, ...] = words(
        ("ets", "arima", "theta"),
        "A statistical model to judge against too; needs the extra statistical; repeatable.",
        TASK,
        option="baseline",
    )

    def settings(self) -> dict[str, Any]:
        """Return the recipe with what this plan overrides, for the report and for :meth:`forecaster`."""
        settings = super().settings()
        if settings.get("strategy") == "direct":
            settings.pop("rollout", None)
        return settings

    def forecaster(self) -> Forecaster:
        """Return the unfitted forecaster of this plan."""
        from nurt.tasks.forecasting.forecaster import Forecaster
        from nurt.training import TrainingSettings

        settings = self.settings()
        model = {name: settings[name] for name in Forecaster.parameter_names() if name in settings}
        trainer = {field.name for field in dataclasses.fields(TrainingSettings)} - {"seed"}
        training = TrainingSettings(**{name: one for name, one in settings.items() if name in trainer})
        return Forecaster(**model | {"training": training, "random_state": self.seed})
