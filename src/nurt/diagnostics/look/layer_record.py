"""What one layer did in one direction in one call: states, gates, and the gradients that reached them.

Kernels record in the layout they compute in; here everything has one shape and one order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from nurt.diagnostics.look.batch import add_curve, over_batch
from nurt.diagnostics.look.finding import FoundModule, LayerId
from nurt.diagnostics.look.passage import Passage
from nurt.diagnostics.look.steps import StepFunction, Steps, known_step, own_step
from nurt.errors import NurtValueError, UnavailableError
from nurt.kernels import Recording, StepOptions, Weights
from nurt.kernels.recurrence import positions_within, project
from nurt.kernels.reference import RECURRENCES
from nurt.nn import AbstractCell
from nurt.results import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["GATES", "LayerRecord", "Observed", "observed_call"]

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
        found: the module that holds the layer.
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
    found: FoundModule = field(repr=False, metadata={"json": False})
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
    def cell_type(self) -> type[AbstractCell[Any]] | None:
        """The kind of the cell; None where none is known."""
        return type(_cell(self.found, self.id))

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

    def passage(self) -> Passage:
        """Return what the layer was taken through, for diagnostics that take the steps of its cell again.

        The cell has the weights of the model as they are now, and nothing of what a layer does between steps, such as
        dropout or zoneout.
        """
        cell = _cell(self.found, self.id)
        state = type(cell.initial_state(1))(*self.steps.initial)
        return Passage(self.id, cell, self.inputs, state, self.steps.lengths)

    @property
    def reached_by_loss(self) -> bool:
        """Whether any gradient arrives from above, at the outputs or at the final cell state."""
        if self.direct is None:
            return False
        return bool(self.direct.any()) or (self.final_cell is not None and bool(self.final_cell.any()))

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
                cure="Call loss.backward() before looking, and build no loss under torch.no_grad(). A loop of your own "
                "is recorded with its loss: record_states(states, loss).",
            )
        return self.direct, self.total

    def first(self, rows: int) -> LayerRecord:
        """Return the record of the first ``rows`` rows alone; steps past their ends stay."""

        def cut(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[:rows]

        return replace(
            self,
            lengths=self.lengths[:rows],
            hidden=self.hidden[:rows],
            cell=cut(self.cell),
            direct=cut(self.direct),
            total=cut(self.total),
            total_cell=cut(self.total_cell),
            final_cell=cut(self.final_cell),
            steps=self.steps.first(rows),
            kept_gates={name: values[:rows] for name, values in self.kept_gates.items()},
        )

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
        if self.total is None:
            return f"{words}; no gradient yet"
        if self.direct is None:
            return f"{words}; total gradient at {self.reached(self.total)} of {time} steps"
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


@dataclass(frozen=True, eq=False)
class Observed:
    """One layer and direction in one call.

    Args:
        id: which layer and direction.
        call: number of the call of its module.
        found: the module that holds the layer.
        recording: by the kernel; gradients come later.
        order: how rows of packed inputs get back into the order of the batch; None where they are in it.
        own: the step of a cell that the kernels do not know; None where they know it.
    """

    id: LayerId
    call: int
    found: FoundModule
    recording: Recording
    order: Tensor | None
    own: StepFunction | None

    def layer_record(self) -> LayerRecord:
        """Return what is known now."""
        seen = self.recording
        assert seen.hidden is not None
        hidden, cell = self._rows(seen.hidden), self._rows(seen.cell)
        assert hidden is not None
        lengths = torch.full(hidden.shape[:1], hidden.shape[1])
        if seen.lengths is not None:
            lengths = self._sorted_back(seen.lengths)
        steps = self._steps(lengths.to(hidden.device), hidden, cell)
        return LayerRecord(
            self.id,
            self.call,
            self.found,
            seen.recurrence,
            lengths,
            hidden,
            cell,
            self._direct(steps),
            self._rows(seen.grad_hidden),
            self._rows(seen.grad_cell),
            self._optional(seen.grad_final.get("cell")),
            steps,
            {name: value for name, kept in seen.gates.items() if (value := self._rows(kept)) is not None},
        )

    def _steps(self, lengths: Tensor, hidden: Tensor, cell: Tensor | None) -> Steps:
        seen = self.recording
        if self.own is not None:
            take, weights, zeros = self.own
        else:
            assert seen.weights is not None
            take, weights, zeros = known_step(seen.recurrence, seen.weights, seen.constants)
        inputs = self._rows(seen.inputs)
        assert inputs is not None
        initial = {name: self._sorted_back(value) for name, value in seen.initial.items()}
        fields = zip(type(zeros)._fields, zeros, strict=True)
        state = type(zeros)(*(initial.get(name, zero.to(hidden).expand(len(lengths), -1)) for name, zero in fields))
        inputs = torch.where(positions_within(lengths, inputs.shape[1]).unsqueeze(-1), inputs, 0.0)
        recorded = {"hidden": hidden} | ({} if cell is None else {"cell": cell})
        reverse = seen.direction == "backward"
        return Steps(take, weights, self._options(), inputs, lengths, reverse, state, recorded)

    def _options(self) -> StepOptions:
        given = self.recording.options
        mask, hidden, cell = (
            self._sorted_back(one) if isinstance(one, Tensor) else one
            for one in (given.hidden_mask, given.keep_hidden, given.keep_cell)
        )
        assert not isinstance(mask, float)
        return replace(given, hidden_mask=mask, keep_hidden=hidden, keep_cell=cell)

    def _direct(self, steps: Steps) -> Tensor | None:
        """Return what arrives at each output; the last output of a row is its final hidden state too."""
        direct = self._rows(self.recording.grad_outputs)
        final = self._optional(self.recording.grad_final.get("hidden"))
        if direct is None or final is None:
            return direct
        there = (steps.lengths > 0).unsqueeze(1)
        rows = torch.arange(len(steps.lengths), device=direct.device)
        return direct.index_put((rows, steps.last), torch.where(there, final, 0.0), accumulate=True)

    def _rows(self, values: Tensor | None) -> Tensor | None:
        """Return recorded values as (B, T, ·), rows in the order of the batch."""
        if values is None:
            return None
        if self.recording.batch_sizes is not None:
            values, _ = pad_packed_sequence(PackedSequence(values, self.recording.batch_sizes), batch_first=True)
        return self._sorted_back(values)

    def _optional(self, values: Tensor | None) -> Tensor | None:
        return None if values is None else self._sorted_back(values)

    def _sorted_back(self, values: Tensor) -> Tensor:
        return values if self.order is None else values.index_select(0, self.order.to(values.device))


def observed_call(found: FoundModule, records: Sequence[Recording], call: int, order: Tensor | None) -> list[Observed]:
    """Return what was recorded of one call of a module, layer by layer.

    Raises:
        UnavailableError: the call ran another number of recurrences than the module has.
    """
    ids = [one for sides in found.ids for one in sides]
    if len(records) != len(ids):
        raise UnavailableError(
            f"nurt.diagnostics.record: {found.path or 'the model'} did not run as expected.",
            expected=f"{len(ids)} recurrences in one call",
            got=f"{len(records)}",
            cure="Record the layers inside it by themselves.",
        )
    # Of cells that kernels know nothing is needed but the address; finding them would cost more than the recording.
    owns = [None if one.weights is not None else own_step(_cell(found, ids[at])) for at, one in enumerate(records)]
    return [Observed(one, call, found, record, order, own) for one, record, own in zip(ids, records, owns, strict=True)]


def _cell(found: FoundModule, address: LayerId) -> AbstractCell[Any]:
    """Return the cell at an address in a module."""
    return next(one.cell for sides in found.layers for one in sides if one.id == address)
