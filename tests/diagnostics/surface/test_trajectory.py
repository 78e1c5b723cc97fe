"""Optimisers walk on a plane as torch's walk on the model, and every point is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from nurt.descent import SGD, Adam, NesterovRMSProp, RProp, TorchRprop
from nurt.diagnostics import projected_path, snapshot, trajectories, weight_plane
from nurt.diagnostics.surface.trajectory import RULES
from nurt.errors import NurtValueError

START = (-1.5, 2.0)


def by_torch(problem, start: tuple[float, float], steps: int, make: Callable, clip: float | None = None) -> np.ndarray:
    """Return the path of an optimiser of torch on the model itself."""
    model, points = problem.model, []
    names = list(problem.plane.parameters().values())
    with torch.no_grad():
        for weight, value in zip(names, start, strict=True):
            weight.fill_(value)
    optimiser = make(model.parameters())
    for _ in range(steps + 1):
        points.append([weight.item() for weight in names])
        optimiser.zero_grad()
        problem.loss(model).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
    return np.array(points)


@pytest.mark.parametrize(
    ("rule", "make", "clip", "tolerance"),
    [
        (SGD(1e-4), lambda weights: torch.optim.SGD(weights, 1e-4), None, 1e-9),
        # torch divides by the norm plus 10⁻⁶.
        (SGD(0.01, clip_norm=1.0), lambda weights: torch.optim.SGD(weights, 0.01), 1.0, 1e-6),
        (TorchRprop(), lambda weights: torch.optim.Rprop(weights, 0.001), None, 1e-9),
        (Adam(0.02), lambda weights: torch.optim.Adam(weights, 0.02), None, 1e-9),
    ],
    ids=["SGD", "clipped", "RProp", "Adam"],
)
def test_a_walk_is_that_of_torch_on_the_model(linear: Callable, rule, make, clip, tolerance: float) -> None:
    problem = linear()
    start = (0.5, 0.8)
    (walk,) = trajectories(problem.loss, problem.plane, start, 40, {"rule": rule})
    np.testing.assert_allclose(walk.points, by_torch(problem, start, 40, make, clip), rtol=tolerance)


@pytest.mark.parametrize(
    ("preset", "rule", "end", "loss"),
    [
        ("default", RProp(), (1.001355547207, 0.999674473785), 1.80e-6),
        ("default", TorchRprop(), (1.00009489, 0.99997672), 9.21e-9),
        ("variant-11", RProp(), (0.073397929971, 0.956485948494), 2.95e-4),
        ("variant-11", TorchRprop(), (0.05659244, 0.98650216), 2.87e-5),
        ("variant-14", RProp(), (1.726422967836, 0.820619482821), 5.750181),
    ],
)
def test_both_forms_of_rprop_end_where_they_are_known_to(linear: Callable, preset: str, rule, end, loss) -> None:
    problem = linear(preset)
    (walk,) = trajectories(problem.loss, problem.plane, START, 500, {"rule": rule})
    assert walk.steps == 500
    assert walk.points[-1] == pytest.approx(end, abs=1e-6)
    assert walk.losses[-1] == pytest.approx(loss, rel=3e-3)


def test_losses_are_those_of_the_points(linear: Callable) -> None:
    problem = linear()
    walks = trajectories(problem.loss, problem.plane, (0.5, 0.8), 3, {"ahead": NesterovRMSProp(0.01), "plain": Adam()})
    for walk in walks:
        assert len(walk.points) == len(walk.losses) == 4
        for point, loss in zip(walk.points, walk.losses, strict=True):
            with torch.no_grad():
                problem.model.weight_ih.fill_(point[0])
                problem.model.weight_hh.fill_(point[1])
            assert loss == problem.loss(problem.model).item()


def test_a_walk_that_is_thrown_out_ends_and_says_so(linear: Callable) -> None:
    problem = linear()
    (walk,) = trajectories(problem.loss, problem.plane, START, 500, {"SGD": SGD(0.001)})
    assert 1 < walk.steps < 20
    assert np.isfinite(walk.points[:2]).all()
    assert "diverged" in str(walk)
    assert all(np.isfinite(walk.ranges()).flat)


def test_the_usual_rules_walk_from_one_start(cliff) -> None:
    walks = trajectories(cliff.loss, cliff.plane, (5.0, -2.5), 2)
    assert [walk.name for walk in walks] == list(RULES)
    assert all(walk.points[0].tolist() == [5.0, -2.5] for walk in walks)


def test_false_ends_the_walks_with_what_was_walked(cliff) -> None:
    walks = trajectories(cliff.loss, cliff.plane, (5.0, -2.5), 4, progress=lambda done, total: (done, total) != (6, 20))
    assert [walk.steps for walk in walks] == [4, 2, 0, 0, 0]


def test_no_step_is_a_start() -> None:
    model = torch.nn.Linear(1, 1)
    plane = weight_plane(model, "weight", "bias")
    (walk,) = trajectories(lambda m: m.bias.sum(), plane, (0.0, 3.0), 0, {"SGD": SGD(1.0)})
    assert walk.points.tolist() == [[0.0, 3.0]] and walk.losses.tolist() == [3.0]
    with pytest.raises(NurtValueError):
        trajectories(lambda m: m.bias.sum(), plane, (0.0, 3.0), -1)


def test_a_training_path_is_seen_where_it_went() -> None:
    model = torch.nn.Linear(2, 1)
    plane = weight_plane(model, ("weight", (0, 0)), "bias")
    path = [snapshot(model) | {"bias": torch.tensor([float(k)])} for k in range(3)]
    seen = projected_path(plane, path, losses=[3.0, 2.0, 1.0])
    np.testing.assert_allclose(seen.points[:, 1], [0, 1, 2], atol=1e-12)
    np.testing.assert_allclose(seen.points[:, 0], model.weight[0, 0].item(), rtol=1e-6)
    assert seen.losses.tolist() == [3.0, 2.0, 1.0]
    (left, right), (low, high) = seen.ranges(margin=0.5)
    assert (low, high) == (-1.0, 3.0) and left < right
