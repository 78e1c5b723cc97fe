"""Options of a forecaster, each written once for the constructor, the plan and the command line; and the recipes."""

from __future__ import annotations

import dataclasses
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
    parameters_of,
    plan_for,
    share,
    starts,
    text,
    value,
    whole,
    words,
)
from nurt.training.settings import CosineDecay, ReduceOnPlateau

if TYPE_CHECKING:
    from nurt.data.scaling import AbstractScaling
    from nurt.training.settings import TrainingSettings

__all__ = ["RECIPES", "ForecastOptions", "ForecastPlan"]


# How a forecaster trains where nothing else is said.
DEFAULT_TRAINING: Mapping[str, Any] = MappingProxyType(
    {"epochs": 30, "batch_size": 64, "learning_rate": 1e-3, "patience": 8, "decay": CosineDecay()}
)


@dataclass(eq=False, repr=False)
class ForecastOptions:
    """Constructor arguments of :class:`nurt.Forecaster`."""

    cell: str = choice(
        "gru", cells, "Recurrence, such as lstm, gru, elman or linear; nurt info lists all.", NETWORK, metavar="CELL"
    )
    look_back: int = whole(60, "Observations the network reads.", TASK, high=1_000_000)
    horizon: int = whole(30, "Observations to forecast.", TASK, high=100_000)
    _: KW_ONLY
    season: int = whole(
        1, "Observations in a season, such as 24 for the hours of a day; 1 means none.", TASK, high=1_000_000
    )
    layers: int = whole(1, "Layers.", NETWORK, high=64)
    hidden: int = whole(64, "Units of each layer.", NETWORK, high=65_536)
    dropout: float = share(0.2, "Share of units silenced while training.", NETWORK, high=0.95)
    strategy: str = choice(
        "parallel",
        ("parallel", "direct", "recursive"),
        "All steps at once, segment by segment from the last state (parallel) or by one map (direct), or one step fed "
        "back (recursive).",
        NETWORK,
    )
    segment: int | None = whole(
        None,
        "Steps that are read, and written in parallel, as one; decided by season and horizon if not given.",
        NETWORK,
        high=100_000,
    )
    start: str = choice(
        "auto",
        starts,
        "Free forecast that the network adds to: anchor for the level of the window, a baseline such as linear, or "
        "auto for the best one on the validation blocks.",
        NETWORK,
        metavar="NAME",
    )
    # An object of nurt.data.scaling may stand for a word.
    scaling: str | AbstractScaling = choice(
        "auto",
        ("auto", "window", "series", "minmax", "standard", "none"),
        "How windows are scaled: window, series, minmax, standard, none, or auto for what validation chooses.",
        NETWORK,
        objects=True,
        metavar="KIND",
    )
    transform: str = choice(
        "auto",
        ("auto", "none", "log", "asinh"),
        "Scale of the target: log for positive values, asinh for both signs, or auto for what validation chooses.",
        NETWORK,
        metavar="KIND",
    )
    calendar: str = choice(
        "auto",
        ("auto", "yes", "no"),
        "Whether hours, days, months and holidays are read; auto asks the validation blocks.",
        NETWORK,
    )
    country: str | None = text(
        None, "Country whose holidays the calendar knows, such as PL; needs the extra calendar.", TASK, metavar="CODE"
    )
    loss: str = choice(
        "quantile",
        ("quantile", "squared", "absolute"),
        "What is minimised: quantile (gives bands), squared or absolute.",
        TRAINING,
        metavar="KIND",
    )
    members: int = whole(
        3, "Networks from different initial weights whose forecasts are averaged.", TRAINING, high=1000
    )
    validation: float = share(
        0.2, "Share of the training data that decides what is best, and when.", TRAINING, high=0.9
    )
    refit: str = choice(
        "train+validation",
        ("none", "train+validation"),
        "Rows that the networks learn from once everything is chosen: all known ones, or none but the training rows.",
        TRAINING,
        metavar="ROWS",
    )
    windows: int = whole(50_000, "The most training windows; of more, as many are drawn.", TRAINING)
    rollout: int | None = value(None, "Steps the loss of a recursive forecaster looks ahead; None means the horizon.")
    levels: tuple[int, ...] = value((80, 95), "Interval levels in per cent that predict can give.")
    training: TrainingSettings | None = value(None, "nurt.TrainingSettings; None means those of the default recipe.")
    random_state: int = value(0, "Seed of initial weights, shuffling and dropout.")
    alias: str | None = value(None, "Name of the forecast; None means the cell's name.")


# What a recipe for lessons holds still: one network from the level of the window, trained once.
PLAIN: Mapping[str, Any] = MappingProxyType(
    {
        "start": "anchor",
        "transform": "none",
        "calendar": "no",
        "refit": "none",
        "members": 1,
        "dropout": 0.0,
        "look_back": 60,
        "horizon": 30,
        "season": 1,
    }
)

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Starts at the best free forecast, learns a fan of quantiles, chooses on validation blocks.
        "default": MappingProxyType({"test": 0.2, **DEFAULT_TRAINING}),
        # One LSTM that starts at the repeat of the last value and stops by the latest rows: nothing is chosen.
        "plain": MappingProxyType(
            {
                **PLAIN,
                "cell": "lstm",
                "hidden": 32,
                "strategy": "direct",
                "scaling": "window",
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
                **PLAIN,
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
                **PLAIN,
                "cell": "lstm",
                "strategy": "direct",
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
        ("default", "plain", "course"),
        "default: starts at the best free forecast, chooses by validation, averages three networks. "
        "plain: one LSTM that starts at the repeat of the last value. "
        "course: three LSTM layers of 50, one step ahead and fed back.",
        NETWORK,
        unlisted=("sine",),
    )
    look_back: Any = whole(
        None, "Observations the network reads; by season and length if not given.", TASK, high=1_000_000
    )
    horizon: Any = whole(None, "Observations to forecast; by season and length if not given.", TASK, high=100_000)
    season: Any = whole(
        None,
        "Observations in a season, such as 24 for the hours of a day; found in the data if not given, 1 means none.",
        TASK,
        high=1_000_000,
    )
    test: float | None = share(None, "Share of the data, the latest, that only judges.", TASK)
    step_size: Any = whole(None, "Observations between the origins that judge; 1 unless the series are many.", TASK)
    baselines: tuple[str, ...] = words(
        ("ets", "arima", "theta"),
        "A statistical model to judge against too; needs the extra statistical; repeatable.",
        TASK,
        option="baseline",
    )

    def settings(self) -> dict[str, Any]:
        """Return the recipe with what this plan overrides, for the report and for :meth:`forecaster`."""
        settings = super().settings()
        if settings.get("strategy", "parallel") != "recursive":
            settings.pop("rollout", None)
        return settings

    def resolved(self) -> ForecastPlan:
        """Return the plan with the sizes that the recipe names, or those of an unfitted forecaster, filled in."""
        defaults = {one.name: one.default for one in parameters_of(ForecastOptions)}
        settings = {"step_size": 1, **defaults, **self.settings()}
        sizes: dict[str, Any] = {name: settings[name] for name in ("look_back", "horizon", "season", "step_size")}
        return dataclasses.replace(self, **sizes)

    def forecaster(self) -> Any:
        """Return the unfitted :class:`nurt.Forecaster` of this plan."""
        return self.estimator()
