"""A plane says where the weights are for two numbers, and nothing else moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from nurt.diagnostics import Grid, loss_surface, path_plane, projected_path, random_plane, snapshot, weight_plane
from nurt.diagnostics.surface.plane import named_weights
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import LSTM


def test_two_weights_take_their_values_and_all_others_keep_theirs() -> None:
    model = LSTM(3, 5)
    before = snapshot(model)
    plane = weight_plane(model, ("weight_hh_l0", (7, -1)), ("bias_ih_l0", 3))
    at = plane.at(0.1, -1e30)
    assert at["weight_hh_l0"][7, 4] == torch.tensor(0.1) and at["bias_ih_l0"][3] == torch.tensor(-1e30)
    assert set(at) == {"weight_hh_l0", "bias_ih_l0"}
    at["weight_hh_l0"][7, 4] = before["weight_hh_l0"][7, 4]
    assert torch.equal(at["weight_hh_l0"], before["weight_hh_l0"])
    assert (plane.x.name, plane.y.name) == ("weight_hh_l0[7, 4]", "bias_ih_l0[3]")


def test_both_weights_may_lie_in_one_parameter() -> None:
    plane = weight_plane(torch.nn.RNN(2, 2), ("weight_hh_l0", (0, 0)), ("weight_hh_l0", (1, 0)))
    moved = plane.at(0.5, -0.25)["weight_hh_l0"]
    assert moved[:, 0].tolist() == [0.5, -0.25]
    assert torch.equal(moved[:, 1], plane.model.weight_hh_l0[:, 1])


def test_coordinates_of_the_present_weights_are_their_values() -> None:
    model = torch.nn.Linear(3, 1).double()
    plane = weight_plane(model, ("weight", (0, 2)), "bias")
    assert plane.coordinates(snapshot(model)) == pytest.approx((model.weight[0, 2].item(), model.bias.item()))


def test_slopes_are_the_derivatives_of_the_two_weights() -> None:
    model = torch.nn.Linear(3, 1)
    plane = weight_plane(model, ("weight", (0, 1)), "bias")
    gradients = {"weight": torch.tensor([[1.0, 2.0, 3.0]]), "bias": torch.tensor([5.0])}
    assert plane.slopes(gradients) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        ("weigth", "bias", NurtValueError, "no parameter 'weigth'"),
        ("weight", "bias", NurtValueError, "more than one element"),
        (("weight", (0, 3)), "bias", ShapeError, "no such element"),
        (("weight", 0), "bias", ShapeError, "no such element"),
        (("weight", (0, -1)), ("weight", (0, 2)), NurtValueError, "the same weight"),
    ],
)
def test_what_is_no_weight_is_refused(x: object, y: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        weight_plane(torch.nn.Linear(3, 1), x, y)


@pytest.mark.parametrize("model", [torch.nn.Tanh(), "LSTM"])
def test_what_has_no_weights_is_refused(model: object) -> None:
    with pytest.raises(NurtTypeError):
        named_weights(model)


def walk(model: torch.nn.Module, points: int, seed: int = 3) -> list[dict[str, torch.Tensor]]:
    """Return a path of random steps that ends away from the model's own weights."""
    stream = torch.Generator().manual_seed(seed)
    path = [snapshot(model)]
    for _ in range(points - 1):
        path.append({k: v + torch.randn(v.shape, generator=stream, dtype=v.dtype) for k, v in path[-1].items()})
    return path


def test_every_row_of_every_gate_has_the_norm_of_its_weights() -> None:
    model = LSTM(3, 5, num_layers=2)
    for direction in (random_plane(model, 4).x, random_plane(model, 4).y):
        for name, weight in model.named_parameters():
            rows = (4, 5) if weight.dim() == 1 else weight.shape
            torch.testing.assert_close(
                direction.steps[name].reshape(rows).norm(dim=1), weight.detach().reshape(rows).norm(dim=1)
            )


def test_a_seed_fixes_the_directions_and_leaves_the_global_stream_alone() -> None:
    model = torch.nn.GRU(2, 3)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (random_plane(model, seed).x.steps["weight_hh_l0"] for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.rand(1), expected)


def test_zeros_do_not_move_and_the_middle_is_the_model_bit_for_bit() -> None:
    model = torch.nn.RNN(2, 3)
    torch.nn.init.zeros_(model.bias_hh_l0)
    plane = random_plane(model)
    assert not plane.at(0.7, 0.3)["bias_hh_l0"].any()
    assert all(
        torch.equal(moved, weight) for moved, weight in zip(plane.at(0, 0).values(), model.parameters(), strict=True)
    )


def test_one_weight_spans_no_plane() -> None:
    with pytest.raises(NurtValueError, match="one line"):
        random_plane(torch.nn.Linear(1, 1, bias=False))


@pytest.mark.parametrize("make", [random_plane, lambda model: path_plane(model, walk(model, 6))])
def test_the_loss_in_the_middle_is_that_of_the_weights(make: Callable) -> None:
    model = torch.nn.RNN(2, 3)
    inputs = torch.randn(4, 5, 2, generator=torch.Generator().manual_seed(0))

    def loss(m: torch.nn.Module) -> torch.Tensor:
        return m(inputs)[0].square().mean()

    plane = make(model)
    surface = loss_surface(loss, plane, sampling=Grid(3))
    model.load_state_dict(dict(plane.origin))
    assert surface.points[4].tolist() == [0.0, 0.0]
    assert surface.losses[4] == loss(model).item()


def test_the_components_are_those_of_the_covariance() -> None:
    model = torch.nn.RNN(2, 2).double()
    path = walk(model, 9)
    plane = path_plane(model, path)
    points = np.stack([np.concatenate([v.numpy().ravel() for v in point.values()]) for point in path])
    values, vectors = np.linalg.eigh(np.cov(points.T))
    assert plane.explained == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()), rel=1e-10)
    for direction, vector in zip((plane.x, plane.y), vectors.T[::-1], strict=False):
        own = np.concatenate([v.numpy().ravel() for v in direction.steps.values()])
        assert abs(own @ vector) == pytest.approx(1.0, abs=1e-10)
    assert 0 < sum(plane.explained) < 1
    seen = projected_path(plane, path)
    ends = points - points[-1]
    np.testing.assert_allclose(np.abs(seen.points[:, 0]), np.abs(ends @ vectors[:, -1]), atol=1e-10)
    assert seen.points[-1] == pytest.approx((0, 0), abs=1e-14)


def test_the_path_of_a_model_of_two_weights_gives_the_surface_over_these(linear: Callable) -> None:
    problem = linear()
    path = walk(problem.model, 5)
    plane = path_plane(problem.model, path)
    assert sum(plane.explained) == pytest.approx(1.0, abs=1e-14) and sum(plane.explained) <= 1.0
    turned = loss_surface(problem.loss, plane, sampling=Grid(4))
    for (x, y), found in zip(turned.points, turned.losses, strict=True):
        at = plane.at(float(x), float(y))
        here = float(at["weight_ih"]), float(at["weight_hh"])
        straight = loss_surface(
            problem.loss, problem.plane, (here[0], here[0] + 1), (here[1], here[1] + 1), sampling=Grid(2)
        )
        assert straight.losses[0] == found


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda path: path[:2], NurtValueError, "too short"),
        (lambda path: [path[0], path[0], path[0]], NurtValueError, "no plane"),
        (lambda path: [path[0], path[1], path[0]], NurtValueError, "no plane"),
        (lambda path: [*path, {}], ShapeError, "point 4 .* not one of this model"),
        (lambda path: [snapshot(torch.nn.Linear(3, 1)), *path], ShapeError, "point 0"),
    ],
)
def test_what_is_no_path_in_a_plane_is_refused(spoil: Callable, error: type[Exception], message: str) -> None:
    model = torch.nn.Linear(2, 1)
    with pytest.raises(error, match=message):
        path_plane(model, spoil(walk(model, 4)))
