"""Baselines: simple forecasts that every model is measured against, on the same origins.

A baseline is a small frozen value. ``fit`` takes the training rows of every series and gives something that can
``forecast``; nothing it does reads an observation after the origin. A class owns its name, its words and its line
(``label``); with one line in the registry below it is known to back-tests, reports and options::

    fitted = Linear(look_back=60, horizon=30).fit([values[:train_end]])
    forecasts = fitted.forecast(values, origins, horizon=30)          # (N, F)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from nurt.errors import NurtValueError
from nurt.evaluation.forecasts.baselines import statistical
from nurt.evaluation.forecasts.baselines.base import AbstractBaseline, AbstractFittedBaseline, BaselineLabel, History
from nurt.evaluation.forecasts.baselines.linear import AHEAD_RIDGE, Linear
from nurt.evaluation.forecasts.baselines.linear import LABELS as LINEAR
from nurt.evaluation.forecasts.baselines.seasonal import SeasonalDrift, SeasonalNaive
from nurt.evaluation.forecasts.baselines.simple import Drift, Mean, Naive, WindowMean
from nurt.evaluation.forecasts.baselines.statistical import Statistical
from nurt.evaluation.forecasts.baselines.stored import fitted_from_state, state_of
from nurt.evaluation.forecasts.baselines.transformed import Transform, Transformed, label_in_scale, parts_of
from nurt.wording import Text

__all__ = [
    "BASELINES",
    "STARTS",
    "STATISTICAL",
    "AbstractBaseline",
    "AbstractFittedBaseline",
    "BaselineLabel",
    "Drift",
    "History",
    "Linear",
    "Mean",
    "Naive",
    "SeasonalDrift",
    "SeasonalNaive",
    "Statistical",
    "Transform",
    "Transformed",
    "WindowMean",
    "baseline",
    "default_baselines",
    "fitted_from_state",
    "forecast_origins",
    "label_of",
    "state_of",
]


class _WindowSizes(NamedTuple):
    """Sizes that a baseline may be built from, in observations."""

    look_back: int
    horizon: int
    season: int


class _Entry(NamedTuple):
    """A baseline of the registry: how it is called, how it is built, and which back-tests run it."""

    label: BaselineLabel
    build: Callable[[_WindowSizes], AbstractBaseline]
    run: Literal["always", "with a season", "with what is known", "on request"] = "always"


_REGISTRY: tuple[_Entry, ...] = (
    _Entry(Naive.label, lambda _: Naive()),
    _Entry(SeasonalNaive.label, lambda sizes: SeasonalNaive(sizes.season), "with a season"),
    _Entry(SeasonalDrift.label, lambda sizes: SeasonalDrift(sizes.season), "with a season"),
    _Entry(Drift.label, lambda sizes: Drift(sizes.look_back)),
    _Entry(Mean.label, lambda _: Mean()),
    _Entry(WindowMean.label, lambda sizes: WindowMean(sizes.look_back)),
    _Entry(LINEAR["linear"], lambda sizes: Linear(sizes.look_back, sizes.horizon)),
    _Entry(LINEAR["nlinear"], lambda sizes: Linear(sizes.look_back, sizes.horizon, anchored=True)),
    _Entry(
        LINEAR["linear_ahead"],
        lambda sizes: Linear(sizes.look_back, sizes.horizon, knows_ahead=True, ridge=AHEAD_RIDGE),
        "with what is known",
    ),
    _Entry(
        LINEAR["nlinear_ahead"],
        lambda sizes: Linear(sizes.look_back, sizes.horizon, anchored=True, knows_ahead=True, ridge=AHEAD_RIDGE),
        "with what is known",
    ),
    _Entry(statistical.LABELS["ets"], lambda sizes: Statistical("ets", sizes.season), "on request"),
    _Entry(statistical.LABELS["arima"], lambda sizes: Statistical("arima", sizes.season), "on request"),
    _Entry(statistical.LABELS["theta"], lambda sizes: Statistical("theta", sizes.season), "on request"),
)
_BY_NAME = {entry.label.name: entry for entry in _REGISTRY}

BASELINES: tuple[str, ...] = tuple(_BY_NAME)
"""Names that :func:`baseline` knows, in the order of tables."""

STATISTICAL: tuple[str, ...] = tuple(entry.label.name for entry in _REGISTRY if entry.run == "on request")
"""Those that run on request only; they need the extra ``nurt[statistical]``."""


def baseline(name: str, look_back: int, horizon: int, season: int = 1) -> AbstractBaseline:
    """Return the baseline of that name.

    Args:
        name: one of :data:`BASELINES`.
        look_back: L, in observations, for baselines that read a window.
        horizon: F, for those that are fitted to it.
        season: m, in observations, for seasonal ones.

    Raises:
        NurtValueError: there is no baseline of that name.
    """
    if name not in _BY_NAME:
        raise NurtValueError("There is no baseline of this name.", expected="one of " + ", ".join(BASELINES), got=name)
    return _BY_NAME[name].build(_WindowSizes(look_back, horizon, season))


STARTS: tuple[str, ...] = tuple(entry.label.name for entry in _REGISTRY if entry.run != "on request")
"""Those that a network may start at."""


def default_baselines(
    look_back: int,
    horizon: int,
    season: int = 1,
    *,
    knows_ahead: bool = False,
    transforms: Sequence[Transform] = (),
) -> tuple[AbstractBaseline, ...]:
    """Return the baselines every back-test runs.

    Args:
        look_back: L, in observations.
        horizon: F.
        season: m; the seasonal repeat runs only where there is one.
        knows_ahead: whether the series are histories with something known of the steps ahead, or with past covariates;
            then two more lines read it.
        transforms: further scales in which the lines, and the last season with its drift, are run too.
    """
    sizes = _WindowSizes(look_back, horizon, season)
    runs = ["always", *(["with a season"] if season > 1 else []), *(["with what is known"] if knows_ahead else [])]
    plain = [entry.build(sizes) for entry in _REGISTRY if entry.run in runs]
    scaled = [one for one in plain if isinstance(one, Linear | SeasonalDrift)]
    return (*plain, *(Transformed(one, transform) for transform in transforms for one in scaled))


def label_of(name: str) -> BaselineLabel:
    """Return the label of the baseline ``name``; any other forecaster is called by its name and drawn as a reference.

    Example:
        >>> label_of("naive").short, label_of("naive").action.en, label_of("LSTM").short
        ('repeat last value', 'repeating the last value', 'LSTM')
        >>> label_of("linear on log").action.en
        'closed-form linear regression on a logarithmic scale'
    """
    plain, scale = parts_of(name)
    if plain not in _BY_NAME:
        return BaselineLabel(name, name, Text(name, name))
    return label_in_scale(_BY_NAME[plain].label, scale) if scale else _BY_NAME[plain].label


def forecast_origins(
    fitted: Mapping[str, AbstractFittedBaseline],
    values: Sequence[History | np.ndarray],
    series: np.ndarray,
    origin: np.ndarray,
    horizon: int,
) -> dict[str, np.ndarray]:
    """Forecast many series at once: the rows that ``Cells`` keeps.

    Args:
        fitted: fitted baselines by name.
        values: all series, as histories or as arrays (n,).
        series: index of the series of each origin, shape (N,).
        origin: position of the last observation used, shape (N,).
        horizon: F.

    Returns:
        Forecasts by name, each (N, F).
    """
    forecasts = {name: np.full((len(origin), horizon), np.nan) for name in fitted}
    for index in np.unique(series):
        rows = series == index
        for name, member in fitted.items():
            forecasts[name][rows] = member.forecast(values[index], origin[rows], horizon, int(index))
    return forecasts
