"""Colours of heights, with ticks in the words of the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from nurt import plotting
from nurt.diagnostics.surface.raster import Raster

__all__ = ["SCALE", "colour_bar"]

SCALE = "Viridis"
TICKS = 5


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


def _short(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")
