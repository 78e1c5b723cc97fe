from __future__ import annotations

import pytest

from nurt.training.stopping import best_index, epochs_without_improvement, out_of_patience


@pytest.mark.parametrize(("losses", "best"), [([3.0], 0), ([3.0, 1.0, 2.0], 1), ([2.0, 1.0, 1.0], 1), ([0.0, 0.5], 0)])
def test_the_first_of_the_lowest_losses_is_the_best(losses, best):
    assert best_index(losses) == best


def test_an_equal_loss_is_no_improvement():
    assert epochs_without_improvement([5.0, 4.0, 4.0, 4.5]) == 2
    assert epochs_without_improvement([5.0, 4.0]) == 0
    assert epochs_without_improvement([]) == 0


def test_patience_ends_after_exactly_that_many_epochs_without_improvement():
    losses = [3.0, 2.0, 2.5, 2.4, 2.3]
    assert out_of_patience(losses, 3)
    assert not out_of_patience(losses[:-1], 3)
    assert not out_of_patience(losses, 4)
    assert not out_of_patience(losses, None)
