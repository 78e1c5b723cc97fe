"""The network of the lectures against the layers of torch and nurt."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from nurt.experiments import run
from nurt.experiments.simple_rnn import SimpleRNNResult, by_hand


def test_equations_and_layers_are_the_same_in_both_precisions() -> None:
    result = run("simple-rnn")
    assert isinstance(result, SimpleRNNResult)
    assert set(result.differences) == {"y", "W_xh", "W_hh", "W_hy", "b_h", "b_y"}
    assert max(double for double, _ in result.differences.values()) < 1e-12
    assert max(single for _, single in result.differences.values()) < 1e-6
    assert result.verdict.standing == "reached"
    np.testing.assert_allclose(result.written, result.layer, rtol=1e-12)


def test_the_equations_are_torchs_own_layer() -> None:
    stream = np.random.RandomState(3)
    weights = {
        "W_xh": stream.standard_normal((5, 3)),
        "W_hh": stream.standard_normal((5, 5)),
        "W_hy": np.eye(5),
    }
    inputs = stream.standard_normal((2, 7, 3))
    layer = torch.nn.RNN(3, 5, bias=False, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({f"weight_{a}_l0": torch.from_numpy(weights[b]) for a, b in (("ih", "W_xh"), ("hh", "W_hh"))})
    outputs = layer(torch.from_numpy(inputs))[0]
    (0.5 * outputs**2).sum().backward()
    own, gradients = by_hand(weights, inputs)
    np.testing.assert_allclose(own, outputs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradients["W_hh"], layer.weight_hh_l0.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("preset", ["lectures", "sigmoid-output"])
def test_without_biases_and_through_a_sigmoid(preset: str) -> None:
    result = run("simple-rnn", preset)
    assert isinstance(result, SimpleRNNResult)
    assert ("b_h" in result.differences) is (preset != "lectures")
    assert max(double for double, _ in result.differences.values()) < 1e-12
    assert result.verdict.standing == "reached"
    told = result.figures()[0].how_to_read.en
    assert ("+ b_h" in told) is (preset != "lectures")


@pytest.mark.parametrize("output", ["identity", "sigmoid"])
@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (2, 5)])
def test_every_gradient_is_its_finite_difference(
    output: Literal["identity", "sigmoid"], batch: int, steps: int
) -> None:
    stream = np.random.RandomState(5)
    shapes = {"W_xh": (3, 2), "W_hh": (3, 3), "W_hy": (2, 3), "b_h": (3,), "b_y": (2,)}
    weights = {name: stream.standard_normal(shape) for name, shape in shapes.items()}
    inputs = stream.standard_normal((batch, steps, 2))
    gradients = by_hand(weights, inputs, output)[1]
    for name, shape in shapes.items():
        for place in np.ndindex(*shape):
            ends = []
            for sign in (1.0, -1.0):
                moved = {key: value.copy() for key, value in weights.items()}
                moved[name][place] += sign * 1e-6
                ends.append(0.5 * np.square(by_hand(moved, inputs, output)[0]).sum())
            assert gradients[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7), name


def test_without_biases_the_equations_have_none() -> None:
    weights = {"W_xh": np.ones((1, 1)), "W_hh": np.zeros((1, 1)), "W_hy": np.full((1, 1), 2.0)}
    outputs, gradients = by_hand(weights, np.array([[[0.5]]]))
    assert outputs[0, 0, 0] == pytest.approx(2.0 * np.tanh(0.5))
    assert set(gradients) == set(weights)
