"""Eigenvalues and gradients: the matrix that grows first, and random networks with tanh."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nurt.experiments import run
from nurt.experiments.spectrum import SpectrumResult

# Power → norm of [[0.9, 5], [0, 0.9]].
NORMS = {1: 5.157066, 2: 9.072319, 9: 19.378769763, 20: 13.509611278, 50: 1.4316228, 100: 0.0147563805}


def found(preset: str) -> SpectrumResult:
    result = run("spectrum", preset)
    assert isinstance(result, SpectrumResult)
    return result


def test_the_default_shows_the_matrix_that_grows_first() -> None:
    result = found("default")
    matrix = np.array([[0.9, 5.0], [0.0, 0.9]])
    assert result.departure == pytest.approx(5.0, rel=1e-12)
    for k, norm in NORMS.items():
        assert result.envelope[k] == pytest.approx(np.linalg.norm(np.linalg.matrix_power(matrix, k), 2), rel=1e-9)
        assert result.envelope[k] == pytest.approx(norm, rel=1e-7)
    assert result.verdict.standing == "shown"
    assert "do not explain" in result.verdict.text.en
    assert math.log(result.radius) > 0.3 > 0.1 > result.score.value


def test_a_normal_matrix_does_as_its_eigenvalues_say() -> None:
    result = found("normal")
    assert result.departure == 0.0
    assert result.envelope == pytest.approx(0.9 ** np.arange(101), rel=1e-12)


def test_gains_give_forgetting_the_edge_and_chaos() -> None:
    forgetting, edge, chaos = (found(preset) for preset in ("forgetting", "edge", "chaos"))
    assert forgetting.score.value < -0.5
    assert -0.1 < edge.score.value < 0.02
    assert chaos.score.value > 0.05
    assert forgetting.verdict.standing == "shown"
    assert "do not explain" not in forgetting.verdict.text.en
    assert forgetting.score.value == pytest.approx(math.log(forgetting.radius), abs=0.01)
    assert [one.radius for one in (forgetting, edge, chaos)] == pytest.approx([0.5, 1.0, 2.0], rel=0.06)
    # The gradient over 100 steps is what the Jacobians say, not the weights.
    assert chaos.log_powers[-1] > 60
    assert chaos.log_products[-1] < 40
