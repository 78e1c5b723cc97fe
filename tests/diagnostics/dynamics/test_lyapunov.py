"""Finite-time Lyapunov exponents where they are exact, and for random networks within known ranges."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from tests.diagnostics.conftest import drawn

from nurt.diagnostics import LayerId, LyapunovExponents, lyapunov_exponents, passage, step_jacobians
from nurt.errors import NurtValueError
from nurt.nn import AbstractCell, ElmanCell, LinearCell, LinearState


def without_input(cell: Any, weight: torch.Tensor) -> Any:
    """Return ``cell`` with these recurrent weights and nothing else."""
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_hh.copy_(weight)
    return cell


def linear(weight: torch.Tensor, steps: int, **options: Any) -> LyapunovExponents:
    cell = without_input(LinearCell(1, len(weight)).double(), weight)
    return lyapunov_exponents(step_jacobians(passage(cell, torch.zeros(1, steps, 1, dtype=torch.float64))), **options)


@pytest.mark.parametrize("steps", [1, 2, 63])
def test_a_triangular_linear_network_has_its_diagonal(steps: int) -> None:
    weight = torch.randn(5, 5, dtype=torch.float64).triu()
    weight.diagonal().copy_(torch.tensor([1.7, -0.3, 0.9, 0.02, -2.5]))
    expected = weight.diagonal().abs().log().sort(descending=True).values
    assert torch.allclose(linear(weight, steps).exponents[0], expected, rtol=0, atol=1e-12)


def test_a_linear_network_comes_near_the_logarithms_of_its_eigenvalues() -> None:
    weight = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    expected = torch.linalg.eigvals(weight).abs().log().sort(descending=True).values
    off = [float((linear(weight, steps).exponents[0] - expected).abs().max()) for steps in (100, 1000)]
    assert off[1] < 0.02
    assert off[1] < 0.2 * off[0]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_exponents_sum_to_the_mean_logarithm_of_the_determinants(any_cell: Any, reverse: bool) -> None:
    lengths = [9, 1, 5]
    inputs = torch.randn(3, 9, 3, dtype=torch.float64)
    jacobians = step_jacobians(passage(any_cell, inputs, lengths=lengths, reverse=reverse))
    found = lyapunov_exponents(jacobians)
    for row, length in enumerate(lengths):
        own = jacobians.ordered(row)
        expected = torch.linalg.slogdet(own).logabsdet.mean()
        # A determinant has no more digits than the condition of its matrix leaves it.
        lost = 1e-15 * float(torch.linalg.cond(own).max())
        if torch.isfinite(expected):
            assert float(found.exponents[row].sum()) == pytest.approx(float(expected), rel=1e-10, abs=max(1e-10, lost))
        assert found.growth[row, length:].isnan().all()
    assert found.steps.tolist() == lengths


def test_the_order_of_the_steps_is_that_of_the_layer() -> None:
    cell = drawn("lstm", 2, 3)
    inputs = torch.randn(1, 12, 2, dtype=torch.float64)
    there = step_jacobians(passage(cell, inputs, reverse=True))
    ahead = step_jacobians(passage(cell, inputs.flip(1)))
    assert torch.allclose(lyapunov_exponents(there).exponents, lyapunov_exponents(ahead).exponents, atol=1e-12)
    assert not torch.allclose(
        lyapunov_exponents(there).exponents,
        lyapunov_exponents(step_jacobians(passage(cell, inputs))).exponents,
        atol=1e-6,
    )


def test_discarded_steps_do_not_count() -> None:
    cell = drawn("gru", 2, 3)
    run = passage(cell, torch.randn(3, 20, 2, dtype=torch.float64), lengths=[20, 8, 15])
    jacobians = step_jacobians(run)
    found = lyapunov_exponents(jacobians, discard=8)
    assert found.steps.tolist() == [12, 0, 7]
    assert found.exponents[1].isnan().all()
    assert torch.allclose(found.exponents[0], found.growth[0, 8:].mean(0).sort(descending=True).values, atol=1e-14)
    assert found.growth[0, :8].isnan().all()
    whole = lyapunov_exponents(jacobians)
    assert torch.equal(whole.growth[0, 8:], found.growth[0, 8:])
    known = found.exponents[[0, 2], 0]
    # Student's t with one degree of freedom has its 97.5 % quantile at 12.706.
    half = 12.7062047 * float(known.std()) / 2**0.5
    assert found.interval() == pytest.approx((float(known.mean()) - half, float(known.mean()) + half), rel=1e-7)
    assert found.counted == (2, 7)
    assert "7 to 12 steps, 8 discarded; median of 2 rows, 95 % interval" in str(found)


def test_a_few_exponents_are_the_largest_wherever_they_live() -> None:
    weight = torch.diag(torch.tensor([0.1, 0.5, 3.0, 2.0], dtype=torch.float64))
    found = linear(weight, 400, count=2, discard=100)
    assert torch.allclose(found.exponents[0], torch.tensor([3.0, 2.0]).double().log(), atol=1e-9)
    blind = linear(weight, 400, count=1, start=torch.eye(4, dtype=torch.float64)[:, :1])
    assert float(blind.exponents) == pytest.approx(np.log(0.1), abs=1e-12)


def test_a_direction_that_is_lost_has_minus_infinity() -> None:
    found = linear(torch.diag(torch.tensor([2.0, 0.0], dtype=torch.float64)), 3)
    assert found.exponents.tolist() == [[pytest.approx(np.log(2.0), abs=1e-15), -np.inf]]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["over_batch"]["median"][1] is None
    assert len(found.plot().data) == 3
    assert "a single sequence" in str(found)
    assert np.isnan(found.interval()).all()


def test_one_odd_row_moves_the_interval_and_not_the_median() -> None:
    rates = torch.tensor([[0.1], [0.11], [0.09], [0.1], [-3.0]], dtype=torch.float64)
    found = LyapunovExponents(LayerId("", 0, "forward"), rates, 0, torch.full((5,), 9), rates.unsqueeze(1), 1)
    assert found.largest == 0.1
    assert found.interval()[0] < 0 < found.interval()[1]
    lost = LyapunovExponents(found.id, rates.log(), 0, found.steps, found.growth, 1)
    assert lost.interval()[0] < -1 and not np.isnan(lost.interval()[1])


class Map(AbstractCell[LinearState]):
    """A cell without inputs whose one unit follows a map with a known exponent."""

    def __init__(self, step: Any) -> None:
        super().__init__(1, 1)
        self.unused, self.follow = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64)), step

    def initial_state(self, batch: int) -> LinearState:
        return LinearState(torch.full((batch, 1), 0.3, dtype=torch.float64))

    def step(self, x: torch.Tensor, state: LinearState) -> LinearState:
        return LinearState(self.follow(state.hidden) + self.unused * x)


@pytest.mark.parametrize(
    ("step", "exponent"),
    [
        # Logistic map and second Chebyshev polynomial are conjugate to the tent map of slope 2.
        (lambda h: 4 * h * (1 - h), np.log(2)),
        (lambda h: 2 * h**2 - 1, np.log(2)),
        # A stable cycle of two: 3.2 h (1 - h) has the multiplier 4 + 2 r - r² = 0.16.
        (lambda h: 3.2 * h * (1 - h), np.log(0.16) / 2),
        # The fixed point of tanh(2 h) at h = 0.9575: the logarithm of 2 (1 - h²).
        (lambda h: torch.tanh(2 * h), np.log(2 * (1 - 0.95750402407728**2))),
    ],
)
def test_one_unit_maps_have_the_exponents_that_are_known(step: Any, exponent: float) -> None:
    start = LinearState(torch.tensor([[0.3], [0.21], [0.77]], dtype=torch.float64))
    run = passage(Map(step), torch.zeros(3, 1500, 1, dtype=torch.float64), start)
    found = lyapunov_exponents(step_jacobians(run), discard=300)
    assert found.largest == pytest.approx(exponent, abs=0.02)
    later = found.later_half()
    assert later.steps.tolist() == [600] * 3
    assert later.exponents[:, 0].tolist() == pytest.approx(found.growth[:, 900:, 0].mean(dim=1).tolist())
    low, high = found.interval()
    assert low - 0.01 <= exponent <= high + 0.01


def test_what_is_out_of_range_is_refused() -> None:
    jacobians = step_jacobians(passage(drawn("gru", 2, 3), torch.randn(1, 4, 2, dtype=torch.float64)))
    for wrong in ({"count": 0}, {"count": 4}, {"discard": -1}):
        with pytest.raises(NurtValueError, match="1 … 3"):
            lyapunov_exponents(jacobians, **wrong)
    with pytest.raises(NurtValueError, match=r"\(3, 2\)"):
        lyapunov_exponents(jacobians, count=2, start=torch.eye(3))
    nothing = lyapunov_exponents(jacobians, discard=4)
    assert nothing.exponents.isnan().all()
    assert "no row has a step after the 4 discarded" in str(nothing)
    json.dumps(nothing.to_dict(), allow_nan=False)


def random_tanh(gain: float, seed: int) -> float:
    """Return the largest exponent of a random network of 100 tanh units: 300 steps dropped, 2000 kept."""
    stream = np.random.default_rng(seed)
    weight = torch.from_numpy(gain * stream.standard_normal((100, 100)) / 10)
    start = torch.from_numpy(0.1 * stream.standard_normal(100)).unsqueeze(0)
    cell = without_input(ElmanCell(1, 100).double(), weight)
    run = passage(cell, torch.zeros(1, 2300, 1, dtype=torch.float64), (start,))
    return lyapunov_exponents(step_jacobians(run), count=1, discard=300).largest


# For g = 1 the largest is that of a cycle, 0; a Q that only begins to turn when counting begins gives -0.001 there.
RANGES = {0.5: (-0.72, -0.58), 1.0: (-0.073, 0.0), 1.5: (-0.017, 0.068), 2.0: (0.062, 0.151)}
# The printed ranges are rounded to their last digit, and a chaotic trajectory depends on rounding.
ROUNDING = {0.5: 0.005, 1.0: 0.0005, 1.5: 0.005, 2.0: 0.01}


@pytest.mark.slow
@pytest.mark.parametrize("gain", RANGES)
@pytest.mark.parametrize("seed", range(10))
def test_random_networks_lie_in_the_known_ranges(gain: float, seed: int) -> None:
    low, high = RANGES[gain]
    assert low - ROUNDING[gain] <= random_tanh(gain, seed) <= high + ROUNDING[gain]


@pytest.mark.parametrize("gain, low, high", [(0.5, -np.inf, -0.5), (1.0, -0.1, 0.02), (2.0, 0.05, np.inf)])
def test_a_random_network_forgets_or_is_chaotic(gain: float, low: float, high: float) -> None:
    assert low < random_tanh(gain, 0) < high
