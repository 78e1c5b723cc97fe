"""Quantiles never cross, the untrained head repeats the anchor bit for bit, losses see known cells alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nurt.errors import NurtValueError
from nurt.tasks.forecasting.network import LOSSES, QuantileHead

THREE = (0.1, 0.5, 0.9)
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


@given(hidden=st.integers(1, 9), steps=st.integers(1, 7), batch=st.integers(1, 5), size=st.floats(0.1, 100.0))
def test_quantiles_ascend_whatever_the_weights(hidden: int, steps: int, batch: int, size: float) -> None:
    head = QuantileHead(hidden, steps, LEVELS)
    generator = torch.Generator().manual_seed(hidden * 100 + steps)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(0.0, size, generator=generator)
    state = torch.randn(batch, hidden, generator=generator)
    quantiles = head(state, torch.rand(batch, 1, generator=generator))
    assert quantiles.shape == (batch, steps, len(LEVELS))
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_the_middle_quantile_is_the_linear_read_out() -> None:
    head = QuantileHead(3, 2, LEVELS)
    state = torch.tensor([[0.3, -1.2, 0.7]])
    torch.testing.assert_close(head(state, torch.ones(1, 1))[..., 2], head.median(state))


def test_starting_at_repeat_gives_zero_and_the_spread_of_the_training_changes() -> None:
    head = QuantileHead(4, 3, LEVELS).double()
    changes = np.random.default_rng(0).normal(size=(4001, 3)) * np.array([1.0, 2.0, 5.0])
    head.start_at_repeat(changes)
    quantiles = head(torch.randn(2, 4, dtype=torch.float64), torch.full((2, 1), 1.7, dtype=torch.float64))
    assert torch.equal(quantiles[..., 2], torch.zeros(2, 3, dtype=torch.float64))
    expected = np.quantile(changes, LEVELS, axis=0).T
    expected = 1.7 * (expected - expected[:, [2]])
    np.testing.assert_allclose(quantiles[0].detach().numpy(), expected, rtol=1e-9)


def test_a_step_never_observed_does_not_spoil_the_start() -> None:
    head = QuantileHead(2, 2, LEVELS)
    changes = np.column_stack([np.arange(7.0), np.full(7, np.nan)])
    head.start_at_repeat(changes)
    assert torch.isfinite(head(torch.ones(1, 2), torch.ones(1, 1))).all()


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.9, 0.5), (0.5, 0.5, 0.9)])
def test_levels_without_a_middle_or_out_of_order_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(NurtValueError, match=r"0\.5 among them"):
        QuantileHead(2, 1, levels)


def test_pinball_equals_the_worked_example() -> None:
    # Forecasts 18 and 20 of the 0.9 quantile where 16 and 22 come true cost 0.2 and 1.8.
    quantiles = torch.tensor([[[18.0], [20.0]]])
    assert LOSSES["quantile"](quantiles, torch.tensor([[16.0, 22.0]]), (0.9,)).item() == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "expected"), [("squared", 2.5), ("absolute", 1.5)])
def test_point_losses_look_at_the_middle_only(name: str, expected: float) -> None:
    quantiles = torch.tensor([[[-9.0, 1.0, 9.0], [-9.0, 2.0, 9.0]]])
    assert LOSSES[name](quantiles, torch.tensor([[2.0, 4.0]]), THREE).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_missing_truth_changes_neither_loss_nor_gradient(name: str) -> None:
    target = torch.tensor([[0.3, float("nan"), -0.7]])
    quantiles = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss = LOSSES[name](quantiles, target, THREE)
    (gradient,) = torch.autograd.grad(loss, quantiles)
    assert torch.isfinite(gradient).all()
    assert (gradient[0, 1] == 0).all()
    torch.testing.assert_close(loss, LOSSES[name](quantiles[:, [0, 2]], target[:, [0, 2]], THREE))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_batch_without_any_truth_has_a_loss_of_zero(name: str) -> None:
    quantiles = torch.randn(2, 3, 3, requires_grad=True)
    loss = LOSSES[name](quantiles, torch.full((2, 3), float("nan")), THREE)
    (gradient,) = torch.autograd.grad(loss, quantiles)
    assert loss.item() == 0.0
    assert (gradient == 0).all()
