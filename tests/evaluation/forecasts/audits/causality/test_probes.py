"""Each probe alone, on functions whose derivatives are known."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.evaluation.forecasts.audits.causality import BlackBox, Differentiable
from nurt.evaluation.forecasts.audits.causality.probes import (
    Layout,
    gradient_probe,
    perturbation_probe,
    random_windows,
    swap_probe,
)


def linear(weights):
    return Differentiable(lambda inputs: inputs[..., 0] @ torch.tensor(weights).T)


def test_gradients_of_a_linear_forecast_are_its_weights():
    weights = np.array([[0.0, 2.0, -3.0], [1e-250, 0.0, 5.0]])
    rng = np.random.default_rng(0)
    windows = random_windows(4, 3, 1, rng)
    found = gradient_probe(linear(weights), windows, Layout(3, 2, (1, 2)), rng, learned=False)[..., 0]
    assert ((found > 0) == (weights != 0)).all()
    # One number per step is weighted by 0.5 to 1.5, so that several quantiles cannot cancel.
    assert (found[weights != 0] / np.abs(weights[weights != 0])).max() <= 1.5
    assert (found[weights != 0] / np.abs(weights[weights != 0])).min() >= 0.5


def test_many_steps_and_windows_are_cut_into_calls_without_mixing_steps():
    horizon = 150
    diagonal = np.diag(np.arange(1.0, horizon + 1))
    rng = np.random.default_rng(0)
    layout = Layout(horizon, horizon, tuple(range(1, horizon + 1)))
    found = gradient_probe(linear(diagonal), random_windows(3, horizon, 1, rng), layout, rng, learned=False)[..., 0]
    assert ((found > 0) == (diagonal > 0)).all()


def test_quantiles_that_mirror_each_other_do_not_cancel():
    rng = np.random.default_rng(0)
    mirrored = Differentiable(lambda inputs: torch.stack([inputs[:, :1, 0], -inputs[:, :1, 0]], dim=-1))
    found = gradient_probe(mirrored, random_windows(2, 3, 1, rng), Layout(3, 1, (1,)), rng, learned=False)
    assert (found[0, :, 0] > 0).tolist() == [True, False, False]


def test_a_path_open_in_one_window_only_is_found():
    rng = np.random.default_rng(0)
    windows = np.array([[-1.0], [2.0], [-3.0]])[..., None]
    forecaster = Differentiable(lambda inputs: torch.relu(inputs[:, 0]))
    found = gradient_probe(forecaster, windows, Layout(1, 1, (1,)), rng, learned=False)
    assert found.item() > 0


def test_a_forecast_without_a_graph_has_no_gradient():
    rng = np.random.default_rng(0)
    forecaster = Differentiable(lambda inputs: inputs[:, -1].detach())
    found = gradient_probe(forecaster, random_windows(2, 4, 1, rng), Layout(4, 1, (1,)), rng, learned=False)
    assert found.shape == (1, 4, 1)
    assert (found == 0.0).all()


def test_perturbation_sees_a_threshold_only_large_shifts_cross():
    rng = np.random.default_rng(0)
    window = random_windows(1, 6, 1, rng)
    limit = window.std() * 4
    box = BlackBox(lambda inputs: (np.abs(inputs[:, 2] - window[0, 2]) > limit).astype(float))
    found = perturbation_probe(box, window, (0,), Layout(6, 1, (1,)), rng, learned=False).found
    assert found.tolist() == [[False, False, True, False, False, False]]


def test_perturbation_ignores_rounding():
    rng = np.random.default_rng(0)
    box = BlackBox(lambda inputs: inputs[:, 0] + 1e-16 * inputs[:, 1])
    found = perturbation_probe(box, random_windows(2, 2, 1, rng), (0,), Layout(2, 1, (1,)), rng, learned=False).found
    assert found.tolist() == [[True, False]]


def test_perturbation_of_a_constant_window_still_moves_it():
    rng = np.random.default_rng(0)
    box = BlackBox(lambda inputs: inputs[:, 1])
    found = perturbation_probe(box, np.full((1, 3, 1), 7.0), (0,), Layout(3, 1, (1,)), rng, learned=False).found
    assert found.tolist() == [[False, True, False]]


@given(st.integers(3, 9), st.data())
@settings(max_examples=40, deadline=None)
def test_swaps_show_exactly_the_pairs_that_hold_a_read_input(look_back, data):
    read = data.draw(st.lists(st.booleans(), min_size=look_back, max_size=look_back))
    weights = np.where(read, np.arange(1.0, look_back + 1), 0.0)
    rng = np.random.default_rng(1)
    box = BlackBox(lambda inputs: (inputs[..., 0] @ weights)[:, None])
    swapped, cutoff = swap_probe(box, random_windows(2, look_back, 1, rng), (0,), Layout(look_back, 1, (1,)))
    expected = [read[i] or read[i + 1] for i in range(look_back - 2)]
    assert swapped.found[0].tolist() == expected
    assert cutoff.shape == (1,)


def test_swaps_leave_order_free_statistics_and_the_last_value_alone():
    rng = np.random.default_rng(0)

    def statistics(inputs):
        x = inputs[..., 0]
        parts = (x.mean(1), x.std(1), np.median(x, 1), x.min(1), x.max(1), x[:, -1])
        return np.stack(parts, axis=1)

    layout = Layout(11, 6, tuple(range(1, 7)))
    swapped, _ = swap_probe(BlackBox(statistics), random_windows(2, 11, 1, rng), (0,), layout)
    assert not swapped.found.any()


def test_swaps_tolerate_the_rounding_of_a_badly_conditioned_mean():
    """Summing in another order moves this mean by about 1e-12: more than one rounding, and still no influence."""
    rng = np.random.default_rng(0)
    box = BlackBox(lambda inputs: np.cumsum(inputs[..., 0] + 1e4, axis=1)[:, -1:] / 9 - 1e4)
    windows = random_windows(2, 9, 1, rng)
    swapped, _ = swap_probe(box, windows, (0,), Layout(9, 1, (1,)))
    assert swapped.size.max() > 1e-13
    assert not swapped.found.any()
