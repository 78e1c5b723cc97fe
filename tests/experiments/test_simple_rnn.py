"""The network of the lectures against the layers of torch and nurt."""

from __future__ import annotations

import numpy as np
import torch

from nurt.experiments import run
from nurt.experiments.simple_rnn import SimpleRNNResult, by_hand


def test_equations_and_layers_are_the_same_in_both_precisions() -> None:
    result = run("simple-rnn")
    assert isinstance(result, SimpleRNNResult)
    assert set(result.differences) == {"o", "W_xh", "W_hh", "W_hy"}
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
