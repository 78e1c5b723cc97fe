"""Models of two weights whose surfaces are known: the linear network on three data sets, and the cliff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nurt.diagnostics import Plane, weight_plane
from nurt.nn import LinearCell, unroll


@dataclass(frozen=True)
class Problem:
    """A model of two weights, its loss and its plane."""

    model: nn.Module
    loss: Callable[[nn.Module], Tensor]
    plane: Plane


class Cliff(nn.Module):
    """h_t = σ(w·h_{t-1} + b)."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(4.0, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(-2.0, dtype=torch.float64))

    def forward(self, steps: int) -> Tensor:
        state = torch.sigmoid(torch.tensor(0.5, dtype=torch.float64))
        for _ in range(steps):
            state = torch.sigmoid(self.w * state + self.b)
        return state


def _sequences(preset: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (B, T) and targets (B,) of a preset."""
    if preset == "default":
        inputs = np.around(np.random.RandomState(1).rand(20, 10))
        return inputs, inputs.sum(1)
    if preset == "variant-11":
        inputs = np.random.RandomState(42).choice(np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0]), size=(30, 20))
        return inputs, inputs.mean(1)
    drawn = np.random.RandomState(1).rand(30, 20)
    inputs = np.where(drawn < 0.33, 0.33, np.where(drawn < 0.66, 0.66, 1.0))
    return inputs, (inputs == 0.33).sum(1).astype(float)


@pytest.fixture
def linear() -> Callable[..., Problem]:
    """Make the linear network of a preset; x is the input weight, y the recurrent one."""

    def make(preset: str = "default") -> Problem:
        inputs, targets = map(torch.from_numpy, _sequences(preset))
        cell = LinearCell(1, 1, bias=False, dtype=torch.float64)

        def loss(model: LinearCell) -> Tensor:
            outputs, _ = unroll(model, inputs.unsqueeze(-1), model.initial_state(len(inputs)))
            return (outputs[:, -1, 0] - targets).square().mean()

        return Problem(cell, loss, weight_plane(cell, "weight_ih", "weight_hh"))

    return make


@pytest.fixture
def cliff() -> Problem:
    """The cliff over 50 steps; x is the weight, y the bias."""
    model = Cliff()
    return Problem(model, lambda m: (m(50) - 0.7).square(), weight_plane(model, "w", "b"))
