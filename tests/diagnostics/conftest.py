"""Small recurrences in float64 whose derivatives can be written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from nurt.nn import CELLS, AbstractCell, ElmanCell, ProjectedLSTMCell
from nurt.nn.unrolling import kernel_cell

MAKERS: dict[str, Callable[[int, int], AbstractCell]] = {
    **CELLS,
    "elman_relu": lambda features, hidden: ElmanCell(features, hidden, nonlinearity="relu"),
    "elman_sigmoid": lambda features, hidden: ElmanCell(features, hidden, nonlinearity="sigmoid"),
    "projected_lstm": lambda features, hidden: ProjectedLSTMCell(features, hidden, hidden - 1),
}


def drawn(name: str, features: int, hidden: int, seed: int = 0) -> AbstractCell:
    """Return a cell with weights that are not small, so that no term hides."""
    torch.manual_seed(seed)
    cell = MAKERS[name](features, hidden).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.7)
    return cell


@pytest.fixture
def draw() -> Callable[..., AbstractCell]:
    return drawn


@pytest.fixture(params=sorted(MAKERS))
def any_cell(request: pytest.FixtureRequest) -> AbstractCell:
    """One cell of each kind, 3 features and 5 units."""
    return drawn(request.param, 3, 5)


def quadratic(outputs: Tensor) -> Tensor:
    """Return a loss of every step, none like the other."""
    targets = torch.linspace(-1, 1, outputs.shape[1], dtype=outputs.dtype).view(1, -1, 1)
    return (outputs - targets).square().mean(dim=(0, 2))


def by_autograd(cell: Any, outputs: Tensor, loss: Any = quadratic) -> dict[str, Tensor]:
    """Return the gradient of the summed loss by the names of the weights."""
    known = kernel_cell(cell)
    weights = dict(cell.named_parameters()) if known is None else known.weights._asdict()
    present = {name: weight for name, weight in weights.items() if weight is not None}
    return dict(zip(present, torch.autograd.grad(loss(outputs).sum(), list(present.values())), strict=True))
