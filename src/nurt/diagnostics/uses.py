r"""The gradient taken apart: what each use of the weights adds to the derivative of each step's loss.

    G[s, t] = ∂ℓ_t/∂W |_(use at step s),      Σ_{s,t} G[s, t] = ∂ℓ/∂W,      ℓ = Σ_t ℓ_t

Every step is given a copy of the weights of its own, so that one backward pass per loss tells all its uses apart. That
makes the sum over all s and t the gradient of back-propagation through time [werbos1990backpropagation], and the part
with t - s < K that of back-propagation cut off after K steps [williams1990efficient].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nurt.diagnostics.watching import Passage
from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.nn import AbstractCell
from nurt.nn.unrolling import kernel_cell

__all__ = ["MOST_STEPS", "StepLoss", "UsesOfWeights", "left_out", "uses_of_weights", "weighted_step"]

MOST_STEPS = 128

StepLoss = Callable[[Tensor], Tensor]
"""From the outputs (B, T, ·) of a layer to the losses ℓ_t of its steps, (T,)."""

Weighted = Callable[[Tensor, Any, dict[str, Tensor]], Any]


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


def weighted_step(cell: AbstractCell[Any]) -> tuple[dict[str, Tensor], Weighted]:
    """Return the weights of a cell, detached, and its step as a function of them."""
    known = kernel_cell(cell)
    if known is not None:
        kind = type(known.weights)
        present = {name: weight.detach() for name, weight in known.weights._asdict().items() if weight is not None}
        return present, lambda x, state, weights: known.recurrence.step(x, state, kind(**weights))
    module = _Step(cell)
    named = {name.removeprefix("cell."): weight.detach() for name, weight in module.named_parameters()}

    def step(x: Tensor, state: Any, weights: dict[str, Tensor]) -> Any:
        handed = {f"cell.{name}": weight for name, weight in weights.items()}
        return torch.func.functional_call(module, handed, (x, state))

    return named, step


class _Step(nn.Module):
    """The step of a cell as the call of a module, which is what torch can hand other weights to."""

    def __init__(self, cell: AbstractCell[Any]) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: Any) -> Any:
        """Return the state after one input."""
        return self.cell.step(x, state)


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
    """Return how a result says that steps at the beginning were left out, if any were."""
    return f" (without the first {skipped} steps)" if skipped else ""
