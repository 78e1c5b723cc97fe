"""A relief keeps walks within the scene."""

from __future__ import annotations

import numpy as np
import torch

from nurt.descent import SGD
from nurt.diagnostics import Grid, Overlay, loss_surface, trajectories, weight_plane


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
