"""What a plan leaves open, from the data: season, look-back, horizon, and how many origins judge."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nurt.data.rhythm import Season, find_seasons, sizes_for
from nurt.data.series import Series
from nurt.data.steps import Step, find_step
from nurt.tasks.forecasting.options import ForecastPlan

__all__ = ["inferred"]

# Forecast paths of the test part that are enough to judge by.
JUDGING = 20_000
# Of thousands of series, so many tell the season.
SAMPLED = 64


def inferred(plan: ForecastPlan, series: Sequence[Series]) -> tuple[ForecastPlan, tuple[str, ...]]:
    """Return the plan with every size filled in, and sentences on what was found.

    Only rows before the test part are looked at: the season is found on the first four fifths of each series, or what
    the plan's share of test leaves.

    Args:
        plan: None where something is left open.
        series: at least one.
    """
    settings = plan.settings()
    open_sizes = [name for name in ("season", "look_back", "horizon") if settings.get(name) is None]
    sizes: dict[str, Any] = {
        name: settings[name] for name in ("season", "look_back", "horizon") if name not in open_sizes
    }
    notes: tuple[str, ...] = ()
    if open_sizes:
        seasons = _seasons(series, settings["test"]) if "season" in open_sizes else _given(settings["season"])
        length = int(np.median([len(one) for one in series]))
        step = _step(series[0])
        found = dict(zip(("look_back", "horizon", "season"), sizes_for(length, step, seasons), strict=True))
        sizes |= {name: found[name] for name in open_sizes}
        if sizes["look_back"] + sizes["horizon"] > length // 2 and "look_back" in open_sizes:
            sizes["look_back"] = max(1, min(sizes["look_back"], length // 2 - sizes["horizon"]))
        notes = (_said(open_sizes, sizes, seasons),)
    step_size = plan.step_size
    if step_size is None:
        paths = sum(math.ceil(len(one) * settings["test"]) for one in series)
        step_size = max(1, math.ceil(paths / JUDGING))
        if step_size > 1:
            notes = (
                *notes,
                f"Every {step_size}th origin of the test part judges: {len(series)} series are enough paths.",
            )
    members = {} if plan.seeds < 2 else {"members": max(plan.seeds, plan.members or 1)}
    changes: dict[str, Any] = {**sizes, **members, "step_size": step_size}
    return dataclasses.replace(plan, **changes), notes


def _seasons(series: Sequence[Series], test: float) -> tuple[Season, ...]:
    """Return the seasons of the rows before the test part, of a sample where there are many series."""
    chosen = [
        series[index] for index in np.unique(np.linspace(0, len(series) - 1, min(SAMPLED, len(series))).astype(int))
    ]
    known = [one.values[: math.ceil(len(one) * (1 - test))] for one in chosen]
    return find_seasons(known if len(known) > 1 else known[0], step=_step(chosen[0]))


def _step(series: Series) -> Step | None:
    return None if series.time is None else find_step(series.time)


def _given(season: int) -> tuple[Season, ...]:
    return (Season(season, 1.0),) if season > 1 else ()


def _said(names: Sequence[str], sizes: dict[str, Any], seasons: Sequence[Season]) -> str:
    found = f"a season of {seasons[0].period} observations" if seasons else "no season"
    words = {"season": f"season {sizes['season']}", "look_back": f"look-back {sizes['look_back']}"}
    words["horizon"] = f"horizon {sizes['horizon']}"
    options = ", ".join("--" + name.replace("_", "-") for name in names)
    return (
        f"Found in the data: {found}. Taken for what was not given: {', '.join(words[name] for name in names)} "
        f"({options} would say otherwise)."
    )
