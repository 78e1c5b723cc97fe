"""The structures: which input influences which output, and where the derivative is exactly zero."""

from __future__ import annotations

import numpy as np

from nurt.experiments import run
from nurt.experiments.structures import KINDS, StructuresResult


def test_inputs_reach_just_the_outputs_that_they_should() -> None:
    result = run("structures", "longer")
    assert isinstance(result, StructuresResult)
    assert result.verdict.standing == "reached"
    assert {kind.id: result.reach[kind.id].shape for kind in KINDS} == {
        "one-to-one": (1, 1),
        "one-to-many": (6, 1),
        "many-to-one": (1, 10),
        "synchronous": (10, 10),
        "encoder-decoder": (6, 10),
        "stacked": (10, 10),
        "bidirectional": (10, 10),
    }
    for name in ("synchronous", "stacked"):
        assert (result.reach[name][np.triu_indices(10, 1)] == 0.0).all(), name
        assert (result.reach[name][np.tril_indices(10)] > 0.0).all(), name
    for name in ("one-to-many", "many-to-one", "encoder-decoder", "bidirectional"):
        assert (result.reach[name] > 0.0).all(), name


def test_shapes_are_those_of_real_tensors() -> None:
    result = run("structures")
    assert isinstance(result, StructuresResult)
    assert result.shapes["encoder-decoder"] == ((2, 5, 3), (2, 5, 4), (2, 3, 3))
    assert result.shapes["bidirectional"] == ((2, 5, 3), (2, 5, 8), (2, 5, 3))
    # RNN: 4·(3 + 4) weights and two biases of 4; read-out: 3·4 + 3.
    assert result.parameters["many-to-one"] == 4 * (3 + 4) + 2 * 4 + 3 * 4 + 3
