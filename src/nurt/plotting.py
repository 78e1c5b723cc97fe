"""The one place that knows how figures of nurt look: colours, type, axes, what each forecaster's line is like.

Results at every floor draw themselves through these helpers, and so do the reports: a forecaster has the same colour
and dash wherever it appears. Plotly is imported inside the functions: importing nurt must not cost its start-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ACTUAL", "MODEL", "PALETTE", "REFERENCE", "WARNING", "forecaster_line", "new_figure", "translucent"]

# Okabe-Ito: distinguishable with the common forms of colour blindness.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#666666")
MODEL = PALETTE[0]
REFERENCE = "#8A8A8A"
ACTUAL = "#1A1A1A"
WARNING = PALETTE[1]

# Colour and dash together, so that lines stay apart on paper without colours too.
LINES = {
    "naive": (ACTUAL, "solid"),
    "seasonal_naive": (PALETTE[6], "dash"),
    "drift": (PALETTE[4], "dot"),
    "mean": (PALETTE[7], "longdashdot"),
    "window_mean": (PALETTE[3], "dashdot"),
    "linear": (PALETTE[1], "dash"),
    "nlinear": (PALETTE[2], "dashdot"),
    "ets": (PALETTE[5], "longdash"),
    "arima": (PALETTE[7], "dot"),
    "theta": (PALETTE[0], "dot"),
}


def new_figure(title: str, x_title: str, y_title: str) -> go.Figure:
    """Return an empty figure in the house style."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": "#E8E8E8",
        "zeroline": False,
        "linecolor": "#BBBBBB",
        "ticks": "outside",
        "tickcolor": "#BBBBBB",
        "automargin": True,
    }
    layout = {
        "title": {"text": title, "x": 0.0, "xref": "paper", "xanchor": "left", "font": {"size": 16}},
        "template": "none",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#222222"},
        "colorway": list(PALETTE),
        "margin": {"l": 64, "r": 16, "t": 48, "b": 48},
        # Below the axis title: above the plot it would meet the title as soon as it needs a second row.
        "legend": {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0.0, "xanchor": "left", "x": 0.0},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": "#BBBBBB"},
        "xaxis": {**axis, "title": {"text": x_title, "font": {"size": 13}}},
        "yaxis": {**axis, "title": {"text": y_title, "font": {"size": 13}}},
    }
    return go.Figure(layout=layout)


def forecaster_line(name: str, *, model: bool = False) -> dict[str, Any]:
    """Return the line of the forecaster ``name``: thick and blue for the model under test, black for the naive one."""
    if model:
        return {"color": MODEL, "width": 3, "dash": "solid"}
    colour, dash = LINES.get(name, (REFERENCE, "dot"))
    return {"color": colour, "width": 2 if name == "naive" else 1.5, "dash": dash}


def translucent(colour: str, opacity: float) -> str:
    """Return ``colour`` (``#RRGGBB``) as an ``rgba()`` string with the given opacity in 0..1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
