"""The one place that knows how figures of nurt look: colours, type, axes.

Results at every floor draw themselves through these helpers, so a report is a composition of figures and
never draws its own. Plotly is imported inside the functions: importing nurt must not cost its start-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ACTUAL", "MODEL", "PALETTE", "REFERENCE", "WARNING", "new_figure", "translucent"]

# Okabe-Ito: distinguishable with the common forms of colour blindness.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#666666")
MODEL = PALETTE[0]
REFERENCE = "#8A8A8A"
ACTUAL = "#1A1A1A"
WARNING = PALETTE[1]


def new_figure(title: str, x_title: str, y_title: str) -> go.Figure:
    """Return an empty figure in the house style."""
    import plotly.graph_objects as go

    figure = go.Figure()
    axis = {"gridcolor": "#E8E8E8", "zeroline": False, "linecolor": "#BBBBBB", "ticks": "outside"}
    figure.update_layout(
        title={"text": title, "x": 0.0, "xanchor": "left", "font": {"size": 16}},
        template="none",
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#222"},
        colorway=list(PALETTE),
        margin={"l": 64, "r": 16, "t": 48, "b": 48},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "right", "x": 1.0},
        hovermode="x unified",
        xaxis={**axis, "title": {"text": x_title}},
        yaxis={**axis, "title": {"text": y_title}, "automargin": True},
    )
    return figure


def translucent(colour: str, opacity: float) -> str:
    """Return ``colour`` (``#RRGGBB``) as an ``rgba()`` string with the given opacity in 0..1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
