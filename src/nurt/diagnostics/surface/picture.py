"""Maps of a surface, with walks, known lines and points of interest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.diagnostics.surface.colours import SCALE, colour_bar
from nurt.diagnostics.surface.raster import Raster, rasterised
from nurt.diagnostics.surface.trajectory import Trajectory

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nurt.diagnostics.surface.result import Overlay, Surface

__all__ = ["LOSS", "colour_of", "gradient_map", "loss_map"]

LOSS = "loss ℓ"
NOT_FINITE = "#F2B8A0"
SLOPE = "norm of the gradient ‖∇ℓ‖"
PIXELS = 240
# Those of the house that neither the colours of the map nor the white of the page swallow.
COLOURS = ("#D55E00", "#CC79A7", "#56B4E9", "#1A1A1A", "#E69F00")
# Outlines of more dots than this would merge into a band.
OUTLINED = 60


def loss_map(surface: Surface) -> go.Figure:
    """Return a map of the loss."""
    return _map(surface, surface.losses, LOSS)


def gradient_map(surface: Surface) -> go.Figure:
    """Return a map of the norm of the gradient within the plane."""
    return _map(surface, surface.gradient_norms, SLOPE)


def colour_of(number: int) -> str:
    """Return the colour of walk number ``number``."""
    return COLOURS[number % len(COLOURS)]


def _map(surface: Surface, values: np.ndarray, title: str) -> go.Figure:
    raster = rasterised(surface.points, values, surface.cells, (surface.x_range, surface.y_range), PIXELS)
    figure = plotting.new_figure("", surface.x_name, surface.y_name)
    _add_heights(figure, raster, title)
    _add_broken(figure, surface, raster, values)
    _add_points(figure, surface)
    for overlay in surface.overlays:
        _add_overlay(figure, overlay)
    for number, walk in enumerate(surface.trajectories):
        _add_walk(figure, walk, number)
    for number, marker in enumerate(surface.markers):
        figure.add_scatter(
            x=[marker.x],
            y=[marker.y],
            name=marker.name,
            mode="markers",
            marker=plotting.marker(number),
            hoverinfo="name",
        )
    figure.update_xaxes(range=list(surface.x_range), showgrid=False, constrain="domain")
    figure.update_yaxes(range=list(surface.y_range), showgrid=False)
    figure.update_layout(
        hovermode="closest", plot_bgcolor="#DDDDDD", margin={"l": 48, "r": 12, "t": 64, "b": 48},
        legend={"itemsizing": "constant", "font": {"size": 12}, "bgcolor": "rgba(0,0,0,0)"},
    )  # fmt: skip
    return figure


def _add_heights(figure: go.Figure, raster: Raster, title: str) -> None:
    low, high = plotting.colour_range(raster.height)
    figure.add_heatmap(
        x=raster.x,
        y=raster.y,
        z=raster.height.astype(np.float32),
        zmin=low,
        zmax=high,
        colorscale=SCALE,
        colorbar=colour_bar(raster, title),
        hovertemplate="(%{x:.4g}, %{y:.4g}): 10^%{z:.3f}<extra></extra>" if not raster.signed else None,
        name=title,
    )


def _add_broken(figure: go.Figure, surface: Surface, raster: Raster, values: np.ndarray) -> None:
    """Paint cells with a corner that is not finite, and name the colour."""
    if not raster.broken.any() and np.isfinite(values).all():
        return
    figure.add_heatmap(
        x=raster.x,
        y=raster.y,
        z=np.where(raster.broken, 1.0, np.nan).astype(np.float32),
        colorscale=[[0.0, NOT_FINITE], [1.0, NOT_FINITE]],
        showscale=False,
        hovertemplate="(%{x:.4g}, %{y:.4g}): not finite<extra></extra>",
    )
    bad = surface.points[~np.isfinite(values)]
    figure.add_scatter(
        x=bad[:, 0], y=bad[:, 1], mode="markers", name="not finite",
        marker={"symbol": "x-thin", "size": 5, "color": NOT_FINITE, "line": {"color": "#7A1F00", "width": 1}},
        hoverinfo="skip",
    )  # fmt: skip


def _add_points(figure: go.Figure, surface: Surface) -> None:
    """Add points that are not on an even grid, hidden until they are asked for in the legend."""
    widths = surface.points[surface.cells[:, 1], 0] - surface.points[surface.cells[:, 0], 0]
    if not widths.size or widths.max() < 1.5 * widths.min():
        return
    figure.add_scatter(
        x=surface.points[:, 0], y=surface.points[:, 1], name="evaluated", mode="markers", visible="legendonly",
        marker={"color": "#444444", "size": 2}, hoverinfo="skip",
    )  # fmt: skip


def _add_overlay(figure: go.Figure, overlay: Overlay) -> None:
    """Add a white line in a dark casing; the casing stands in the legend, whose ground is white too."""
    line = {"x": overlay.x, "y": overlay.y, "mode": "lines", "legendgroup": overlay.name, "name": overlay.name}
    figure.add_scatter(**line, line={"color": "#444444", "width": 4}, hoverinfo="skip")
    figure.add_scatter(**line, line={"color": "#FFFFFF", "width": 2}, showlegend=False, hoverinfo="name")


def _add_walk(figure: go.Figure, walk: Trajectory, number: int) -> None:
    colour = colour_of(number)
    x, y = walk.points.T
    group = {"legendgroup": walk.name, "x": x, "y": y}
    figure.add_scatter(
        **group, name=walk.name, mode="lines+markers", line={"color": colour, "width": 1.8},
        marker={"color": colour, "size": 5, "line": {"color": "#FFFFFF", "width": 0.5 if len(x) <= OUTLINED else 0}},
        customdata=np.column_stack([np.arange(len(x)), walk.losses]),
        hovertemplate="step %{customdata[0]}: (%{x:.4g}, %{y:.4g}), ℓ = %{customdata[1]:.4g}",
    )  # fmt: skip
    end = {"symbol": "star", "size": 14, "color": colour, "line": {"color": "#FFFFFF", "width": 1}}
    figure.add_scatter(
        **group | {"x": x[-1:], "y": y[-1:]}, name=f"{walk.name}: end", mode="markers", showlegend=False,
        hoverinfo="name", marker=end,
    )  # fmt: skip
