r"""Step Jacobians: how the state after a step answers to the state before it.

    J_t = ∂s_t/∂s_{t-1}

s is the whole state: h, or (h, c) side by side for an LSTM. Gradients travel back through the transposes of these
matrices; what they do together, over many steps, is in :mod:`nurt.diagnostics.products`. Where one of them misleads:
every step may stretch some direction although none is stretched twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.batch import add_curve, over_batch
from nurt.diagnostics.finding import LayerId
from nurt.diagnostics.watching import Passage
from nurt.errors import NonFiniteError, NurtValueError
from nurt.kernels.lengths import positions_within
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["StepJacobians", "state_derivatives", "step_jacobians"]


@dataclass(frozen=True, eq=False)
class StepJacobians(Result):
    """The Jacobian of every step of one layer in one direction.

    Args:
        id: which layer and direction.
        fields: names of the fields of the state, in the order in which they stand side by side.
        sizes: features of each field; n is their sum.
        values: J_t at the position of its step, (B, T, n, n), float64; rows are the state after, columns the one
            before. Zero past the end of a row.
        lengths: steps of each row, (B,).
    """

    id: LayerId
    fields: tuple[str, ...]
    sizes: tuple[int, ...]
    values: Tensor = field(metadata={"json": False}, repr=False)
    lengths: Tensor = field(metadata={"json": False})

    @property
    def steps(self) -> int:
        """T."""
        return self.values.shape[1]

    @cached_property
    def largest(self) -> Tensor:
        """σ_max of every J_t, (B, T); NaN past the end of a row."""
        within = positions_within(self.lengths, self.steps)
        return torch.where(within, torch.linalg.svdvals(self.values)[..., 0], torch.nan)

    def block(self, after: str, before: str) -> Tensor:
        """Return the part of every J_t from one field to another, (B, T, ·, ·).

        Args:
            after: field of the state after the step, such as "cell".
            before: field of the state before it.
        """
        return self.values[..., self._span(after), self._span(before)]

    def ordered(self, row: int) -> Tensor:
        """Return the Jacobians of a row in the order in which its steps are taken, (steps, n, n)."""
        own = self.values[row, : int(self.lengths[row])]
        return own.flip(0) if self.id.direction == "backward" else own

    def at(self, place: Tensor | int) -> Tensor:
        """Return the Jacobian at one position of each row, (B, n, n); that of the first where the position is below 0.

        Args:
            place: the position, one for all rows or one per row, (B,).
        """
        if isinstance(place, int):
            return self.values[:, place]
        found: Tensor = self.values[torch.arange(len(place)), place.clamp(min=0)]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the largest singular values, position by position, with the statistics of the batch."""
        return {
            **super().to_dict(),
            "lengths": self.lengths.tolist(),
            "largest_singular_value": over_batch(self.largest).to_dict(),
        }

    def __str__(self) -> str:
        rows, steps = self.values.shape[:2]
        state = " and ".join(f"{size} {name}" for name, size in zip(self.fields, self.sizes, strict=True))
        known = self.largest[~self.largest.isnan()]
        if not known.numel():
            return f"{self.id}: no step was taken"
        return (
            f"{self.id}: {rows} x {steps} step Jacobians of a state of {state} units; their largest singular values "
            f"lie between {known.min():.4g} and {known.max():.4g}, median {known.median():.4g}"
        )

    def plot(self) -> go.Figure:
        """Draw the largest singular value at each position."""
        from nurt import plotting

        figure = plotting.new_figure(f"One step: {self.id}", "time step", "σ_max of J_t")
        add_curve(figure, np.arange(self.steps), over_batch(self.largest), "median of the batch", plotting.MODEL)
        figure.add_hline(y=1.0, line={"color": plotting.REFERENCE, "width": 1, "dash": "dot"})
        return figure

    def _span(self, name: str) -> slice:
        if name not in self.fields:
            raise NurtValueError(
                "StepJacobians.block: the state has no such field.", expected=" or ".join(self.fields), got=repr(name)
            )
        place = self.fields.index(name)
        first = sum(self.sizes[:place])
        return slice(first, first + self.sizes[place])


def step_jacobians(run: Passage) -> StepJacobians:
    """Differentiate every step of a layer by its state, at the states it really visits.

    Works for every cell, by reverse-mode differentiation of ``cell.step``: one pass per unit of the state, for all
    rows and steps at once. Rows must not depend on each other, as the contract of cells says.

    Args:
        run: what the cell was taken through, from :func:`~nurt.diagnostics.observe` or
            :func:`~nurt.diagnostics.passage`.

    Returns:
        The Jacobians, computed in the precision of the cell.

    Raises:
        NonFiniteError: states or Jacobians are NaN or infinite.

    Example:
        >>> run = nurt.diagnostics.passage(LSTMCell(3, 5), torch.randn(2, 7, 3), lengths=[7, 4])
        >>> jacobians = step_jacobians(run)
        >>> jacobians.values.shape, jacobians.block("cell", "hidden").shape
        (torch.Size([2, 7, 10, 10]), torch.Size([2, 7, 5, 5]))
    """
    batch, steps = run.inputs.shape[:2]
    before = [one.flatten(0, 1) for one in run.states_before()]
    sizes = tuple(one.shape[-1] for one in before)
    within = run.within().flatten()
    inputs, kind = run.inputs.flatten(0, 1), type(run.state)
    _, values = state_derivatives(lambda fields: run.cell.step(inputs, kind(*fields)), before)
    values = torch.where(within[:, None, None], values, 0.0).double().cpu()
    if not bool(torch.isfinite(values).all()):
        raise NonFiniteError(
            f"step_jacobians: the derivatives of {run.id} are not finite.",
            expected="finite states and inputs",
            got="NaN or infinity",
            cure="Look for the first value that is not finite in inputs and states.",
        )
    values = values.view(batch, steps, sum(sizes), sum(sizes))
    return StepJacobians(run.id, _names(run.state), sizes, values, run.lengths.cpu())


def _names(state: Any) -> tuple[str, ...]:
    return getattr(state, "_fields", tuple(map(str, range(len(state)))))


def state_derivatives(
    step: Callable[[Sequence[Tensor]], Sequence[Tensor]], fields: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Differentiate steps by their states, one backward pass per unit of the state for all of them together.

    Args:
        step: from the fields of the states, (N, ·) each, to those after a step; rows do not depend on each other.
        fields: of the states.

    Returns:
        The states after the step, fields side by side (N, n), and the Jacobians (N, n, n).
    """
    with torch.enable_grad():
        leaves = [one.detach().clone().requires_grad_() for one in fields]
        after = step(leaves)
        rows = [
            torch.cat(
                torch.autograd.grad(part[:, unit].sum(), leaves, retain_graph=True, materialize_grads=True), dim=-1
            )
            for part in after
            for unit in range(part.shape[-1])
        ]
    return torch.cat(list(after), dim=-1).detach(), torch.stack(rows, dim=1)
