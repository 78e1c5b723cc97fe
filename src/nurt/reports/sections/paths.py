"""What the model would have said: its forecasts drawn over what then happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.reports.picture import Picture, axis_unit, plain_text, tick_label

if TYPE_CHECKING:
    from nurt.evaluation.forecasts.cells import Cells

__all__ = ["paths_picture"]

FEWEST_STEPS = 4
MOST_PATHS = 12


def paths_picture(target: str, cells: Cells) -> Picture:
    """Return the truth of the first series with forecast paths over it.

    Paths start one horizon apart, so that they do not hide each other; a horizon too short to be seen as a path is
    drawn as one line of one-step forecasts.
    """
    rows = np.flatnonzero(cells.series == cells.series[0])
    origins = cells.origin[rows]
    figure = plotting.new_figure("", "", axis_unit(target))
    places, truth = _truth(cells, rows)
    figure.add_scatter(
        x=places, y=truth, name="truth", mode="lines", line={"color": plotting.ACTUAL, "width": 1.8},
        hovertemplate="%{y:.5g}",
    )  # fmt: skip
    said = cells.forecasts[cells.model][rows]
    if cells.horizon < FEWEST_STEPS:
        x, y = origins + 1, said[:, 0]
        how = "The blue line is what was said one step earlier."
    else:
        apart = max(cells.horizon, -(-len(rows) // MOST_PATHS))
        chosen = range(0, len(rows), apart)
        steps = np.arange(1, cells.horizon + 1)
        gap = [np.nan]
        x = np.concatenate([part for i in chosen for part in (origins[i] + steps, gap)])
        y = np.concatenate([part for i in chosen for part in (said[i], gap)])
        how = f"Each blue line is one forecast, {cells.horizon} steps long, made where it begins."
    figure.add_scatter(
        x=x, y=y, name=plain_text(cells.model), mode="lines", line={"color": plotting.MODEL, "width": 2.5},
        hovertemplate="%{y:.5g}",
    )  # fmt: skip
    pad = 0.03 * len(places)
    positions, texts = _ticks(cells, rows)
    figure.update_xaxes(
        tickvals=positions, ticktext=texts, tickangle=0, showgrid=False, range=[places[0] - pad, places[-1] + pad]
    )
    several = len(cells.series_names) > 1
    return Picture(
        title="What it would have said" + (f": {cells.series_names[int(cells.series[0])]}" if several else ""),
        description=f"Forecasts of {cells.model} over the true values of the test part.",
        how_to_read=(
            f"{how} It knew nothing to the right of its start. A line that merely continues the last "
            "value, one step late, is no forecast."
        ),
        figures=[figure],
        height=400,
    )


def _truth(cells: Cells, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and true values; several origins know the same position, any of them will do."""
    places = cells.origin[rows][:, None] + np.arange(1, cells.horizon + 1)
    actual = cells.actual[rows]
    at = np.arange(places.min(), places.max() + 1)
    values = np.full(len(at), np.nan)
    known = np.isfinite(actual)
    values[places[known] - at[0]] = actual[known]
    return at, values


def _ticks(cells: Cells, rows: np.ndarray) -> tuple[list[int], list[str]]:
    chosen = np.unique(np.linspace(0, len(rows) - 1, 4).astype(int))
    positions = [int(cells.origin[rows[i]]) for i in chosen]
    if cells.origin_labels is None:
        return positions, [f"observation {position + 1}" for position in positions]
    return positions, [tick_label(cells.origin_labels[rows[i]]) for i in chosen]
