"""Ticks of the colours lie within them and are readable."""

from __future__ import annotations

import numpy as np

from nurt import plotting
from nurt.diagnostics.surface.colours import colour_bar
from nurt.diagnostics.surface.raster import Raster


def raster(low: float, high: float, signed: bool = False) -> Raster:
    height = np.linspace(low, high, 1600).reshape(40, 40)
    return Raster(np.arange(40.0), np.arange(40.0), height, np.zeros((40, 40), dtype=bool), signed)


def test_many_powers_get_powers_and_few_get_numbers() -> None:
    assert colour_bar(raster(-2.5, 19), "ℓ")["ticktext"] == [f"10<sup>{k}</sup>" for k in (0, 4, 8, 12, 16)]
    assert colour_bar(raster(-2.2, -0.9), "ℓ")["ticktext"][-1] == "0.13"
    assert colour_bar(raster(-5, -1), "ℓ")["ticktext"][-1] == "10<sup>−1</sup>"


def test_ticks_lie_within_the_colours() -> None:
    for low, high, signed in ((-2.5, 19, False), (-0.3, 0.1, False), (-3, 3, True)):
        one = raster(low, high, signed)
        bottom, top = plotting.colour_range(one.height)
        ticks = colour_bar(one, "ℓ")["tickvals"]
        assert bottom - 1e-9 <= min(ticks) and max(ticks) <= top + 1e-9
        assert len(ticks) >= 3
