"""A plane says where the weights are for two numbers, and nothing else moves."""

from __future__ import annotations

import pytest
import torch

from nurt.diagnostics import snapshot, weight_plane
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
