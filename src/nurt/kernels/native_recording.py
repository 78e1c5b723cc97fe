"""Looking in: gates, states and total gradients of every native call inside a block of code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

import torch
from torch import Tensor

from nurt.kernels.native_calls import CELLS, Call, Given, Left
from nurt.kernels.native_memory import kept_piece, places, stepwise

__all__ = ["Recording", "new_recordings", "record_forward", "recording", "recording_wanted", "total_gradient_room"]


@dataclass
class Recording:
    """One direction of one layer in one call; filled while it runs forward and, once ``backward`` has run, backward.

    All tensors are detached, of shape (B, T, H), in the order of the inputs (a reversed recurrence is not flipped);
    past a row's length they are zero. Of packed data they are (sum of lengths, H), laid out as the data;
    ``pad_packed_sequence(PackedSequence(value, batch_sizes), batch_first=True)`` gives (B, T, H).

    Attributes:
        recurrence: name of the recurrence.
        layer: 0 for the lowest of the call.
        direction: "forward" or "backward".
        call: number of the call inside the block, from 0.
        lengths: steps of each row, (B,); None when every row has T.
        batch_sizes: rows alive at each step, (T,), when the data are packed; else None.
        gates: activated gates by name. For the GRU ``recurrent_candidate`` is W_hn h + b_hn before the reset gate.
        hidden: h_t, before any dropout on its way up.
        cell: c_t, for cells that have one.
        grad_hidden: dL/dh_t over all paths, from the step's own output and from later steps; None before ``backward``.
        grad_cell: dL/dc_t over all paths.
    """

    recurrence: str = ""
    layer: int = 0
    direction: str = "forward"
    call: int = 0
    lengths: Tensor | None = None
    batch_sizes: Tensor | None = None
    gates: dict[str, Tensor] = field(default_factory=dict)
    hidden: Tensor | None = None
    cell: Tensor | None = None
    grad_hidden: Tensor | None = None
    grad_cell: Tensor | None = None


class _Collector:
    """What one block has recorded."""

    def __init__(self) -> None:
        self.records: list[Recording] = []
        self.calls = count()


_collector: ContextVar[_Collector | None] = ContextVar("nurt_recording", default=None)


@contextmanager
def recording() -> Iterator[list[Recording]]:
    """Record every native call made inside the ``with`` block, in this thread or task alone.

    Each call leaves one :class:`Recording` per layer and direction, lowest layer first. A loss whose ``backward``
    runs later, inside the block or not, fills in the total gradients; a second backward pass writes them anew. Other
    rungs record nothing and refuse. Recordings keep their memory as long as they live.

    Yields:
        The recordings so far.

    Raises:
        UnavailableError: from a call inside that another rung than the native one would serve, or that
            ``torch.compile`` or ``torch.export`` runs.

    Example:
        >>> import torch, nurt
        >>> lstm = nurt.nn.LSTM(3, 5, num_layers=2)
        >>> with nurt.kernels.recording() as records:
        ...     outputs, _ = lstm(torch.randn(7, 2, 3))
        >>> outputs.sum().backward()
        >>> [(record.layer, tuple(record.grad_hidden.shape)) for record in records]
        [(0, (2, 7, 5)), (1, (2, 7, 5))]
        >>> list(records[0].gates)
        ['input', 'forget', 'candidate', 'output']
    """
    collector = _Collector()
    token = _collector.set(collector)
    try:
        yield collector.records
    finally:
        _collector.reset(token)


def recording_wanted() -> bool:
    """Return whether a block that records is open. Compiled code cannot ask; its operators do when they run."""
    return not torch.compiler.is_compiling() and _collector.get() is not None


def new_recordings(call: Call) -> list[Recording] | None:
    """Return recordings for a call, entered into the open block; None where none is open."""
    if torch.compiler.is_compiling():
        return None
    collector = _collector.get()
    if collector is None:
        return None
    number = next(collector.calls)
    made = [
        Recording(call.cell, layer, "backward" if reverse else "forward", number)
        for layer in range(call.layers)
        for reverse in call.reverse
    ]
    collector.records += made
    return made


def record_forward(call: Call, given: Given, left: Left, recordings: Sequence[Recording]) -> None:
    """Fill in what the forward call left behind."""
    spec, hidden_size, directions = CELLS[call.cell], given.sizes().hidden, len(call.reverse)
    for layer, place in enumerate(places(call.cell, call.layers, directions, hidden_size, True)):
        outputs = left.outputs.detach()
        if place.outputs is not None:
            assert left.kept is not None
            outputs = kept_piece(given, left.kept, place.outputs, directions * hidden_size)
        for direction, record in enumerate(recordings[layer * directions : (layer + 1) * directions]):
            record.lengths, record.batch_sizes = given.lengths, None
            if call.packed and given.lengths is not None:
                record.batch_sizes = batch_sizes_of(given.lengths)
            record.hidden = outputs[..., direction * hidden_size : (direction + 1) * hidden_size]
            gates, cells = place.gates[direction], place.cells[direction]
            if gates is not None:
                assert left.kept is not None
                blocks = kept_piece(given, left.kept, gates, len(spec.recorded) * hidden_size)
                record.gates = dict(zip(spec.recorded, torch.split(blocks, hidden_size, dim=-1), strict=True))
            if cells is not None:
                assert left.kept is not None
                record.cell = kept_piece(given, left.kept, cells, hidden_size)


def total_gradient_room(given: Given, recordings: Sequence[Recording]) -> list[tuple[Tensor | None, Tensor | None]]:
    """Give each recording room for its total gradients; returned per layer and direction, hidden and cell state."""
    hidden_size = given.sizes().hidden
    for record in recordings:
        record.grad_hidden = stepwise(given.inputs, hidden_size)
        record.grad_cell = stepwise(given.inputs, hidden_size) if CELLS[record.recurrence].has_cell else None
    return [(record.grad_hidden, record.grad_cell) for record in recordings]


def batch_sizes_of(lengths: Tensor) -> Tensor:
    """Return how many rows of falling ``lengths`` are alive at each step, as a packed sequence wants it."""
    steps = torch.arange(int(lengths[0]))
    return (steps.unsqueeze(1) < lengths).sum(1)
