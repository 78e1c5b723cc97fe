"""Losses equal their formulas on known cells and do not see the others."""

from __future__ import annotations

import pytest
import torch

from nurt.tasks.forecasting.network import LOSSES

LEVELS = (0.1, 0.5, 0.9)


def test_pinball_equals_the_worked_example() -> None:
    # Forecasts 18 and 20 of the 0.9 quantile where 16 and 22 come true cost 0.2 and 1.8.
    quantiles = torch.tensor([[[18.0], [20.0]]])
    assert LOSSES["quantile"](quantiles, torch.tensor([[16.0, 22.0]]), (0.9,)).item() == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "expected"), [("squared", 2.5), ("absolute", 1.5)])
def test_point_losses_look_at_the_middle_only(name: str, expected: float) -> None:
    quantiles = torch.tensor([[[-9.0, 1.0, 9.0], [-9.0, 2.0, 9.0]]])
    assert LOSSES[name](quantiles, torch.tensor([[2.0, 4.0]]), LEVELS).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_missing_truth_changes_neither_loss_nor_gradient(name: str) -> None:
    target = torch.tensor([[0.3, float("nan"), -0.7]])
    quantiles = torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss = LOSSES[name](quantiles, target, LEVELS)
    (gradient,) = torch.autograd.grad(loss, quantiles)
    assert torch.isfinite(gradient).all()
    assert (gradient[0, 1] == 0).all()
    torch.testing.assert_close(loss, LOSSES[name](quantiles[:, [0, 2]], target[:, [0, 2]], LEVELS))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_batch_without_any_truth_costs_nothing(name: str) -> None:
    quantiles = torch.randn(2, 3, 3, requires_grad=True)
    loss = LOSSES[name](quantiles, torch.full((2, 3), float("nan")), LEVELS)
    (gradient,) = torch.autograd.grad(loss, quantiles)
    assert loss.item() == 0.0
    assert (gradient == 0).all()
