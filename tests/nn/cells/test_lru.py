"""The LRU against a plain complex loop, its ring, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch

from nurt.errors import NurtTypeError, NurtValueError
from nurt.nn import LRUCell, unroll


def test_the_numbers_and_gradients_are_those_of_a_plain_complex_loop():
    torch.manual_seed(3)
    cell = LRUCell(3, 5, 2, r_min=0.5).double()
    inputs = torch.randn(2, 7, 3, dtype=torch.float64)
    eigenvalues = torch.exp(-torch.exp(cell.nu_log) + 1j * torch.exp(cell.theta_log))
    B = torch.complex(cell.input_real, cell.input_imaginary)
    C = torch.complex(cell.output_real, cell.output_imaginary)
    memory, expected = torch.zeros(2, 5, dtype=torch.complex128), []
    for x in inputs.unbind(1):
        memory = eigenvalues * memory + torch.exp(cell.gamma_log) * (x.to(B.dtype) @ B.T)
        expected.append((memory @ C.T).real + x @ cell.skip.T)
    expected = torch.stack(expected, dim=1)
    outputs, state = unroll(cell, inputs)
    torch.testing.assert_close(outputs, expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(torch.complex(state.real, state.imaginary), memory, rtol=1e-12, atol=1e-13)
    weights = torch.randn_like(outputs)
    for one, other in zip(
        torch.autograd.grad(outputs, list(cell.parameters()), weights),
        torch.autograd.grad(expected, list(cell.parameters()), weights),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


def test_eigenvalues_begin_uniformly_in_the_ring():
    torch.manual_seed(0)
    cell = LRUCell(1, 20_000, 1, r_min=0.6, r_max=0.9, max_phase=1.5)
    sizes, phases = cell.eigenvalues.abs(), cell.eigenvalues.angle()
    assert 0.6 <= sizes.min() < 0.61
    assert 0.89 < sizes.max() <= 0.9
    assert 0 <= phases.min() < 0.01
    assert 1.49 < phases.max() <= 1.5
    # Half of the ring's area lies inside the radius whose square is the mean of the squares.
    assert (sizes**2 < (0.36 + 0.81) / 2).float().mean().item() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(cell.gamma_log.exp() ** 2, 1 - sizes**2)


def test_the_whole_disk_begins_with_finite_weights():
    for _ in range(20):
        cell = LRUCell(2, 5000, 1)
        assert all(parameter.isfinite().all() for parameter in cell.parameters())
        assert (cell.eigenvalues.abs() <= 1).all()


def test_white_noise_comes_out_of_the_memory_at_its_own_size():
    torch.manual_seed(0)
    cell = LRUCell(4, 50, r_min=0.7, r_max=0.9)
    _, state = unroll(cell, torch.randn(400, 150, 4))
    assert (state.real**2 + state.imaginary**2).mean().item() == pytest.approx(1.0, rel=0.1)


def test_rows_of_no_step_keep_the_output_they_came_with():
    cell = LRUCell(2, 3, 4)
    _, before = unroll(cell, torch.randn(2, 5, 2))
    outputs, after = unroll(cell, torch.randn(2, 6, 2), before, lengths=[0, 4])
    assert all(torch.equal(one[0], other[0]) for one, other in zip(after, before, strict=True))
    assert torch.equal(after.hidden[1], outputs[1, 3])


@pytest.mark.parametrize("ring", [{"r_min": -0.1}, {"r_max": 1.1}, {"r_min": 0.9, "r_max": 0.9}, {"r_max": math.nan}])
def test_a_ring_outside_the_unit_circle_is_refused(ring):
    with pytest.raises(NurtValueError, match="r_min"):
        LRUCell(2, 3, **ring)


@pytest.mark.parametrize("phase", [0.0, 7.0, math.nan])
def test_a_phase_that_is_no_angle_is_refused(phase):
    with pytest.raises(NurtValueError, match="max_phase"):
        LRUCell(2, 3, max_phase=phase)


def test_sizes_are_checked():
    with pytest.raises(NurtTypeError, match="output_size"):
        LRUCell(2, 3, 1.5)
    with pytest.raises(NurtValueError, match="output_size"):
        LRUCell(2, 3, 0)
    assert repr(LRUCell(2, 3, 4)) == "LRUCell(2, 3, 4, r_min=0.0, r_max=1.0)"
