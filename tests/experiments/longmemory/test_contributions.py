"""The gradient split by use and loss: its sum, its truncations, and torch with a detached state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nurt.experiments.linear.model import draw_sequences
from nurt.experiments.longmemory.contributions import chunked_gradient, contributions, sliding_gradient

WINDOWS = [1, 2, 3, 5, 10]
SLIDING = [-34.3851000328, -61.8931067081, -83.3087451517, -110.697802673, -125.454732755]
CHUNKED = [-34.3851000328, -50.7628958896, -56.1983446329, -91.9990140813, -125.454732755]


def _by_torch(inputs: np.ndarray, weight_in: float, weight_rec: float, window: int) -> float:
    x = torch.from_numpy(inputs)
    weight = torch.tensor(weight_rec, dtype=torch.float64, requires_grad=True)
    state, loss = torch.zeros(len(x), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for step in range(x.shape[1]):
        if step % window == 0:
            state = state.detach()
        state = x[:, step] * weight_in + state * weight
        loss = loss + ((state - x[:, : step + 1].sum(dim=1)) ** 2).mean()
    loss.backward()
    assert weight.grad is not None
    return float(weight.grad)


@pytest.fixture
def bits() -> np.ndarray:
    return draw_sequences("bits", "sum", (20, 10), 1)[0]


def test_the_published_table(bits: np.ndarray) -> None:
    parts = contributions(bits, 1.0, 0.9)
    assert parts.sum() == pytest.approx(-125.454732755351, rel=1e-12)
    assert [sliding_gradient(parts, window) for window in WINDOWS] == pytest.approx(SLIDING, rel=1e-10)
    assert [chunked_gradient(parts, window) for window in WINDOWS] == pytest.approx(CHUNKED, rel=1e-10)
    assert not np.tril(parts, -1).any()


@pytest.mark.parametrize("window", [1, 2, 3, 4, 10])
@pytest.mark.parametrize(("weight_in", "weight_rec"), [(1.0, 0.9), (0.3, -1.4), (2.0, 0.0)])
def test_chunks_are_what_torch_leaves_when_the_state_is_detached(
    bits: np.ndarray, window: int, weight_in: float, weight_rec: float
) -> None:
    expected = _by_torch(bits, weight_in, weight_rec, window)
    assert chunked_gradient(contributions(bits, weight_in, weight_rec), window) == pytest.approx(
        expected, rel=1e-12, abs=1e-12
    )
