"""A map holds the surface and all that is drawn over it; what is not finite is marked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nurt import plotting
from nurt.descent import SGD
from nurt.diagnostics import Adaptive, Grid, Marker, Overlay, Surface, loss_surface, trajectories, weight_plane
from nurt.diagnostics.surface.picture import colour_bar
from nurt.diagnostics.surface.scene import Raster


@pytest.fixture
def surface() -> Surface:
    """A surface with a hole, a walk, a line and a point."""
    model = torch.nn.Linear(1, 1)
    plane = weight_plane(model, "weight", "bias")

    def loss(m: torch.nn.Linear) -> torch.Tensor:
        value = (m.weight**2 + 10 * m.bias**2).sum()
        return value if m.bias <= 0.9 else value * math.nan

    found = loss_surface(loss, plane, sampling=Grid(12), gradients=True)
    line = Overlay("valley", np.linspace(-1, 1, 5), np.zeros(5))
    return found.with_drawn(trajectories(loss, plane, (0.9, 0.5), 5), [line], [Marker("least", 0.0, 0.0)])


def test_a_map_shows_everything_by_name(surface: Surface) -> None:
    figure = surface.plot()
    shown = [trace.name for trace in figure.data if trace.showlegend is not False and trace.type == "scatter"]
    assert shown == ["not finite", "valley", "SGD", "SGD, clipped", "RProp", "RProp of torch", "Adam", "least"]
    heat = figure.data[0]
    assert (heat.zmin, heat.zmax) == pytest.approx((np.nanquantile(heat.z, 0.002), np.nanmax(heat.z)), rel=1e-6)
    assert figure.layout.xaxis.title.text == "weight" and tuple(figure.layout.yaxis.range) == (-1.0, 1.0)


def test_what_is_not_finite_is_painted(surface: Surface) -> None:
    broken = surface.plot().data[1]
    assert np.isfinite(broken.z[-1]).all() and np.isnan(broken.z[0]).all()
    crosses = surface.plot().data[2]
    assert len(crosses.x) == 12


def test_points_of_a_refined_surface_can_be_shown(cliff) -> None:
    refined = loss_surface(cliff.loss, cliff.plane, (3, 7), (-5, -1), Adaptive(120, start=5))
    (points,) = [trace for trace in refined.plot().data if trace.name == "evaluated"]
    assert len(points.x) == len(refined.points) and points.visible == "legendonly"


def test_the_gradient_has_a_map_of_its_own(surface: Surface) -> None:
    figure = surface.plot_gradient()
    assert "gradient" in figure.data[0].name
    assert np.nanmax(figure.data[0].z) == pytest.approx(np.log10(np.nanmax(surface.gradient_norms)), abs=0.1)


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


def test_walks_lie_on_the_relief_and_end_at_its_edge() -> None:
    model = torch.nn.Linear(1, 1).double()
    plane = weight_plane(model, "weight", "bias")

    def loss(m: torch.nn.Linear) -> torch.Tensor:
        return (1 + m.weight**2 + m.bias**2).sum()

    rules = {"away": SGD(-0.5), "in": SGD(0.1)}
    line = Overlay("line", np.array([-1.0, 1.0]), np.array([0.1, 0.1]))
    surface = loss_surface(loss, plane, sampling=Grid(30)).with_drawn(
        trajectories(loss, plane, (0.4, 0.4), 3, rules), [line]
    )
    figure = surface.plot_3d()
    relief, over, away, inside = figure.data
    assert relief.type == "surface" and over.name == "line"
    assert np.isnan(away.x[-1]) and np.isnan(away.z[-1]) and np.isfinite(away.z[0])
    heights = np.log10(1 + inside.x**2 + inside.y**2)
    np.testing.assert_allclose(inside.z, heights, atol=0.02)
    assert figure.layout.scene.zaxis.range[0] <= heights.min()
