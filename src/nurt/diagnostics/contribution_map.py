"""Which use of the weights matters to which loss: the gradient of one layer as a map, uses against losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.finding import LayerId
from nurt.diagnostics.uses import MOST_STEPS, StepLoss, UsesOfWeights, left_out, uses_of_weights
from nurt.diagnostics.watching import Passage
from nurt.errors import NurtValueError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ContributionMatrix", "contribution_matrix"]

# Numbers kept when all tensors are asked for: 400 MB in float64.
MOST_NUMBERS = 50_000_000


@dataclass(frozen=True, eq=False)
class ContributionMatrix(Result):
    """The norms of all contributions.

    Args:
        id: which layer and direction.
        parameters: names of the weights, taken together in the norms.
        norms: C[s, t] = ‖G[s, t]‖, (S, S), axis 0 the step of the use, axis 1 that of the loss, in the order in which
            the layer takes its steps; zero for s > t.
        skipped: steps at the beginning that were left out because there were too many.
        tensors: G[s, t] itself, per name (S, S, *shape), if asked for.
    """

    id: LayerId
    parameters: tuple[str, ...]
    norms: Tensor = field(metadata={"json": False}, repr=False)
    skipped: int
    tensors: Mapping[str, Tensor] | None = field(default=None, metadata={"json": False}, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the norms."""
        return {**super().to_dict(), "norms": self.norms.tolist()}

    def __str__(self) -> str:
        steps = len(self.norms)
        total = float(self.norms.sum())
        if not total:
            return f"{self.id}: nothing contributes to the gradient"
        shares = np.array([float(self.norms.diagonal(lag).sum()) for lag in range(steps)]).cumsum() / total
        return (
            f"{self.id}: {steps} x {steps} contributions to the gradient of {', '.join(self.parameters)}"
            f"{left_out(self.skipped)}; half of their norm comes from lags up to {int(np.searchsorted(shares, 0.5))}"
        )

    def plot(self) -> go.Figure:
        """Draw log₁₀ of the norms."""
        from nurt import plotting

        figure = plotting.new_figure(f"Contributions: {self.id}", "step t of the loss", "step s of the use")
        plotting.add_log_map(figure, self.norms.numpy(), "log₁₀ ‖G[s, t]‖")
        return figure


def contribution_matrix(
    run: Passage,
    loss: StepLoss,
    *,
    parameters: Sequence[str] | None = None,
    keep: bool = False,
    most_steps: int = MOST_STEPS,
) -> ContributionMatrix:
    """Take the gradient of one layer apart by the step of the use and the step of the loss.

    T backward passes over T steps: time grows with the square of the length, which is why the length is capped.

    Args:
        run: what the layer is taken through.
        loss: from the outputs of the layer (B, T, ·) to one number per position, (T,); heads and targets are inside.
        parameters: names of weights, such as ["weight_hh"]; None for all that the step uses.
        keep: whether to keep the tensors G[s, t] beside their norms.
        most_steps: only the last so many steps that the layer takes are looked at; the result says so.

    Raises:
        NurtValueError: unknown parameters, a loss that cannot be differentiated or looks ahead, or tensors that would
            need too much memory.
        ShapeError, NurtTypeError: the loss does not give one number per step.

    Example:
        >>> run = nurt.diagnostics.passage(LSTMCell(3, 5), torch.randn(2, 7, 3))
        >>> matrix = contribution_matrix(run, lambda outputs: outputs.square().mean(dim=(0, 2)))
        >>> matrix.norms.shape, bool((matrix.norms.tril(-1) == 0).all())
        (torch.Size([7, 7]), True)
    """
    uses = uses_of_weights(run, loss, parameters=parameters, most_steps=most_steps)
    kept = _room(uses) if keep else None
    norms = torch.zeros(uses.steps, uses.steps, dtype=torch.float64)
    for target, rows in enumerate(uses.by_target()):
        norms[:, target] = torch.linalg.vector_norm(rows, dim=1).double().cpu()
        if kept is not None:
            kept[:, target] = rows.double().cpu()
    tensors = None if kept is None else uses.unflatten(kept)
    return ContributionMatrix(run.id, uses.names, norms, uses.skipped, tensors)


def _room(uses: UsesOfWeights) -> Tensor:
    width = sum(shape.numel() for shape in uses.shapes)
    numbers = uses.steps**2 * width
    if numbers > MOST_NUMBERS:
        raise NurtValueError(
            "contribution_matrix: the tensors do not fit into memory.",
            expected=f"at most {MOST_NUMBERS} numbers",
            got=f"{uses.steps}² steps x {width} weights = {numbers}",
            cure="Lower most_steps, or name fewer parameters.",
        )
    return torch.zeros(uses.steps, uses.steps, width, dtype=torch.float64)
