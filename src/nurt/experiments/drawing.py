"""Figures that several experiments share: surfaces in powers of ten, paths on them, axes with both signs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt import plotting
from nurt.wording import Language, Text, localised

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["LOSS", "STEP", "UPDATE", "SignedLog", "add_path", "add_points", "lines", "log_map", "point_name"]

LOSS = Text("loss ℓ", "strata ℓ")
STEP = Text("time step", "krok czasu")
UPDATE = Text("update", "numer aktualizacji")
# A loss of exactly 0 has no logarithm.
SMALLEST = 1e-35


def log_map(x: np.ndarray, y: np.ndarray, values: np.ndarray, titles: tuple[str, str, str]) -> go.Figure:
    """Return a map of log₁₀ of ``values``, its colours spread over the range of the data.

    Args:
        x: horizontal axis, (columns,).
        y: vertical axis, (rows,).
        values: above 0, (rows, columns); non-finite values stay empty.
        titles: of the horizontal axis, of the vertical axis and of the colours.
    """
    figure = plotting.new_figure("", titles[0], titles[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.log10(np.maximum(values, SMALLEST))
    low, high = plotting.colour_range(height)
    figure.add_heatmap(
        x=x,
        y=y,
        z=np.where(np.isfinite(height), height, np.nan),
        zmin=low,
        zmax=high,
        colorscale="Viridis",
        zsmooth="fast",
        colorbar={
            "title": {"text": titles[2], "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "tickformat": "~g",
            "nticks": 6,
        },
        hovertemplate="(%{x:.3f}, %{y:.3f}): 10^%{z:.3f}<extra></extra>",
        meta=plotting.along(z="log10"),
    )
    figure.update_xaxes(range=[x[0], x[-1]], showgrid=False)
    figure.update_yaxes(range=[y[0], y[-1]], showgrid=False)
    figure.update_layout(hovermode="closest")
    return figure


def point_name(point: tuple[float, float], language: Language) -> str:
    """Return a point in round brackets; where the comma is the decimal sign, a semicolon parts the two."""
    separator = "; " if language == "pl" else ", "
    return f"({separator.join(localised(value, language) for value in point)})"


def add_points(figure: go.Figure, points: Iterable[tuple[float, float]], language: Language) -> None:
    """Mark the points that lie within a map; each has the same symbol and colour on every map."""
    (left, right), (low, high) = figure.layout.xaxis.range, figure.layout.yaxis.range
    for index, (x, y) in enumerate(points):
        if left <= x <= right and low <= y <= high:
            name = point_name((x, y), language)
            figure.add_scatter(x=[x], y=[y], name=name, mode="markers", marker=plotting.marker(index), hoverinfo="name")


def add_path(figure: go.Figure, points: np.ndarray, name: str, end: str) -> None:
    """Draw the path of an optimiser on a map: a dot per step, a star at its end.

    Args:
        figure: the map.
        points: (steps + 1, 2).
        name: of the path.
        end: of its end.
    """
    figure.add_scatter(
        x=points[:, 0],
        y=points[:, 1],
        name=name,
        mode="lines+markers",
        line={"color": "#FFFFFF", "width": 1.5},
        marker={"color": plotting.WARNING, "size": 5},
    )
    figure.add_scatter(
        x=points[-1:, 0],
        y=points[-1:, 1],
        name=end,
        mode="markers",
        marker={"symbol": "star", "size": 17, "color": "#FFFFFF", "line": {"color": plotting.ACTUAL, "width": 1.5}},
    )


def lines(
    x: Sequence[float] | np.ndarray, curves: Iterable[tuple[str, np.ndarray]], x_title: str, y_title: str
) -> go.Figure:
    """Return one line per curve, each with its own colour and dash."""
    figure = plotting.new_figure("", x_title, y_title)
    for index, (name, values) in enumerate(curves):
        figure.add_scatter(
            x=x,
            y=values,
            name=name,
            mode="lines",
            line={
                "color": plotting.PALETTE[index % len(plotting.PALETTE)],
                "width": 2.2,
                "dash": plotting.dash(index),
            },
        )
    return figure


class SignedLog:
    """An axis that is linear below ``floor`` and logarithmic above it, for both signs.

    Args:
        values: all values to be shown.
        floor: the linear part reaches from -floor to floor.
    """

    def __init__(self, values: np.ndarray, floor: float = 1.0) -> None:
        self.floor = floor
        finite = np.abs(values[np.isfinite(values)])
        top = max(1, int(np.ceil(np.log10(max(float(finite.max(initial=floor)), floor) / floor))))
        stride = max(1, round(top / 4))
        self._exponents = np.arange(stride, top + 1, stride)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Return the positions of values on the axis."""
        return np.asarray(np.sign(values) * np.log10(1.0 + np.abs(values) / self.floor))

    def apply(self, figure: go.Figure) -> None:
        """Give the vertical axis of a figure its ticks."""
        base = round(np.log10(self.floor))
        marks = [-float(10.0**e) * self.floor for e in self._exponents[::-1]]
        marks += [0.0, *(float(10.0**e) * self.floor for e in self._exponents)]
        texts = [f"−10<sup>{base + e}</sup>" for e in self._exponents[::-1]]
        texts += ["0", *(f"10<sup>{base + e}</sup>" for e in self._exponents)]
        figure.update_yaxes(tickvals=self.place(np.array(marks)).tolist(), ticktext=texts)
