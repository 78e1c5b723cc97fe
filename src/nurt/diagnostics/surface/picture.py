"""Pictures of a surface: maps of the loss and of its gradient, and a relief."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nurt import plotting
from nurt.diagnostics.surface.sampling import heights
from nurt.diagnostics.surface.scene import Overlay, Raster, Scene
from nurt.diagnostics.surface.trajectory import Trajectory

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["LOSS", "SCALE", "colour_bar", "colour_of", "gradient_map", "loss_map", "relief"]

LOSS = "loss ℓ"
NOT_FINITE = "#F2B8A0"
SLOPE = "norm of the gradient ‖∇ℓ‖"
PIXELS = 240
# Those of the house that neither the colours of the map nor the white of the page swallow.
COLOURS = ("#D55E00", "#CC79A7", "#56B4E9", "#1A1A1A", "#E69F00")
# Outlines of more dots than this would merge into a band.
OUTLINED = 60
SCALE = "Viridis"
TICKS = 5
RELIEF_PIXELS = 120
# Lines lie this share of the height above the surface, so that it does not swallow them.
LIFT = 0.01


def loss_map(scene: Scene, losses: np.ndarray) -> go.Figure:
    """Return a map of the loss at the points of the scene, (P,)."""
    return _map(scene, losses, LOSS)


def gradient_map(scene: Scene, norms: np.ndarray) -> go.Figure:
    """Return a map of the norm of the gradient within the plane, (P,)."""
    return _map(scene, norms, SLOPE)


def relief(scene: Scene, losses: np.ndarray) -> go.Figure:
    """Return the losses at the points of the scene, (P,), as heights in three dimensions, on a logarithmic scale."""
    raster = scene.raster(losses, RELIEF_PIXELS)
    low, high = plotting.colour_range(raster.height)
    bar = colour_bar(raster, LOSS)
    figure = plotting.new_figure("", "", "")
    figure.add_surface(
        x=raster.x, y=raster.y, z=raster.height.astype(np.float32), cmin=low, cmax=high, colorscale=SCALE,
        colorbar=bar, lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05}, name=LOSS, showlegend=False,
        hovertemplate="(%{x:.4g}, %{y:.4g}): 10^%{z:.3f}<extra></extra>", meta=plotting.along(z=_scale(raster)),
    )  # fmt: skip
    lift = LIFT * (high - low)
    for overlay in scene.overlays:
        line = {"color": plotting.REFERENCE, "width": 6}
        over = raster.at(np.column_stack([overlay.x, overlay.y])) + lift
        figure.add_scatter3d(
            x=overlay.x, y=overlay.y, z=over, name=overlay.name, mode="lines", line=line, meta=plotting.DECORATION
        )
    for number, walk in enumerate(scene.trajectories):
        line = {"color": colour_of(number), "width": 5}
        on = _on_surface(raster, walk.points, walk.losses) + lift
        # Points far outside would take the whole scene.
        x, y = np.where(np.isfinite(on), walk.points.T, np.nan)
        figure.add_scatter3d(x=x, y=y, z=on, name=walk.name, mode="lines", line=line, meta=plotting.DECORATION)
    axis = {"backgroundcolor": "#FFFFFF", "gridcolor": "#DDDDDD", "tickfont": {"size": 10}}
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 64, "b": 24},
        scene={
            "xaxis": {**axis, "title": {"text": scene.names[0], "font": {"size": 12}}, "range": list(scene.ranges[0])},
            "yaxis": {**axis, "title": {"text": scene.names[1], "font": {"size": 12}}, "range": list(scene.ranges[1])},
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


def colour_of(number: int) -> str:
    """Return the colour of walk number ``number``."""
    return COLOURS[number % len(COLOURS)]


def _map(scene: Scene, values: np.ndarray, title: str) -> go.Figure:
    raster = scene.raster(values, PIXELS)
    figure = plotting.new_figure("", *scene.names)
    _add_heights(figure, raster, title)
    _add_broken(figure, scene, raster, values)
    _add_points(figure, scene)
    for overlay in scene.overlays:
        _add_overlay(figure, overlay)
    for number, walk in enumerate(scene.trajectories):
        _add_walk(figure, walk, number)
    for number, marker in enumerate(scene.markers):
        figure.add_scatter(
            x=[marker.x],
            y=[marker.y],
            name=marker.name,
            mode="markers",
            marker=plotting.marker(number),
            hoverinfo="name",
        )
    x, y = scene.ranges
    figure.update_xaxes(range=list(x), showgrid=False, constrain="domain")
    figure.update_yaxes(range=list(y), showgrid=False)
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
        meta=plotting.along(z=_scale(raster)),
    )


def _add_broken(figure: go.Figure, scene: Scene, raster: Raster, values: np.ndarray) -> None:
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
        meta=plotting.DECORATION,
    )
    bad = scene.points[~np.isfinite(values)]
    figure.add_scatter(
        x=bad[:, 0], y=bad[:, 1], mode="markers", name="not finite",
        marker={"symbol": "x-thin", "size": 5, "color": NOT_FINITE, "line": {"color": "#7A1F00", "width": 1}},
        hoverinfo="skip",
    )  # fmt: skip


def _add_points(figure: go.Figure, scene: Scene) -> None:
    """Add points that are not on an even grid, hidden until they are asked for in the legend."""
    if scene.widths is None:
        return
    figure.add_scatter(
        x=scene.points[:, 0], y=scene.points[:, 1], name="evaluated", mode="markers", visible="legendonly",
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


def colour_bar(raster: Raster, title: str) -> dict[str, Any]:
    """Return a horizontal bar above the plot: powers of ten where there are several, plain numbers where not."""
    places, texts = _ticks(*plotting.colour_range(raster.height), signed=raster.signed)
    return {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "orientation": "h",
        "x": 0.5,
        "xanchor": "center",
        "y": 1.0,
        "yanchor": "bottom",
        "ypad": 4,
        "len": 1.0,
        "thickness": 10,
        "outlinewidth": 0,
        "tickvals": places,
        "ticktext": texts,
        "tickfont": {"size": 11},
    }


def _ticks(low: float, high: float, *, signed: bool) -> tuple[list[float], list[str]]:
    if signed:
        places = np.linspace(low, high, TICKS)
        return places.tolist(), [_short(float(np.sign(one) * (10 ** abs(one) - 1))) for one in places]
    stride = max(1, round((high - low) / TICKS))
    powers = np.arange(np.ceil(low / stride) * stride, high + 1e-9, stride)
    if len(powers) >= 3:
        return powers.tolist(), [f"10<sup>{int(power)}</sup>".replace("-", "−") for power in powers]
    values = np.linspace(10**low, 10**high, TICKS)
    return np.log10(values).tolist(), [_short(float(one)) for one in values]


def _scale(raster: Raster) -> plotting.Scale:
    """Return how the heights of a raster stand for its values."""
    return 1.0 if raster.signed else "log10"


def _short(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")


def _on_surface(raster: Raster, points: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Return the height of a walk; where its loss is unknown, that of the surface; NaN outside of the picture."""
    under = raster.at(points)
    on = np.where(np.isfinite(losses), heights(losses, raster.signed), under)
    return np.where(np.isnan(under), np.nan, on.clip(*plotting.colour_range(raster.height)))
