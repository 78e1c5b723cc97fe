"""A surface tells in words what its picture shows."""

from __future__ import annotations

import torch

from nurt.descent import SGD
from nurt.diagnostics import (
    Adaptive,
    Grid,
    loss_surface,
    path_plane,
    projected_path,
    snapshot,
    trajectories,
    weight_plane,
)


def test_range_steepness_and_walks_are_told(cliff) -> None:
    surface = loss_surface(cliff.loss, cliff.plane, (3, 7), (-5, -1), Adaptive(200, start=5), gradients=True)
    told = str(surface.with_drawn(trajectories(cliff.loss, cliff.plane, (4.0, -2.0), 3, {"SGD": SGD(100.0)})))
    assert told.startswith("The loss over w and b, ")
    for part in ("in [3, 7] × [-5, -1]", "Steepest at (", "cells from 1 down to 0.", "largest gradient", "no dropout"):
        assert part in told
    assert "SGD: 3 steps from (4, -2)" in told and "outside of the picture from step 1" in told


def test_points_that_were_not_needed_are_told() -> None:
    model = torch.nn.Linear(1, 1)
    surface = loss_surface(
        lambda m: (m.weight * 0 + 1).sum(), weight_plane(model, "weight", "bias"), sampling=Adaptive(50, start=3)
    )
    assert "Of 50 points allowed, 9 were enough." in str(surface)
    assert "Steepest" not in str(surface)


def test_the_share_of_the_path_is_told() -> None:
    model = torch.nn.RNN(1, 2)
    path = []
    for _ in range(5):
        model.reset_parameters()
        path.append(snapshot(model))
    plane = path_plane(model, path)
    seen = projected_path(plane, path)
    inputs = torch.ones(3, 2, 1)
    surface = loss_surface(lambda m: m(inputs)[0].square().mean(), plane, *seen.ranges(), sampling=Grid(4))
    told = str(surface.with_drawn([seen]))
    assert f"hold {sum(plane.explained):.2%} of the variance" in told
    assert "training: 4 steps from" in told and "outside" not in told
