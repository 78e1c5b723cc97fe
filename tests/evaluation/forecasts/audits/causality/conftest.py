"""Forecasters in plain torch whose reach is known: healthy heads and every way to cut one wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from nurt.evaluation.forecasts.audits.causality import Differentiable, structure_copy

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Net(nn.Module):
    """Two layers behind optional window scaling, and one of several heads."""

    def __init__(self, cell: str, horizon: int, head: str, scaled: bool, hidden: int = 11, channels: int = 1) -> None:
        super().__init__()
        bidirectional = head == "bidirectional"
        self.encoder = CELLS[cell](channels, hidden, 2, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(hidden * (1 + bidirectional), horizon if head == "last" else 1)
        self.horizon, self.kind, self.scaled = horizon, head, scaled

    def forward(self, inputs: Tensor, reference: Tensor | None = None) -> Tensor:
        reference = inputs if reference is None else reference
        anchor, scale = 0.0, 1.0
        if self.scaled:
            anchor, scale = reference[:, -1:], reference.std(dim=1, keepdim=True, correction=0)
        units = getattr(self, f"_{self.kind}")((inputs - anchor) / scale)
        return units if not self.scaled else anchor[..., 0] + scale[..., 0] * units

    def _last(self, units: Tensor) -> Tensor:
        return self.head(self.encoder(units)[0][:, -1])

    def _recursive(self, units: Tensor) -> Tensor:
        outputs, state = self.encoder(units)
        path = [self.head(outputs[:, -1])]
        for _ in range(self.horizon - 1):
            outputs, state = self.encoder(path[-1][:, None], state)
            path.append(self.head(outputs[:, -1]))
        return torch.cat(path, dim=1)

    def _cut(self, units: Tensor) -> Tensor:
        return self.head(self.encoder(units)[0][:, -self.horizon :])[..., 0]

    def _cut_early(self, units: Tensor) -> Tensor:
        return self.head(self.encoder(units)[0][:, -self.horizon - 1 : -1])[..., 0]

    def _bidirectional(self, units: Tensor) -> Tensor:
        return self._cut(units)


@dataclass(frozen=True)
class Known:
    """A head under test and what the audit has to say about it at k = 1, 2, 10, 20, 30 of 60 inputs, 30 steps."""

    head: str
    scaled: bool
    latest: tuple[int, ...]
    total: tuple[int, ...]
    verdict: str
    sees_future: bool = False


EVERY, CUT = (60,) * 5, (31, 32, 40, 50, 60)
KNOWN = {
    "last state": Known("last", False, EVERY, EVERY, "pass"),
    "last state, anchored and scaled": Known("last", True, EVERY, EVERY, "pass"),
    "recursive": Known("recursive", False, EVERY, EVERY, "pass"),
    "outputs cut off the end": Known("cut", False, CUT, CUT, "warning"),
    "cut one too early": Known("cut_early", False, (30, 31, 39, 49, 59), (30, 31, 39, 49, 59), "warning"),
    "cut behind window scaling": Known("cut", True, CUT, EVERY, "warning"),
    "bidirectional over the true future": Known("bidirectional", False, (90,) * 5, (90,) * 5, "error", True),
}


@pytest.fixture(params=sorted(CELLS))
def cell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=sorted(KNOWN))
def known(request: pytest.FixtureRequest) -> Known:
    return KNOWN[request.param]


@pytest.fixture
def network() -> Callable[..., Net]:
    """Build a network with re-drawn parameters, in float64."""

    def build(cell: str, horizon: int, head: str, *, scaled: bool = False, channels: int = 1) -> Net:
        return structure_copy(Net(cell, horizon, head, scaled, channels=channels))

    return build


@pytest.fixture
def differentiable(network: Callable[..., Net]) -> Callable[..., Differentiable]:
    """Describe such a network with its statistics separable."""

    def build(cell: str, horizon: int, head: str, *, scaled: bool = False, sees_future: bool = False) -> Differentiable:
        net = network(cell, horizon, head, scaled=scaled)
        return Differentiable(net, net, sees_future=sees_future)

    return build
