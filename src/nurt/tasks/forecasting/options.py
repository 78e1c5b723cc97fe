"""Options of a forecaster, each written once for the constructor, the plan and the command line; and the recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nurt.tasks.parameters import (
    NETWORK,
    TASK,
    TRAINING,
    MachineOptions,
    Plan,
    TrainingOptions,
    cells,
    choice,
    plan_for,
    share,
    value,
    whole,
    words,
)
from nurt.training.settings import ReduceOnPlateau

if TYPE_CHECKING:
    from nurt.data.scaling import AbstractScaling
    from nurt.training.settings import TrainingSettings

__all__ = ["RECIPES", "ForecastOptions", "ForecastPlan"]


@dataclass(eq=False, repr=False)
class ForecastOptions:
    """Constructor arguments of :class:`nurt.Forecaster`."""

    cell: str = choice(
        "lstm", cells, "Recurrence, such as lstm, gru, elman or linear; nurt info lists all.", NETWORK, metavar="CELL"
    )
    look_back: int = whole(60, "Observations the network reads.", TASK, high=1_000_000)
    horizon: int = whole(30, "Observations to forecast.", TASK, high=100_000)
    _: KW_ONLY
    season: int = whole(
        1, "Observations in a season, such as 24 for the hours of a day; 1 means none.", TASK, high=1_000_000
    )
    layers: int = whole(1, "Layers.", NETWORK, high=64)
    hidden: int = whole(32, "Units of each layer.", NETWORK, high=65_536)
    dropout: float = share(0.0, "Share of units silenced while training.", NETWORK, high=0.95)
    strategy: str = choice("direct", ("direct", "recursive"), "All steps at once, or one step fed back.", NETWORK)
    # An object of nurt.data.scaling may stand for a word.
    scaling: str | AbstractScaling = choice(
        "window",
        ("window", "minmax", "standard", "none"),
        "How windows are scaled: window, minmax, standard or none.",
        NETWORK,
        objects=True,
        metavar="KIND",
    )
    loss: str = choice(
        "quantile",
        ("quantile", "squared", "absolute"),
        "What is minimised: quantile (gives bands), squared or absolute.",
        TRAINING,
        metavar="KIND",
    )
    validation: float = share(
        0.2, "Share of the training data, the latest, that decides when to stop.", TRAINING, high=0.9
    )
    rollout: int | None = value(None, "Steps the loss of a recursive forecaster looks ahead; None means the horizon.")
    levels: tuple[int, ...] = value((80, 95), "Interval levels in per cent that predict can give.")
    training: TrainingSettings | None = value(None, "nurt.TrainingSettings; None means its defaults.")
    random_state: int = value(0, "Seed of initial weights, shuffling and dropout.")
    alias: str | None = value(None, "Name of the forecast; None means the cell's name.")


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

    kind = "forecaster"
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

    def forecaster(self) -> Any:
        """Return the unfitted :class:`nurt.Forecaster` of this plan."""
        return self.estimator()
