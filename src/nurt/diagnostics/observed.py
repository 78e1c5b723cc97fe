"""From what a kernel recorded to what a person looks at: one shape, one order of rows, one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from nurt.diagnostics.finding import FoundCell, LayerId
from nurt.diagnostics.layer_record import LayerRecord
from nurt.diagnostics.steps import Steps, TakeStep, dense_step
from nurt.diagnostics.uses import weighted_step
from nurt.errors import UnavailableError
from nurt.kernels import Recording, StepOptions
from nurt.kernels.reference import RECURRENCES

__all__ = ["Observed", "observed_call"]


@dataclass(frozen=True, eq=False)
class Observed:
    """One layer and direction in one call.

    Args:
        id: which layer and direction.
        call: number of the call of its module.
        recording: what the kernel leaves behind; gradients come later.
        order: how rows of packed inputs get back into the order of the batch; None where they are in it.
        take: one step of the layer.
        weights: by name, as they were.
        start: the initial state, fields (1, ·) of zeros; says which fields there are.
    """

    id: LayerId
    call: int
    recording: Recording
    order: Tensor | None
    take: TakeStep
    weights: Mapping[str, Tensor]
    start: Any

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
        inputs = self._rows(seen.inputs)
        assert inputs is not None
        initial = {name: self._sorted_back(value) for name, value in seen.initial.items()}
        fields = zip(type(self.start)._fields, self.start, strict=True)
        state = type(self.start)(
            *(initial.get(name, zero.to(hidden).expand(len(lengths), -1)) for name, zero in fields)
        )
        inputs = torch.where(_within(inputs, lengths), inputs, 0.0)
        recorded = {"hidden": hidden} | ({} if cell is None else {"cell": cell})
        reverse = seen.direction == "backward"
        return Steps(self.take, self.weights, self._options(), inputs, lengths, reverse, state, recorded)

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


def observed_call(
    cells: Sequence[FoundCell], records: Sequence[Recording], call: int, order: Tensor | None
) -> list[Observed]:
    """Return what one call of a module left behind, cell by cell.

    Raises:
        UnavailableError: the call ran another number of recurrences than the module has.
    """
    if len(records) != len(cells):
        raise UnavailableError(
            f"nurt.diagnostics.record: {cells[0].id.module or 'the model'} did not run as expected.",
            expected=f"{len(cells)} recurrences in one call",
            got=f"{len(records)}",
            cure="Record the layers inside it by themselves.",
        )
    return [_observed(cell, record, call, order) for cell, record in zip(cells, records, strict=True)]


def _observed(found: FoundCell, record: Recording, call: int, order: Tensor | None) -> Observed:
    if record.weights is not None:
        weights = {name: weight for name, weight in record.weights._asdict().items() if weight is not None}
        equation, weight_hh = RECURRENCES[record.recurrence], record.weights.weight_hh
        sizes = {"hidden": weight_hh.shape[1], "cell": weight_hh.shape[0] // equation.gates}
        start = equation.state(*(weight_hh.new_zeros(1, sizes[name]) for name in equation.fields))
        return Observed(found.id, call, record, order, dense_step(record.recurrence), weights, start)
    named, own = weighted_step(found.cell)
    copies = {name: weight.clone() for name, weight in named.items()}
    start = found.cell.initial_state(1)
    zeros = type(start)(*(torch.zeros_like(field) for field in start))

    def take(x: Tensor, state: Any, weights: Mapping[str, Tensor], _: Tensor | None) -> Any:
        return own(x, state, dict(weights))

    return Observed(found.id, call, record, order, take, copies, zeros)


def _within(values: Tensor, lengths: Tensor) -> Tensor:
    return (torch.arange(values.shape[1], device=values.device) < lengths.unsqueeze(1)).unsqueeze(-1)
