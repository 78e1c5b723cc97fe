"""Options of a forecaster, each written once for the constructor, the plan and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from nurt.tasks.parameters import NETWORK, TASK, TRAINING, choice, share, value, whole

if TYPE_CHECKING:
    from nurt.data.scaling import AbstractScaling
    from nurt.training import TrainingSettings

__all__ = ["ForecastOptions"]


def _cells() -> Iterable[str]:
    # Torch is loaded only when a name is to be checked.
    from nurt.nn import CELLS

    return CELLS


@dataclass(eq=False, repr=False)
class ForecastOptions:
    """Constructor arguments of :class:`nurt.Forecaster`."""

    cell: str = choice(
        "lstm", _cells, "Recurrence, such as lstm, gru, elman or linear; nurt info lists all.", NETWORK, metavar="CELL"
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
