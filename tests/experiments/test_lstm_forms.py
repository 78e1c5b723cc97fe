"""Joined and split LSTM: the same unit, converted without a rounding."""

from __future__ import annotations

import numpy as np
import torch

from nurt.experiments import run
from nurt.experiments.lstm_forms import GATES, LSTMFormsResult, join_weights, split_weights


def test_both_notations_are_one_unit() -> None:
    for preset in ("default", "wide"):
        result = run("lstm-forms", preset)
        assert isinstance(result, LSTMFormsResult)
        assert result.score is not None
        assert result.score.value < 1e-13
        assert result.baselines[0].value == 0.0
        assert result.verdict.standing == "reached"


def test_the_way_there_and_back_is_exact_and_adds_the_biases() -> None:
    cell = torch.nn.LSTMCell(3, 5, dtype=torch.float64)
    split = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    joined = join_weights(split)
    assert joined.weights["f"].shape == (5, 8)
    np.testing.assert_array_equal(joined.weights["f"][:, :5], split["weight_hh"][5:10])
    again = split_weights(joined)
    for name in ("weight_ih", "weight_hh"):
        np.testing.assert_array_equal(again[name], split[name])
    np.testing.assert_array_equal(again["bias_ih"] + again["bias_hh"], split["bias_ih"] + split["bias_hh"])
    assert list(joined.weights) == list(GATES)


def test_the_joined_cell_follows_its_gates() -> None:
    result = run("lstm-forms")
    assert isinstance(result, LSTMFormsResult)
    gates, cell = result.gates, result.cell
    np.testing.assert_allclose(cell[1:], gates["f"][1:] * cell[:-1] + gates["i"][1:] * gates["g"][1:], rtol=1e-12)
