r"""The gradient of one layer as a map: what each use of the weights adds to the derivative of each step's loss.

    G[s, t] = ∂ℓ_t/∂W |_(use at step s),      Σ_{s,t} G[s, t] = ∂ℓ/∂W,      ℓ = Σ_t ℓ_t

Every step gets its own copy of the weights, so that one backward pass per loss tells all uses apart. The sum over all
s and t is the gradient of back-propagation through time [werbos1990backpropagation], the part with t - s < K that of
back-propagation truncated after K steps [williams1990efficient].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.passage import Passage
from nurt.diagnostics.look.steps import weighted_step
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "MOST_STEPS",
    "ContributionMatrix",
    "StepLoss",
    "UsesOfWeights",
    "contribution_matrix",
    "left_out",
    "uses_of_weights",
]

MOST_STEPS = 128

StepLoss = Callable[[Tensor], Tensor]
"""From the outputs (B, T, ·) of a layer to the losses ℓ_t of its steps, (T,)."""

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
        most_steps: only the last so many steps that the layer takes are looked at, and the result reports it.

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


@dataclass(frozen=True, eq=False)
class UsesOfWeights:
    """A run in which every step used a copy of the weights of its own.

    Args:
        names: of the weights looked at.
        shapes: of the weights, in the same order.
        copies: per step looked at, in the order in which the layer takes them, the copies of the weights.
        losses: ℓ_t of the same steps, in the same order, (S,).
        skipped: steps at the beginning that were run without gradient.
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]
    copies: list[list[Tensor]]
    losses: Tensor
    skipped: int

    @property
    def steps(self) -> int:
        """S."""
        return len(self.copies)

    def by_target(self) -> Iterator[Tensor]:
        """Yield for t = 0, 1, … the contributions G[0 … S-1, t], all weights side by side, (S, ·).

        Raises:
            NurtValueError: a loss reads outputs of later steps.
        """
        flat = [copy for use in self.copies for copy in use]
        for target, loss in enumerate(self.losses):
            gradients = torch.autograd.grad(loss, flat, retain_graph=True, allow_unused=True, materialize_grads=True)
            per_use = [gradients[first : first + len(self.names)] for first in range(0, len(flat), len(self.names))]
            rows = torch.stack([torch.cat([one.flatten() for one in use]) for use in per_use])
            if bool((rows[target + 1 :] != 0).any()):
                raise NurtValueError(
                    f"nurt.diagnostics: the loss of step {target} depends on outputs of later steps.",
                    expected="ℓ_t computed from outputs that the layer has given by step t",
                    got="a gradient from the future",
                    cure="Give the loss of what reads the whole sequence to its last step.",
                )
            yield rows

    def unflatten(self, values: Tensor) -> dict[str, Tensor]:
        """Return weights side by side, (…, ·), as one tensor (…, *shape) per name."""
        sizes = [shape.numel() for shape in self.shapes]
        return {
            name: part.reshape(*values.shape[:-1], *shape)
            for name, shape, part in zip(self.names, self.shapes, torch.split(values, sizes, dim=-1), strict=True)
        }


def uses_of_weights(
    run: Passage, loss: StepLoss, *, parameters: Sequence[str] | None, most_steps: int
) -> UsesOfWeights:
    """Run a layer with a copy of the weights for every step.

    Args:
        run: what the cell is taken through.
        loss: from all outputs (B, T, ·) to (T,).
        parameters: names of the weights to look at; None for all that the step uses.
        most_steps: the steps before the last so many are run without gradient.

    Raises:
        NurtValueError: an unknown parameter, or ``most_steps`` below 1.
        ShapeError, NurtTypeError: the loss does not give one number per step.
    """
    if most_steps < 1:
        raise NurtValueError("nurt.diagnostics: `most_steps` is too small.", expected=">= 1", got=str(most_steps))
    weights, step = weighted_step(run.cell)
    names = tuple(weights) if parameters is None else tuple(parameters)
    if not names or not set(names) <= set(weights):
        raise NurtValueError(
            "nurt.diagnostics: these are not weights of the cell.",
            expected=f"some of {', '.join(weights)}",
            got=", ".join(names) or "none",
        )
    order = list(run.places())
    skipped = max(0, len(order) - most_steps)
    outputs: list[Tensor] = [run.inputs] * len(order)
    within = run.within().unsqueeze(-1)
    state, copies = run.state, []
    with torch.enable_grad():
        for index, place in enumerate(order):
            own = weights
            if index >= skipped:
                own = weights | {name: weights[name].clone().requires_grad_() for name in names}
                copies.append([own[name] for name in names])
            after = step(run.inputs[:, place], state, own)
            there = within[:, place]
            state = type(state)(*(torch.where(there, new, old) for new, old in zip(after, state, strict=True)))
            outputs[place] = torch.where(there, state.hidden, 0.0)
        losses = _checked_losses(loss(torch.stack(outputs, dim=1)), run)
    chosen = losses[order][skipped:]
    return UsesOfWeights(names, tuple(weights[name].shape for name in names), copies, chosen, skipped)


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


def _checked_losses(losses: Any, run: Passage) -> Tensor:
    if not isinstance(losses, Tensor):
        raise NurtTypeError("nurt.diagnostics: the loss is not a tensor.", expected="(T,)", got=type(losses).__name__)
    if losses.shape != (run.steps,):
        raise ShapeError(
            "nurt.diagnostics: the loss does not give one number per step.",
            expected=f"({run.steps},)",
            got=str(tuple(losses.shape)),
            cure="Average over the batch, not over time; steps without a loss get 0.",
        )
    if not losses.requires_grad:
        raise NurtValueError(
            "nurt.diagnostics: the loss cannot be differentiated.",
            expected="losses computed from the outputs",
            got="losses without a gradient",
        )
    return losses


def left_out(skipped: int) -> str:
    """Return the clause of a result on steps left out at the beginning, if any were."""
    return f" (without the first {skipped} steps)" if skipped else ""
