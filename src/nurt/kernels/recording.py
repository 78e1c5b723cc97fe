"""Looking in: gates, states and gradients of every recurrence that runs inside a block of code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

import torch
from torch import Tensor

from nurt.errors import UnavailableError
from nurt.kernels.recurrence import Weights
from nurt.kernels.rung import PLAIN, StepOptions

__all__ = ["BLOCK", "Recording", "batch_unrecorded", "enter", "recording", "recording_wanted"]


@dataclass
class Recording:
    """One direction of one layer in one call; filled while it runs forward and, once ``backward`` has run, backward.

    All tensors are detached, of shape (B, T, H), in the order of the inputs (a reversed recurrence is not flipped);
    past a row's length they are zero. Of packed data they are (sum of lengths, H), laid out as the data;
    ``pad_packed_sequence(PackedSequence(value, batch_sizes), batch_first=True)`` gives (B, T, H).

    Attributes:
        recurrence: name of the recurrence; empty for a step of its own.
        layer: 0 for the lowest of the call; always 0 where a stack is run layer by layer, each a call of its own.
        direction: "forward" or "backward".
        call: number of the call inside the block, from 0.
        constants: of the recurrence's equation.
        lengths: steps of each row, (B,); None when every row has T.
        batch_sizes: rows alive at each step, (T,), when the data are packed; else None.
        inputs: x_t, what the layer read, after any dropout below it; past a row's length they mean nothing.
        weights: as they were during the call; None for a step of its own.
        options: what happened to the state between steps.
        initial: state before the first step by field, (B, ·); without those that are zero.
        gates: activated gates by name, where the engine keeps them. For the GRU ``recurrent_candidate`` is
            W_hn h + b_hn before the reset gate.
        hidden: h_t, before any dropout on its way up.
        cell: c_t, for cells that have one.
        grad_outputs: what arrives at the output of each step from above, ∂L/∂y_t; None before ``backward``.
        grad_final: what arrives at the final state from outside by field, (B, ·); without what is zero.
        grad_hidden: dL/dh_t over all paths, from the step's own output and from later steps; None before ``backward``.
        grad_cell: dL/dc_t over all paths.
    """

    recurrence: str = ""
    layer: int = 0
    direction: str = "forward"
    call: int = 0
    constants: tuple[float, ...] = ()
    lengths: Tensor | None = None
    batch_sizes: Tensor | None = None
    inputs: Tensor | None = None
    weights: Weights | None = None
    options: StepOptions = PLAIN
    initial: dict[str, Tensor] = field(default_factory=dict)
    gates: dict[str, Tensor] = field(default_factory=dict)
    hidden: Tensor | None = None
    cell: Tensor | None = None
    grad_outputs: Tensor | None = None
    grad_final: dict[str, Tensor] = field(default_factory=dict)
    grad_hidden: Tensor | None = None
    grad_cell: Tensor | None = None


class _Collector:
    """What one block has recorded."""

    def __init__(self) -> None:
        self.records: list[Recording] = []
        self.calls = count()


BLOCK: ContextVar[_Collector | None] = ContextVar("nurt_recording", default=None)


@contextmanager
def recording() -> Iterator[list[Recording]]:
    """Record every recurrence that runs inside the ``with`` block, in this thread or task alone.

    Each call leaves one :class:`Recording` per layer and direction, lowest layer first. A loss whose ``backward``
    runs later, inside the block or not, fills in the gradients; a second backward pass writes them anew. The native
    engine records on its way; what it cannot run goes by the readable loop, for no other rung records. Recordings
    keep their memory as long as they live.

    Yields:
        The recordings so far.

    Raises:
        UnavailableError: from a call inside that a rung is forced for which records nothing, that ``torch.compile``
            or ``torch.export`` runs, and from a scan by itself.

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
    token = BLOCK.set(collector)
    try:
        yield collector.records
    finally:
        BLOCK.reset(token)


def recording_wanted() -> bool:
    """Return whether a block that records is open. Compiled code cannot ask; its operators do when they run."""
    return not torch.compiler.is_compiling() and BLOCK.get() is not None


def enter(made: Sequence[Recording]) -> bool:
    """Number ``made``, the recordings of one call, and enter them into the open block; return whether there is one."""
    collector = None if torch.compiler.is_compiling() else BLOCK.get()
    if collector is None:
        return False
    number = next(collector.calls)
    for record in made:
        record.call = number
    collector.records += made
    return True


def batch_unrecorded() -> UnavailableError:
    """Return what to raise where many gradients would go into one recording at once."""
    return UnavailableError(
        "nurt.kernels.recording: a recording has room for one gradient at a time.",
        expected="a plain backward pass",
        got="a batch of gradients by torch.vmap (is_grads_batched, vectorize)",
        cure="Take the gradients one after the other, or record nothing.",
    )
