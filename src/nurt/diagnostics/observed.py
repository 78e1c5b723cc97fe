"""From what a kernel recorded to what a person looks at: one shape, one order of rows, one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from nurt.diagnostics.finding import FoundModule, LayerId
from nurt.diagnostics.layer_record import LayerRecord
from nurt.diagnostics.steps import Steps, TakeStep, dense_step
from nurt.diagnostics.uses import weighted_step
from nurt.errors import UnavailableError
from nurt.kernels import Recording, StepOptions
from nurt.kernels.lengths import positions_within
from nurt.kernels.reference import RECURRENCES

__all__ = ["Observed", "observed_call"]


class Taken(NamedTuple):
    """What it takes to take the steps of a layer again.

    Attributes:
        take: one step of the layer.
        weights: by name, as they were.
        start: an initial state, fields (1, ·) of zeros; says which fields there are.
    """

    take: TakeStep
    weights: Mapping[str, Tensor]
    start: Any


@dataclass(frozen=True, eq=False)
class Observed:
    """One layer and direction in one call.

    Args:
        id: which layer and direction.
        call: number of the call of its module.
        recording: what the kernel leaves behind; gradients come later.
        order: how rows of packed inputs get back into the order of the batch; None where they are in it.
        own: how a step of one's own is taken again; None where the kernels know the recurrence.
    """

    id: LayerId
    call: int
    recording: Recording
    order: Tensor | None
    own: Taken | None

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
        take, weights, start = self.own or _dense(seen)
        inputs = self._rows(seen.inputs)
        assert inputs is not None
        initial = {name: self._sorted_back(value) for name, value in seen.initial.items()}
        fields = zip(type(start)._fields, start, strict=True)
        state = type(start)(*(initial.get(name, zero.to(hidden).expand(len(lengths), -1)) for name, zero in fields))
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
    """Return what one call of a module left behind, layer by layer.

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
    owns = [None if record.weights is not None else _own(found, at) for at, record in enumerate(records)]
    return [Observed(one, call, record, order, own) for one, record, own in zip(ids, records, owns, strict=True)]


def _dense(record: Recording) -> Taken:
    """Return the steps of a recurrence that kernels know by name."""
    assert record.weights is not None
    weights = {name: weight for name, weight in record.weights._asdict().items() if weight is not None}
    equation, weight_hh = RECURRENCES[record.recurrence], record.weights.weight_hh
    sizes = {"hidden": weight_hh.shape[1], "cell": weight_hh.shape[0] // equation.gates}
    start = equation.state(*(weight_hh.new_zeros(1, sizes[name]) for name in equation.fields))
    return Taken(dense_step(record.recurrence, record.constants), weights, start)


def _own(found: FoundModule, at: int) -> Taken:
    """Return a step of one's own, that of number ``at`` among the cells of a module, with its weights as they are."""
    cell = [one.cell for sides in found.layers for one in sides][at]
    named, step = weighted_step(cell)
    copies = {name: weight.clone() for name, weight in named.items()}
    start = cell.initial_state(1)
    zeros = type(start)(*(torch.zeros_like(field) for field in start))

    def take(x: Tensor, state: Any, weights: Mapping[str, Tensor], _: Tensor | None) -> Any:
        return step(x, state, dict(weights))

    return Taken(take, copies, zeros)
