"""Gradients with a graph of their own, where one argument of a call was made of another."""

from __future__ import annotations

import pytest
import torch
from tests.tolerances import GRADIENTS, assert_agree

from nurt.kernels import use
from nurt.nn import GRU, LSTM, RNN


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_a_path_through_two_arguments_is_counted_once(kind):
    torch.manual_seed(3)
    layer = kind(2, 3, batch_first=True, dtype=torch.float64)
    weights = list(layer.parameters())
    given = torch.randn(2, 8, 2, dtype=torch.float64)
    results = []
    for rung in ("native", "reference"):
        with use(rung):
            # The weights make the inputs, and in the second call the initial state.
            inputs = given * layer.weight_hh_l0.sum()
            first, state = layer(inputs[:, :5])
            second, _ = layer(inputs[:, 5:], state)
            loss = first.square().sum() + second.square().sum()
            slopes = torch.autograd.grad(loss, weights, create_graph=True)
            results.append([*slopes, *torch.autograd.grad(sum(slope.square().sum() for slope in slopes), weights)])
    for mine, wanted in zip(*results, strict=True):
        assert_agree(mine, wanted, GRADIENTS[torch.float64], "gradient")
