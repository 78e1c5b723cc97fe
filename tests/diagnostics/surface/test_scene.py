"""A raster shows what its cells hold: linear functions exactly, gaps as gaps."""

from __future__ import annotations

import numpy as np

from nurt.diagnostics import Adaptive, Grid
from nurt.diagnostics.surface.sampling import AbstractSampling
from nurt.diagnostics.surface.scene import Raster, rasterised


def raster_of(sampling: AbstractSampling, measure) -> Raster:
    ranges = (-1.0, 1.0), (0.0, 4.0)
    samples = sampling.run(*ranges, measure)
    return rasterised(samples.points, samples.values[:, 0], samples.cells, ranges, 31)


def test_a_power_that_is_linear_is_drawn_exactly() -> None:
    for sampling in (Grid(4), Adaptive(100, 0.3, 3)):
        raster = raster_of(sampling, lambda x, y: (10 ** (x - 2 * y),))
        np.testing.assert_allclose(raster.height, raster.x - 2 * raster.y[:, None], atol=1e-12)
        assert not raster.broken.any()


def test_cells_with_a_corner_that_is_not_finite_are_broken() -> None:
    raster = raster_of(Grid(3), lambda x, y: (np.nan if (x, y) == (-1, 0) else 1.0,))
    assert (raster.broken == ((raster.x < 0) & (raster.y[:, None] < 2))).all()
    assert (np.isnan(raster.height) == raster.broken).all()


def test_what_was_not_evaluated_is_empty_and_not_broken() -> None:
    left = iter(range(6))
    raster = raster_of(Grid(3), lambda _x, _y: (1.0,) if next(left, None) is not None else None)
    assert np.isnan(raster.height[raster.y > 2]).all() and np.isfinite(raster.height[raster.y < 2]).all()
    assert not raster.broken.any()


def test_heights_below_points() -> None:
    raster = raster_of(Grid(3), lambda x, _y: (10**x,))
    points = np.array([[0.5, 1.0], [1.5, 1.0], [0.0, -0.5], [np.nan, 1.0]])
    np.testing.assert_allclose(raster.at(points), [0.5, np.nan, np.nan, np.nan], atol=0.04)
