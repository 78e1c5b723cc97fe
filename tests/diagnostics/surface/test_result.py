"""Surfaces of two weights are those that are known in closed form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from nurt.descent import SGD
from nurt.diagnostics import (
    Adaptive,
    Grid,
    Marker,
    Overlay,
    Surface,
    loss_surface,
    path_plane,
    projected_path,
    snapshot,
    trajectories,
    weight_plane,
)
from nurt.diagnostics.surface.visiting import visiting
from nurt.errors import NurtValueError
from nurt.wording import percent_in_words

# ℓ, ∂ℓ/∂w_x, ∂ℓ/∂w_rec at (w_x, w_rec), computed once by three implementations that agreed.
TABLES = {
    "default": {
        (1.2, 1.2): (110.22803726617079, 274.595429133, 1593.24284448),
        (2, 1): (28.35, 56.7, 467.2),
        (1, 2): (265551.15, 535908.3, 2174323.9),
        (1, -2): (85002.75, 168858.3, -739548.9),
        (1, 0): (21.35, -6.3, -5.7),
        (1, 0.5): (16.3960103989, -10.0329792023, -17.4254707336),
        (1, -0.5): (23.2950033188, -4.60921211243, -2.3586479187),
    },
    "variant-11": {
        (1.2, 1.2): (11660.923852154792, 19523.6688286, 281451.268198),
        (2, 1): (378.00399, 387.6964, 7223.4448),
        (1, 2): (252177145839, 504354755279, 4.55119838195e12),
        (1, -2): (78586556376.2, 157172960130, -1.47932099789e12),
        (1, 0): (0.108656666667, 0.280133333333, 0.0117333333333),
        (1, 0.5): (0.414655232943, 1.39523086389, 2.29632994293),
        (1, -0.5): (0.181616049944, 0.258858403547, -0.336892509378),
    },
    "variant-14": {
        (1.2, 1.2): (20847.4600128, 36261.1814758, 529499.012266),
        (2, 1): (426.100386667, 552.153053333, 10418.4558933),
        (1, 2): (535421348657, 1.07085173308e12, 9.66167424887e12),
        (1, -2): (74518350732.4, 149033747173, -1.42435083794e12),
        (1, 0): (39.6056466667, -7.89404, -8.27058),
        (1, 0.5): (31.8997376051, -14.1518126455, -28.6942968046),
        (1, -0.5): (42.5951193077, -5.16035440846, -4.75255922438),
    },
}
START = torch.sigmoid(torch.tensor(0.5, dtype=torch.float64)).item()


@pytest.mark.parametrize("preset", TABLES)
def test_the_linear_network_has_its_known_values_and_slopes(linear: Callable, preset: str) -> None:
    problem = linear(preset)
    with visiting(problem.loss, problem.plane) as visit:
        for (x, y), expected in TABLES[preset].items():
            assert visit.slope(x, y) == pytest.approx(expected, rel=1e-9)
            assert visit.value(x, y) == pytest.approx(expected[0], rel=1e-9)


def test_the_surface_of_the_linear_network_is_its_closed_form(linear: Callable) -> None:
    problem = linear()
    surface = loss_surface(problem.loss, problem.plane, (-3, 3), (-3, 3), Grid(9), gradients=True)
    inputs = np.around(np.random.RandomState(1).rand(20, 10))
    targets = inputs.sum(1)
    for (x, y), loss, gradient in zip(surface.points, surface.losses, surface.gradients, strict=True):
        carried = (inputs * y ** np.arange(9, -1, -1)).sum(1)
        assert loss == pytest.approx(np.mean((x * carried - targets) ** 2), rel=1e-12)
        assert gradient[0] == pytest.approx(2 * np.mean((x * carried - targets) * carried), rel=1e-9)


@pytest.mark.parametrize("weight", [2.0, 4.5, 5.0, 5.5, 6.0, 7.0])
def test_the_cliff_has_the_gradient_of_its_ridge(cliff, weight: float) -> None:
    m = weight * START * (1 - START)
    by_bias = 2 * (START - 0.7) * START * (1 - START) * (m**50 - 1) / (m - 1)
    with visiting(cliff.loss, cliff.plane) as visit:
        found = visit.slope(weight, 0.5 - weight * START)
    assert found == pytest.approx((0.006012555317663674, START * by_bias, by_bias), rel=1e-12)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((5.0, -2.5), (0.02408886881, 0.08631166948, 0.1009250176)),
        ((4.0, -2.0), (0.01673663293, -1.044529405, -1.787904154)),
    ],
)
def test_the_cliff_beside_its_ridge(cliff, point: tuple[float, float], expected: tuple[float, ...]) -> None:
    with visiting(cliff.loss, cliff.plane) as visit:
        assert visit.slope(*point) == pytest.approx(expected, rel=1e-9)


def test_the_ridge_lies_in_the_wall_that_the_refinement_finds(cliff) -> None:
    surface = loss_surface(cliff.loss, cliff.plane, (4.5, 7.0), (-5.0, -1.0), Adaptive(700), gradients=True)
    best = surface.points[np.argmax(surface.gradient_norms)]
    assert abs(best[1] - (0.5 - best[0] * START)) < 0.05


@pytest.fixture
def bowl() -> Callable[..., Surface]:
    """Make the surface of x² + y² with a hole."""

    def make(sampling: object = None, **options: object) -> Surface:
        model = torch.nn.Linear(1, 1)
        plane = weight_plane(model, "weight", "bias")

        def loss(m: torch.nn.Linear) -> torch.Tensor:
            value = (m.weight**2 + m.bias**2).sum()
            return value if m.bias <= 2 else value * torch.inf

        return loss_surface(loss, plane, (-1, 3), (-2, 3), sampling or Grid(5, 6), **options)

    return make


def test_what_is_not_finite_is_kept_and_counted(bowl: Callable) -> None:
    surface = bowl()
    assert surface.non_finite == 5
    assert np.isinf(surface.losses[-5:]).all()
    assert surface.to_dict()["losses"][-1] is None
    assert "5 of 30 values are not finite" in str(surface)


def test_the_steepest_cell_is_where_powers_of_ten_are_lost(bowl: Callable) -> None:
    steepest = bowl().steepest
    assert max(np.abs(steepest.point)) <= 0.5
    assert steepest.change == pytest.approx(np.log10(2) - np.log10(5 / 100), rel=1e-6)
    assert steepest.width == 1.0


def test_gradients_are_there_where_they_were_asked_for(bowl: Callable) -> None:
    surface = bowl(gradients=True)
    np.testing.assert_allclose(surface.gradient_norms[0], 2 * math.sqrt(5), rtol=1e-6)
    with pytest.raises(NurtValueError, match="gradients=True"):
        _ = bowl().gradient_norms


def test_false_stops_and_keeps_what_was_done(bowl: Callable) -> None:
    told = []

    def progress(done: int, total: int) -> bool:
        told.append((done, total))
        return done < 8

    surface = bowl(progress=progress)
    assert told == [(number, 30) for number in range(1, 9)]
    assert len(surface.losses) == 8 and not surface.complete
    assert len(surface.cells) == 2
    assert "stopped before its 30 points" in str(surface)


def test_drawing_more_changes_nothing_of_what_is_there(bowl: Callable) -> None:
    surface = bowl()
    line = Overlay("line", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    more = surface.with_drawn(overlays=[line]).with_drawn(markers=[Marker("here", 0.5, 0.5)])
    assert surface.overlays == () and more.overlays == (line,) and more.markers[0].name == "here"
    assert json.loads(json.dumps(more.to_dict(), allow_nan=False))["markers"] == [{"name": "here", "x": 0.5, "y": 0.5}]


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, -1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_a_range_without_points_is_refused(cliff, ends: tuple[float, float]) -> None:
    with pytest.raises(NurtValueError, match="range of `y` is empty"):
        loss_surface(cliff.loss, cliff.plane, (0, 1), ends)


def test_a_surface_that_is_nowhere_finite_says_so() -> None:
    model = torch.nn.Linear(1, 1)
    surface = loss_surface(lambda m: m.bias * math.nan, weight_plane(model, "weight", "bias"), sampling=Grid(3))
    assert surface.steepest is None and "nowhere finite" in str(surface)
    assert surface.plot().data and surface.plot_3d().data


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
    assert f"hold {percent_in_words(sum(plane.explained), 2)} of the variance" in told
    assert "training: 4 steps from" in told and "outside" not in told
