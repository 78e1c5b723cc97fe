"""The cliff: closed form, autograd and forward mode agree; maps say what they cannot see."""

from __future__ import annotations

import dataclasses
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from nurt.experiments import find, run
from nurt.experiments.surface import ridge
from nurt.experiments.surface.cliff import CliffResult

# w, b*, m, ∂ℓ/∂b, ∂ℓ/∂w, ‖∇ℓ‖
RIDGE = [
    (2.0, -0.744918662404, 0.4700074244, -0.0687645293659, -0.0428031229595, 0.0809979496),
    (4.5, -2.301066990408, 1.0575167049, -9.74647639507, -6.06678517845, 11.4804044),
    (5.0, -2.612296656009, 1.1750185610, -661.682801323, -411.870633979, 779.398197),
    (5.5, -2.923526321610, 1.2925204171, -46488.7123632, -28937.332806, 54759.1966),
    (6.0, -3.234755987211, 1.4100222732, -2571138.34681, -1600429.05578, 3028551.73),
    (7.0, -3.857215318413, 1.6450259854, -3636597035.28, -2263633758.43, 4283558776.0),
]
WEIGHTS = [row[0] for row in RIDGE]


@pytest.mark.parametrize("row", RIDGE, ids=str)
def test_the_closed_form_is_that_of_the_table(row: tuple[float, ...]) -> None:
    weight, bias, factor, by_bias, by_weight, norm = row
    assert ridge.ridge_bias(weight) == pytest.approx(bias, rel=1e-11)
    assert ridge.multiplier(weight) == pytest.approx(factor, rel=1e-9)
    np.testing.assert_allclose(ridge.ridge_gradient(weight), [by_weight, by_bias], rtol=1e-9)
    assert np.linalg.norm(ridge.ridge_gradient(weight)) == pytest.approx(norm, rel=1e-8)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_gradient_carried_forward_is_the_closed_form(weight: float) -> None:
    found = ridge.slope(weight, ridge.ridge_bias(weight))
    np.testing.assert_allclose([found.weight, found.bias], ridge.ridge_gradient(weight), rtol=1e-12)
    assert float(found.loss) == pytest.approx(0.006012555317663674, rel=1e-14)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_autograd_gives_the_closed_form_too(weight: float, dtype: torch.dtype, tolerance: float) -> None:
    start = torch.sigmoid(torch.tensor(0.5, dtype=dtype))
    free = torch.tensor(weight, dtype=dtype, requires_grad=True)
    bias = (0.5 - weight * start).detach().requires_grad_()
    state = start
    for _ in range(50):
        state = torch.sigmoid(free * state + bias)
    ((state - 0.7) ** 2).backward()
    assert free.grad is not None
    assert bias.grad is not None
    np.testing.assert_allclose([free.grad, bias.grad], ridge.ridge_gradient(weight), rtol=tolerance)


def test_where_the_multiplier_is_one_the_sum_has_fifty_terms() -> None:
    at = ridge.STEEPEST_WEIGHT
    assert at == pytest.approx(4.255251930, rel=1e-9)
    below, above = ridge.ridge_gradient(at * (1 - 1e-9)), ridge.ridge_gradient(at * (1 + 1e-9))
    np.testing.assert_allclose(ridge.ridge_gradient(at), 0.5 * (below + above), rtol=1e-6)


def test_points_beside_the_ridge() -> None:
    found = ridge.slope(5.0, -2.5)
    values = [found.last, found.loss, found.weight, found.bias]
    np.testing.assert_allclose(values, [0.8552058917, 0.02408886881, 0.08631166948, 0.1009250176], rtol=1e-9)
    found = ridge.slope(4.0, -2.0)
    values = [found.last, found.loss, found.weight, found.bias]
    np.testing.assert_allclose(values, [0.5706298607, 0.01673663293, -1.044529405, -1.787904154], rtol=1e-9)
    assert ridge.states(4.0, -2.0)[-1] == float(found.last)


@pytest.mark.parametrize(
    ("aside", "low", "high"),
    [
        (0.02, 0.11164, 0.81492),
        (0.01, 0.11364, 0.80841),
        (1e-3, 0.11549, 0.80024),
        (1e-4, 0.13442, 0.76609),
        (1e-5, 0.57298, 0.65931),
    ],
)
def test_both_sides_of_the_ridge(aside: float, low: float, high: float) -> None:
    on = ridge.ridge_bias(5.0)
    assert float(ridge.slope(5.0, on - aside).last) == pytest.approx(low, abs=6e-6)
    assert float(ridge.slope(5.0, on + aside).last) == pytest.approx(high, abs=6e-6)


@pytest.mark.parametrize(("weight", "bias", "last"), [(6.0, -3.234756, 0.35067733), (6.0, -3.2348, 0.05065)])
def test_a_typed_bias_falls_off(weight: float, bias: float, last: float) -> None:
    assert float(ridge.slope(weight, bias).last) == pytest.approx(last, rel=2e-4)


@pytest.mark.parametrize(("grid", "largest"), [(101, 16.3), (201, 232.0), (401, 440.0)])
def test_a_grid_finds_little_and_the_result_says_how_little(grid: int, largest: float) -> None:
    experiment = find("surface/cliff")
    result = experiment.run(settings=dataclasses.replace(experiment.settings(), grid=grid))
    assert isinstance(result, CliffResult)
    assert result.searches[0].largest == pytest.approx(largest, rel=3e-3)
    assert result.searches[0].cell == pytest.approx(4.0 / (grid - 1))
    cells, found = zip(*((one.cell, one.largest) for one in result.searches), strict=True)
    assert list(cells) == sorted(cells, reverse=True)
    assert found[-1] > 1e9
    assert result.verdict.standing == "reached"


def test_the_overview_spans_what_was_measured() -> None:
    weights, biases = np.meshgrid(np.linspace(0, 10, 401), np.linspace(-6, 2, 401))
    found = ridge.slope(weights, biases)
    assert (found.loss.min(), found.loss.max()) == pytest.approx((1.900e-9, 0.48654), rel=1e-3)
    assert found.norm.max() == pytest.approx(229, rel=2e-3)


@pytest.mark.parametrize("preset", ["default", "steeper"])
def test_a_bias_that_is_computed_is_on_the_ridge(preset: str) -> None:
    result = run("surface/cliff", preset)
    assert isinstance(result, CliffResult)
    assert result.bias == ridge.ridge_bias(result.settings.weight)
    assert float(ridge.slope(result.settings.weight, result.bias).loss) == pytest.approx(0.00601255531766, rel=1e-11)
    assert set(result.trajectory) == {ridge.START}


def test_a_typed_bias_is_told_in_the_verdict() -> None:
    result = run("surface/cliff", "typed-bias")
    assert result.verdict.standing == "shown"
    assert "not on the ridge" in result.verdict.text.en
    assert "not on the ridge" not in run("surface/cliff").verdict.text.en


def _precise_slope(weight: float, offset: float, width: float) -> float:
    """Return ‖∇ℓ‖ at b* + ``offset`` by central differences in arithmetic of 60 digits."""
    with mpmath.workdps(60):

        def loss(by_weight: Any, by_bias: Any) -> Any:
            start = 1 / (1 + mpmath.exp(mpmath.mpf(-1) / 2))
            w = mpmath.mpf(weight)
            b = mpmath.mpf(1) / 2 - w * start + mpmath.mpf(offset) + by_bias
            state = start
            for _ in range(50):
                state = 1 / (1 + mpmath.exp(-(w + by_weight) * state - b))
            return (state - mpmath.mpf(7) / 10) ** 2

        step = mpmath.mpf(width)
        by_weight = (loss(step, 0) - loss(-step, 0)) / (2 * step)
        by_bias = (loss(0, step) - loss(0, -step)) / (2 * step)
        return float(mpmath.hypot(by_weight, by_bias))


@pytest.mark.parametrize(("weight", "offset", "norm"), [(5.0, -4.47e-5, 6773.1), (7.0, -1.24e-11, 2.534e10)])
def test_the_wall_is_steepest_beside_the_ridge(weight: float, offset: float, norm: float) -> None:
    top = ridge.crest(weight)
    assert (top.offset, top.norm) == pytest.approx((offset, norm), rel=2e-3)
    assert top.norm > 5.0 * np.linalg.norm(ridge.ridge_gradient(weight))
    near = ridge.beside_ridge(weight, top.offset * np.array([0.9, 1.0, 1.1])).norm
    assert near.argmax() == 1
    assert _precise_slope(weight, top.offset, abs(top.offset) * 1e-9) == pytest.approx(top.norm, rel=1e-9)


def test_the_distance_from_the_ridge_gives_what_the_bias_gives() -> None:
    offsets = np.array([-0.1, -1e-4, 0.0, 1e-3, 0.2])
    by_distance, by_bias = ridge.beside_ridge(5.0, offsets), ridge.slope(5.0, ridge.ridge_bias(5.0) + offsets)
    for name in ("last", "loss", "weight", "bias"):
        np.testing.assert_allclose(getattr(by_distance, name), getattr(by_bias, name), rtol=1e-9)


def test_the_verdict_and_the_table_tell_the_largest_gradient_and_where_it_is() -> None:
    result = run("surface/cliff")
    assert "2.53·10¹⁰, 8 powers" in result.verdict.text.en
    assert "b* − 1.24·10⁻¹¹" in result.verdict.text.en
    rows = {row[0]: row[-2:] for row in result.tables()[0].rows}
    assert np.isnan(rows[2.0]).all()
    assert rows[7.0] == pytest.approx((2.534e10, -1.2407e-11), rel=1e-4)


@pytest.mark.parametrize(("preset", "grows"), [("default", True), ("steeper", True), ("off-ridge", False)])
def test_the_caption_of_the_states_says_whether_they_part(preset: str, grows: bool) -> None:
    caption = run("surface/cliff", preset).figures()[2].how_to_read.en
    assert ("unstable" in caption) is grows
    assert ("end together" in caption) is not grows


def test_one_step_from_the_ridge() -> None:
    steps = {row[0].en: row[1] for row in run("surface/cliff").tables()[2].rows}
    assert steps == pytest.approx({"plain": 7.79398, "clipped": 0.01}, rel=1e-5)
    steps = {row[0].en: row[1] for row in run("surface/cliff", "steeper").tables()[2].rows}
    assert steps["plain"] == pytest.approx(30286, rel=1e-4)
