"""What one layer did in one direction in one call: states, gates, and the gradients that reached them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nurt.diagnostics.look.batch import add_curve, over_batch
from nurt.diagnostics.look.finding import LayerId
from nurt.diagnostics.look.steps import Steps
from nurt.errors import NurtValueError
from nurt.kernels import Weights
from nurt.kernels.recurrence import project
from nurt.kernels.reference import RECURRENCES
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["GATES", "LayerRecord"]

GATES = ("input", "forget", "candidate", "output", "reset", "update")


@dataclass(frozen=True, eq=False)
class LayerRecord(Result):
    """One layer in one direction, in one call of its module.

    All tensors are detached, (B, T, ·), time in the order of the inputs and rows in the order of the batch, also where
    the layer runs backwards, takes packed sequences or time first; past the end of a row they are zero. Gradients are
    those of the loss whose ``backward`` ran last, before any clipping.

    Args:
        id: which layer and direction.
        call: number of the call of the module inside the block, from 0.
        recurrence: name of the recurrence; empty for a step of its own.
        lengths: steps of each row, (B,).
        hidden: h_t.
        cell: c_t, for cells that have one.
        direct: e_t, what arrives at h_t from above, ∂ℓ/∂(output of step t); at a row's last step what arrives at the
            final hidden state counts too. None before ``backward``.
        total: δ_t = dℓ/dh_t over all paths, by way of later steps too.
        total_cell: dℓ/dc_t over all paths.
        final_cell: what arrives at the final cell state from outside, (B, ·); None for zero.
        steps: takes the steps again.
        kept_gates: activated gates that were kept on the way.
    """

    id: LayerId
    call: int
    recurrence: str
    lengths: Tensor
    hidden: Tensor = field(repr=False, metadata={"json": False})
    cell: Tensor | None = field(repr=False, metadata={"json": False})
    direct: Tensor | None = field(repr=False, metadata={"json": False})
    total: Tensor | None = field(repr=False, metadata={"json": False})
    total_cell: Tensor | None = field(repr=False, metadata={"json": False})
    final_cell: Tensor | None = field(repr=False, metadata={"json": False})
    steps: Steps = field(repr=False, metadata={"json": False})
    kept_gates: dict[str, Tensor] = field(repr=False, metadata={"json": False})

    @property
    def inputs(self) -> Tensor:
        """What the layer read, (B, T, I), after any dropout below it."""
        return self.steps.inputs

    @property
    def within(self) -> Tensor:
        """Which positions lie before the end of their row, (B, T)."""
        return self.steps.within

    @cached_property
    def pre_activations(self) -> dict[str, Tensor]:
        """What the activation functions were applied to, (B, T, H) by the name of the gate; "hidden" without gates.

        Computed anew from inputs, states and weights. Empty for a step of its own.
        """
        known = RECURRENCES.get(self.recurrence)
        if known is None or known.sums is None:
            return {}
        weights, mask = Weights(**self.steps.weights), self.steps.options.hidden_mask
        batch, time = self.within.shape
        before = self.steps.states_before()
        flat = type(before)(*(one.flatten(0, 1) for one in before))
        every = None if mask is None else mask.repeat_interleave(time, dim=0)
        sums = known.sums(project(self.inputs.flatten(0, 1), weights), flat, weights, every)
        return {name: self._shown(value.view(batch, time, -1)) for name, value in sums.items()}

    @cached_property
    def gates(self) -> dict[str, Tensor]:
        """The activated gates, (B, T, H) by name.

        "input", "forget", "output", "reset" and "update" lie in 0..1, "candidate" in -1..1. Empty without gates.
        """
        if self.kept_gates:
            return {name: value for name, value in self.kept_gates.items() if name in GATES}
        return {
            name: self._shown(torch.tanh(value) if name == "candidate" else torch.sigmoid(value))
            for name, value in self.pre_activations.items()
            if name in GATES
        }

    def gradients(self) -> tuple[Tensor, Tensor]:
        """Return the direct and the total gradient of the hidden states.

        Raises:
            NurtValueError: no ``backward`` has reached this layer.
        """
        if self.direct is None or self.total is None:
            raise NurtValueError(
                f"nurt.diagnostics: no gradient has reached {self.id}.",
                expected="a loss of this call whose backward() has run",
                got="states alone",
                cure="Call loss.backward() before looking, and build no loss under torch.no_grad().",
            )
        return self.direct, self.total

    def reached(self, gradient: Tensor) -> int:
        """Return at how many of the T places ``gradient`` (B, T, ·) is not zero in any row."""
        return int((gradient != 0).any(dim=-1).any(dim=0).sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the mean norm of states and gradients per step."""
        named = {"hidden": self.hidden, "cell": self.cell, "direct": self.direct, "total": self.total}
        named["total_cell"] = self.total_cell
        norms = {
            name: None if value is None else self._norms(value).nanmean(0).tolist() for name, value in named.items()
        }
        return {
            "id": self.id._asdict(),
            "call": self.call,
            "recurrence": self.recurrence,
            "lengths": self.lengths.tolist(),
            "norms": norms,
        }

    def __str__(self) -> str:
        batch, time, units = self.hidden.shape
        name = self.recurrence or "a step of its own"
        words = f"{self.id}: {name}, {batch} x {time} steps, {units} units"
        if self.direct is None or self.total is None:
            return f"{words}; no gradient yet"
        return (
            f"{words}; direct gradient at {self.reached(self.direct)} of {time} steps, "
            f"total at {self.reached(self.total)}"
        )

    def plot(self) -> go.Figure:
        """Draw the norms of the direct and the total gradients over time, or of the states before ``backward``."""
        from nurt import plotting

        if self.direct is None or self.total is None:
            figure = plotting.new_figure(f"States: {self.id}", "step t", "norm")
            shown = {"‖h_t‖": self.hidden} | ({} if self.cell is None else {"‖c_t‖": self.cell})
        else:
            figure = plotting.new_figure(f"Gradients: {self.id}", "step t", "norm")
            figure.update_yaxes(type="log", exponentformat="power")
            shown = {"total ‖dℓ/dh_t‖": self.total, "direct ‖e_t‖": self.direct}
        steps = np.arange(self.hidden.shape[1])
        for colour, (name, value) in zip(plotting.PALETTE, shown.items(), strict=False):
            add_curve(figure, steps, over_batch(self._norms(value)), name, colour)
        return figure

    def _norms(self, values: Tensor) -> Tensor:
        """Return the norm at each place, (B, T), NaN past the end of a row."""
        norms = torch.linalg.vector_norm(values, dim=-1).double()
        return torch.where(self.within, norms, torch.nan)

    def _shown(self, values: Tensor) -> Tensor:
        return torch.where(self.within.unsqueeze(-1), values, 0.0)
