"""Every rule beside torch's optimiser of that name, or beside a hand-computed step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from nurt.descent import SGD, AbstractRule, Adam, NesterovRMSProp, RProp, TorchRprop, descend
from nurt.errors import NurtValueError

SCALES = np.array([3.0, 0.7, 11.0])
START = [1.3, -2.1, 0.4]


def slope(point: np.ndarray) -> np.ndarray:
    """Return the gradient of Σ sᵢ·(θᵢ² + cos 3θᵢ)."""
    return SCALES * (2.0 * point - 3.0 * np.sin(3.0 * point))


def torchs(make: Callable[[list[torch.Tensor]], torch.optim.Optimizer], steps: int) -> np.ndarray:
    point = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimiser = make([point])
    for _ in range(steps):
        optimiser.zero_grad()
        (torch.tensor(SCALES) * (point**2 + torch.cos(3.0 * point))).sum().backward()
        optimiser.step()
    return point.detach().numpy()


@pytest.mark.parametrize(
    ("rule", "twin"),
    [
        (SGD(0.01), lambda p: torch.optim.SGD(p, lr=0.01)),
        (Adam(0.03), lambda p: torch.optim.Adam(p, lr=0.03)),
        (TorchRprop(0.01), lambda p: torch.optim.Rprop(p, lr=0.01)),
    ],
)
def test_a_rule_is_the_optimiser_of_torch(rule: AbstractRule, twin: Callable[..., torch.optim.Optimizer]) -> None:
    np.testing.assert_allclose(descend(rule, START, slope, 37).end, torchs(twin, 37), rtol=1e-12)


def test_both_forms_of_rprop_differ_in_the_first_step_and_after_a_change_of_sign() -> None:
    own = descend(RProp(0.1), [0.3], np.sign, 6).points[:, 0]
    # 0.05 first, then longer by 1.2 until 0.3 is passed; then half of the last step, at once.
    np.testing.assert_allclose(own, [0.3, 0.25, 0.19, 0.118, 0.0316, -0.07208, -0.02024], rtol=1e-12)
    torch_form = descend(TorchRprop(0.1), [0.25], np.sign, 4).points[:, 0]
    # 0.1 first; after the change of sign one step of rest, then the half step.
    np.testing.assert_allclose(torch_form, [0.25, 0.15, 0.03, -0.114, -0.114], rtol=1e-12)


def test_clipping_shortens_to_the_norm_and_keeps_the_direction() -> None:
    path = descend(SGD(1.0, clip_norm=1.0), [0.0, 0.0], lambda _: np.array([3.0, 4.0]), 1)
    np.testing.assert_allclose(path.end, [-0.6, -0.8], rtol=1e-15)
    short = descend(SGD(1.0, clip_norm=10.0), [0.0, 0.0], lambda _: np.array([3.0, 4.0]), 1)
    np.testing.assert_array_equal(short.end, [-3.0, -4.0])


def test_the_two_guards_of_rmsprop_differ_as_their_formulas_say() -> None:
    def gradient(point: np.ndarray) -> np.ndarray:
        return np.full_like(point, 2.0)

    rooted = descend(NesterovRMSProp(0.05, epsilon=0.1), [0.0], gradient, 1).end[0]
    stepped = descend(NesterovRMSProp(0.05, epsilon=0.1, guard="step"), [0.0], gradient, 1).end[0]
    assert rooted == pytest.approx(-0.05 * 2.0 / (2.0**0.5 + 0.1), rel=1e-14)
    assert stepped == pytest.approx(-(0.05 * 2.0 / 2.0**0.5 + 0.1), rel=1e-14)


def test_nesterov_asks_for_the_gradient_where_the_momentum_leads() -> None:
    asked: list[float] = []

    def gradient(point: np.ndarray) -> np.ndarray:
        asked.append(float(point[0]))
        return np.ones_like(point)

    first, second = descend(NesterovRMSProp(0.1, epsilon=0.0), [1.0], gradient, 2).points[1:, 0]
    velocity = first - 1.0
    assert asked == pytest.approx([1.0, first + 0.8 * velocity], rel=1e-14)
    assert second == pytest.approx(asked[1] - 0.1 / 0.75**0.5, rel=1e-12)


def test_batches_take_turns() -> None:
    turns = [lambda _: np.array([1.0]), lambda _: np.array([10.0])]
    np.testing.assert_array_equal(descend(SGD(1.0), [0.0], turns, 3).points[:, 0], [0.0, -1.0, -11.0, -12.0])


def test_a_walk_that_is_none_is_refused() -> None:
    with pytest.raises(NurtValueError, match="no such walk"):
        descend(SGD(1.0), [0.0], slope, -1)
    with pytest.raises(NurtValueError, match="no such walk"):
        descend(SGD(1.0), [0.0], [], 3)
