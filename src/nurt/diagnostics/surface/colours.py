"""Colours of heights: their range from the data, their ticks in the words of the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from nurt.diagnostics.surface.raster import Raster

__all__ = ["SCALE", "colour_bar", "colour_range"]

SCALE = "Viridis"
# One point of almost no loss must not take all the colours.
DARKEST_SHARE = 0.002
TICKS = 5


def colour_range(raster: Raster) -> tuple[float, float]:
    """Return the heights of the darkest and the brightest colour."""
    finite = raster.height[np.isfinite(raster.height)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(np.quantile(finite, DARKEST_SHARE)), float(finite.max())
    return low, max(high, low + 1e-9)


def colour_bar(raster: Raster, title: str) -> dict[str, Any]:
    """Return a horizontal bar above the plot: powers of ten where there are several, plain numbers where not."""
    places, texts = _ticks(*colour_range(raster), signed=raster.signed)
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
