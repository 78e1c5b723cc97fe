"""A surface as a relief."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.diagnostics.surface.colours import SCALE, colour_bar
from nurt.diagnostics.surface.heights import heights
from nurt.diagnostics.surface.picture import LOSS, colour_of
from nurt.diagnostics.surface.raster import Raster, rasterised

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.diagnostics.surface.result import Surface

__all__ = ["relief"]

PIXELS = 120
# Lines lie this share of the height above the surface, so that it does not swallow them.
LIFT = 0.01


def relief(surface: Surface) -> go.Figure:
    """Return the surface in three dimensions, its height on a logarithmic scale."""
    raster = rasterised(surface.points, surface.losses, surface.cells, (surface.x_range, surface.y_range), PIXELS)
    low, high = plotting.colour_range(raster.height)
    bar = colour_bar(raster, LOSS)
    figure = plotting.new_figure("", "", "")
    figure.add_surface(
        x=raster.x, y=raster.y, z=raster.height.astype(np.float32), cmin=low, cmax=high, colorscale=SCALE,
        colorbar=bar, lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05}, name=LOSS, showlegend=False,
        hovertemplate="(%{x:.4g}, %{y:.4g}): 10^%{z:.3f}<extra></extra>",
    )  # fmt: skip
    lift = LIFT * (high - low)
    for overlay in surface.overlays:
        line = {"color": plotting.REFERENCE, "width": 6}
        over = raster.at(np.column_stack([overlay.x, overlay.y])) + lift
        figure.add_scatter3d(x=overlay.x, y=overlay.y, z=over, name=overlay.name, mode="lines", line=line)
    for number, walk in enumerate(surface.trajectories):
        line = {"color": colour_of(number), "width": 5}
        on = _on_surface(raster, walk.points, walk.losses) + lift
        # Points far outside would take the whole scene.
        x, y = np.where(np.isfinite(on), walk.points.T, np.nan)
        figure.add_scatter3d(x=x, y=y, z=on, name=walk.name, mode="lines", line=line)
    axis = {"backgroundcolor": "#FFFFFF", "gridcolor": "#DDDDDD", "tickfont": {"size": 10}}
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 64, "b": 24},
        scene={
            "xaxis": {**axis, "title": {"text": surface.x_name, "font": {"size": 12}}, "range": list(surface.x_range)},
            "yaxis": {**axis, "title": {"text": surface.y_name, "font": {"size": 12}}, "range": list(surface.y_range)},
            "zaxis": {
                **axis,
                "title": {"text": ""},
                "range": [low, high + 4 * lift],
                "tickvals": bar["tickvals"],
                "ticktext": bar["ticktext"],
            },
            "aspectratio": {"x": 1, "y": 1, "z": 0.6},
            "camera": {"eye": {"x": 1.2, "y": -1.45, "z": 1.15}},
        },
    )
    return figure


def _on_surface(raster: Raster, points: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return the height of a walk; where its loss is unknown, that of the surface; NaN outside of the picture."""
    under = raster.at(points)
    on = np.where(np.isfinite(losses), heights(losses, raster.signed), under)
    return np.where(np.isnan(under), np.nan, on.clip(*plotting.colour_range(raster.height)))
