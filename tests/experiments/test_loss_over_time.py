"""The parts of a summed loss add up, each is the finite difference of its own loss, and the words follow the lags."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nurt.experiments import run
from nurt.experiments.loss_over_time import LossOverTimeResult, LossOverTimeSettings, _told, _verdict, rate_of


def found(**changes: object) -> LossOverTimeResult:
    result = run("loss-over-time", settings=LossOverTimeSettings(**changes))  # type: ignore[arg-type]
    assert isinstance(result, LossOverTimeResult)
    return result


@pytest.mark.parametrize("preset", ["default", "last", "vanishing", "large-weights"])
def test_the_parts_add_up(preset: str) -> None:
    result = run("loss-over-time", preset)
    assert isinstance(result, LossOverTimeResult)
    assert result.verdict.standing == "reached"
    assert result.score is not None and result.score.value < 1e-12
    # Nothing comes from later uses or states, and nothing from the use of the weights on the state 0.
    assert (np.tril(result.uses, -1) == 0).all() and (np.tril(result.states, -1) == 0).all()
    assert (result.uses[0] == 0).all()
    assert result.totals[-1] == pytest.approx(result.states[-1, -1])


def test_only_the_last_loss_counts_where_the_others_are_left_out() -> None:
    result = found(counted="last")
    assert (result.losses[:-1] == 0).all() and result.losses[-1] > 0
    assert (result.by_loss[:-1] == 0).all()
    assert result.by_loss[-1] == pytest.approx(result.norm)
    assert (result.totals > 0).all()


@pytest.mark.parametrize(("steps", "batch", "hidden"), [(1, 1, 1), (2, 1, 3), (7, 3, 2)])
def test_odd_sizes(steps: int, batch: int, hidden: int) -> None:
    result = found(steps=steps, batch=batch, hidden=hidden)
    assert result.verdict.standing == ("reached")
    assert result.states.shape == (steps, steps)


def test_the_gradient_of_each_loss_is_its_finite_difference() -> None:
    """The columns by an independent way: the loss of one step, with the weights moved a little."""
    from nurt.nn import ElmanCell, Recurrent, init
    from nurt.training.process_state import private_generators

    result = found(steps=5)
    with private_generators(0, ()):
        cell = ElmanCell(3, 6, dtype=torch.float64)
        init.orthogonal_(cell, 0.8)
        readout = torch.nn.Linear(6, 1, dtype=torch.float64)
        inputs, targets = torch.randn(4, 5, 3, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)

    @torch.no_grad()
    def losses() -> torch.Tensor:
        return 0.5 * (readout(Recurrent(cell)(inputs)[0])[..., 0] - targets).square().mean(dim=0)

    np.testing.assert_allclose(result.losses, losses(), rtol=1e-12)
    squares = torch.zeros(5, dtype=torch.float64)
    for place in np.ndindex(6, 6):
        moved = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                cell.weight_hh[place] += sign * 1e-6
            moved.append(losses())
            with torch.no_grad():
                cell.weight_hh[place] -= sign * 1e-6
        squares += ((moved[0] - moved[1]) / 2e-6) ** 2
    np.testing.assert_allclose(result.by_loss, squares.sqrt(), atol=1e-8)


@pytest.mark.parametrize(
    ("factor", "told"), [(0.5, "hardly count"), (1.0, "about equally"), (1.5, "early states dominate")]
)
def test_the_words_follow_the_factor_per_step_of_lag(factor: float, told: str) -> None:
    steps = np.arange(8)
    states = np.triu(factor ** (steps[None, :] - steps[:, None]).astype(float))
    assert rate_of(states) == pytest.approx(factor)
    text = _told(rate_of(states)).en
    assert told in text
    assert sum(one in text for one in ("hardly count", "about equally", "early states dominate")) == 1


def test_parts_that_do_not_add_up_are_told() -> None:
    states = np.triu(np.ones((4, 4)))
    good = _verdict(LossOverTimeSettings(), {"weights": 1e-15, "states": 1e-15}, states)
    poor = _verdict(LossOverTimeSettings(), {"weights": 1e-3, "states": 1e-15}, states)
    assert (good.standing, poor.standing) == ("reached", "missed")
    assert "do not add up" in poor.text.en and "do not add up" not in good.text.en
