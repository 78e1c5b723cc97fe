"""The style of all figures: colours, type, axes, lines.

Results at every floor draw themselves through these helpers, and so do the reports. Plotly is imported inside the
functions: importing nurt must not cost its start-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

    import numpy as np
    import plotly.graph_objects as go

    Scale = Literal["log10"] | float

__all__ = [
    "ACTUAL",
    "MODEL",
    "MODEL_LINE",
    "OTHER_LINE",
    "PALETTE",
    "REFERENCE",
    "WARNING",
    "LineStyle",
    "add_log_map",
    "along",
    "colour_range",
    "dash",
    "log_axis",
    "marker",
    "new_figure",
    "symbol",
    "translucent",
    "value_of",
]

# Okabe-Ito: distinguishable with the common forms of colour blindness.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#666666")
MODEL = PALETTE[0]
REFERENCE = "#8A8A8A"
ACTUAL = "#1A1A1A"
WARNING = PALETTE[1]

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
# One point of almost no loss must not take all the colours of a map.
DARKEST_SHARE = 0.002

FEW_DECADES = 1.5
MOST_LABELS = 8


@dataclass(frozen=True)
class LineStyle:
    """The line of a forecaster: colour and dash together, so that lines stay apart on paper without colours too.

    Args:
        colour: ``#RRGGBB``.
        dash: of plotly's names.
        width: in pixels.
    """

    colour: str
    dash: str
    width: float = 1.5

    def to_plotly(self) -> dict[str, Any]:
        """Return the ``line`` of a plotly trace."""
        return {"color": self.colour, "width": self.width, "dash": self.dash}


MODEL_LINE = LineStyle(MODEL, "solid", 3)
"""The line of the model under test."""

OTHER_LINE = LineStyle(REFERENCE, "dot")
"""The line of a forecaster without a style of its own."""


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
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
            "size": 13,
            "color": "#222222",
        },
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


def log_axis(figure: go.Figure) -> None:
    """Make the vertical axis of a figure with its lines drawn logarithmic, with few enough labels to be read.

    Whole powers of ten are labelled, on a wide axis every second or third of them; 2 and 5 between them only where
    there are hardly two powers.
    """
    import numpy as np

    values = np.concatenate([np.asarray(trace.y, dtype=np.float64) for trace in figure.data])
    shown = values[np.isfinite(values) & (values > 0.0)]
    decades = math.log10(shown.max() / shown.min()) if shown.size else 0.0
    figure.update_yaxes(type="log", exponentformat="power")
    if decades < FEW_DECADES:
        # Written out: where no power of ten is in sight, a bare 5 would not tell whether it is 5 or 0.05.
        figure.update_yaxes(dtick="D2", tickformat="~g")
    else:
        figure.update_yaxes(dtick=max(1, math.ceil(decades / MOST_LABELS)))


def symbol(index: int) -> str:
    """Return sign number ``index`` of those that stay apart without colours; after the last the first comes again."""
    return SYMBOLS[index % len(SYMBOLS)]


def dash(index: int) -> str:
    """Return dash number ``index``, the first a solid line; after the last the first comes again."""
    return DASHES[index % len(DASHES)]


def marker(index: int) -> dict[str, Any]:
    """Return sign and colour number ``index`` for a point on a map, in a white rim."""
    return {
        "symbol": symbol(index),
        "color": PALETTE[index % len(PALETTE)],
        "size": 12,
        "line": {"color": "#FFFFFF", "width": 1.5},
    }


def colour_range(heights: np.ndarray) -> tuple[float, float]:
    """Return the heights that get the darkest and the brightest colour of a map, the first below the second.

    Args:
        heights: any shape; what is not finite does not count.
    """
    import numpy as np

    finite = heights[np.isfinite(heights)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(np.quantile(finite, DARKEST_SHARE)), float(finite.max())
    return low, max(high, low + 1e-9)


def add_log_map(figure: go.Figure, values: np.ndarray, title: str, steps: np.ndarray | None = None) -> None:
    """Draw log₁₀ of a matrix over two axes of steps, the first row at the top; 0 stays empty.

    Args:
        figure: drawn on.
        values: at least 0, (T, T).
        title: of the colours.
        steps: of rows and columns, (T,); 0 … T-1 if None.
    """
    import numpy as np

    with np.errstate(divide="ignore"):
        height = np.log10(values)
    figure.add_heatmap(
        x=steps,
        y=steps,
        z=np.where(np.isfinite(height), height, np.nan),
        colorscale="Viridis",
        colorbar={"title": {"text": title}},
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(hovermode="closest")


def translucent(colour: str, opacity: float) -> str:
    """Return ``colour`` (``#RRGGBB``) as an ``rgba()`` string with the given opacity in 0..1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def along(**scales: Scale) -> dict[str, Any]:
    """Return the ``meta`` of a trace that is drawn at the logarithms of its values, so that an export gives the values.

    Args:
        scales: coordinate (``x``, ``y`` or ``z``) → "log10", or the number ``floor`` of an axis for both signs, on
            which v is drawn at sign(v) · log₁₀(1 + |v| / floor).
    """
    return {"scale": scales}


def value_of(places: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the values that are drawn at ``places``.

    Args:
        places: any shape.
        scale: as in :func:`along`.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        if scale == "log10":
            return np.asarray(np.power(10.0, places))
        return np.asarray(np.sign(places) * float(scale) * (np.power(10.0, np.abs(places)) - 1.0))
