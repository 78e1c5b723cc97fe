"""Powers, half-lives and the derivative of a gated cell against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.experiments import run
from nurt.experiments.memory_cell import MemoryCellResult, half_life

# w, then w^T for T = 3, 10, 50, 100
POWERS = [
    (0.5, 0.125, 9.76563e-4, 8.88178e-16, 7.88861e-31),
    (0.9, 0.729, 0.348678, 0.00515378, 2.65614e-5),
    (0.99, 0.970299, 0.904382, 0.605006, 0.366032),
    (1.01, 1.0303, 1.10462, 1.64463, 2.70481),
    (1.1, 1.331, 2.59374, 117.391, 13780.6),
    (2.0, 8.0, 1024.0, 1.1259e15, 1.26765e30),
]


def memory(preset: str) -> MemoryCellResult:
    result = run("memory-cell", preset)
    assert isinstance(result, MemoryCellResult)
    return result


def test_the_powers_are_those_of_the_table() -> None:
    np.testing.assert_allclose(memory("default").tables()[0].rows, POWERS, rtol=5e-6)


@pytest.mark.parametrize(
    ("forget", "steps"), [(0.5, 1.0), (0.9, 6.579), (0.95, 13.513), (0.99, 68.9676), (0.999, 692.80)]
)
def test_half_lives(forget: float, steps: float) -> None:
    assert half_life(forget) == pytest.approx(steps, rel=5e-5)


def test_half_lives_of_forget_biases() -> None:
    rows = memory("default").tables()[1].rows
    np.testing.assert_allclose([row[1] for row in rows], [0.5, 0.7311, 0.8808, 0.9526, 0.9933], atol=5e-5)
    np.testing.assert_allclose([row[2] for row in rows], [1.0, 2.213, 5.461, 14.266, 103.218], atol=5e-4)


@pytest.mark.parametrize("preset", ["default", "no-bias"])
def test_the_derivative_of_the_cell_is_the_product_of_its_gates(preset: str) -> None:
    result = memory(preset)
    np.testing.assert_allclose(result.exact, result.gates, rtol=1e-12)
    assert result.exact[-1] == 1.0
    assert len(result.exact) == result.settings.steps + 1
    assert result.verdict.standing == "reached"


def test_gates_that_read_h_are_a_second_way_back() -> None:
    result = memory("gates-read-h")
    assert abs(result.exact[0] / result.gates[0] - 1.0) > 0.1
    assert result.verdict.standing == "shown"
