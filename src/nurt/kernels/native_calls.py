"""The two native calls on tensors already checked: buffers made, addresses taken, nothing differentiated.

``native.py`` checks what people pass and ``native_ops.py`` ties these calls to autograd and to torch's compiler.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, ShapeError, UnavailableError

try:
    from nurt.kernels import _cpu
except ImportError:  # built for another Python, or not built; the rung says so
    _cpu = None  # type: ignore[assignment]

__all__ = [
    "CELLS",
    "INSTRUCTION_SETS",
    "SCALARS",
    "Call",
    "CellSpec",
    "Forward",
    "Recording",
    "Tensors",
    "backward",
    "buffers",
    "forward",
    "gradient_buffers",
    "instruction_set",
]


@dataclass(frozen=True)
class CellSpec:
    """What the Python side knows of a native cell.

    Args:
        code: number of the cell in ``cpu/problem.h``.
        gates: blocks of H rows in each weight matrix.
        recorded: names of the blocks of H numbers kept per step, in memory order; empty when the output says it all.
        has_cell: whether there is a cell state beside the hidden one.
    """

    code: int
    gates: int
    recorded: tuple[str, ...] = ()
    has_cell: bool = False


CELLS: dict[str, CellSpec] = {
    "lstm": CellSpec(0, 4, ("input", "forget", "candidate", "output"), has_cell=True),
    "gru": CellSpec(1, 3, ("candidate", "reset", "update", "recurrent_candidate")),
    "elman_tanh": CellSpec(2, 1),
    "elman_relu": CellSpec(3, 1),
    "elman_sigmoid": CellSpec(4, 1),
    "linear": CellSpec(5, 1),
}

SCALARS = {torch.float32: 0, torch.float64: 1}
# Narrowest first; empty without the extension.
INSTRUCTION_SETS = () if _cpu is None else tuple(_cpu.instruction_sets())


@dataclass
class Recording:
    """Filled by :func:`nurt.kernels.native.recurrence` and, once ``backward`` has run, by its backward pass.

    All tensors are detached, of shape (B, T, H), in the order of the inputs (a reversed recurrence is not flipped);
    past a row's length they are zero.

    Attributes:
        gates: activated gates by name. For the GRU ``recurrent_candidate`` is W_hn h + b_hn before the reset gate.
        hidden: h_t.
        cell: c_t, for cells that have one.
        grad_hidden: dL/dh_t over all paths, from the step's own output and from later steps.
        grad_cell: dL/dc_t over all paths.
    """

    gates: dict[str, Tensor] = field(default_factory=dict)
    hidden: Tensor | None = None
    cell: Tensor | None = None
    grad_hidden: Tensor | None = None
    grad_cell: Tensor | None = None


def instruction_set() -> str:
    """Name of the vector instruction set in use: the widest one, or what ``NURT_ISA`` asks for.

    Raises:
        UnavailableError: ``NURT_ISA`` names a set that this processor does not have.
    """
    wanted = os.environ.get("NURT_ISA")
    if not wanted:
        return INSTRUCTION_SETS[-1]
    if wanted not in INSTRUCTION_SETS:
        raise UnavailableError(
            "nurt.kernels: the environment variable NURT_ISA names an instruction set that cannot run here.",
            expected=f"one of {', '.join(INSTRUCTION_SETS)}",
            got=repr(wanted),
            cure="Unset NURT_ISA to use the widest one.",
        )
    return wanted


@dataclass(frozen=True)
class Call:
    """Everything of a call that is not a tensor to differentiate.

    Args:
        cell: a name in :data:`CELLS`.
        lengths: int64 (B,) in memory of our own, or None.
        reverse: run from each row's own last step to its first.
        packed: the inputs are the data (sum of lengths, I) of a packed sequence; ``lengths`` are given and falling.
        threads: at most; None for torch's number at the time of the call.
        recording: filled on the way.
    """

    cell: str
    lengths: Tensor | None = None
    reverse: bool = False
    packed: bool = False
    threads: int | None = None
    recording: Recording | None = None

    @property
    def spec(self) -> CellSpec:
        """What Python knows of the cell."""
        return CELLS[self.cell]

    def batch(self, inputs: Tensor) -> int:
        """Return B."""
        return inputs.shape[0] if not self.packed or self.lengths is None else self.lengths.shape[0]

    def native(self, inputs: Tensor, hidden_size: int) -> _cpu.Call:
        """Return the call as the engine wants it."""
        # Of packed data the engine wants the number of rows.
        time = inputs.shape[0] if self.packed else inputs.shape[1]
        return _cpu.Call(
            self.spec.code,
            SCALARS[inputs.dtype],
            torch.get_num_threads() if self.threads is None else self.threads,
            self.reverse,
            self.packed,
            self.batch(inputs),
            time,
            inputs.shape[-1],
            hidden_size,
            _address(self.lengths),
        )


class Forward(NamedTuple):
    """What the forward call leaves behind; ``gates`` and ``cells`` only when kept for a backward call."""

    outputs: Tensor
    hidden: Tensor
    cell: Tensor | None
    gates: Tensor | None
    cells: Tensor | None


Tensors = Sequence[Tensor | None]
_NAMES = ("inputs", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "hidden", "cell_state")


def forward(call: Call, tensors: Tensors, *, keep: bool, clear: bool = False) -> Forward:
    """Run the whole time loop forward.

    Args:
        call: what to run.
        tensors: inputs (B, T, I), or (sum of lengths, I) when packed, weight_ih, weight_hh, bias_ih, bias_hh, hidden
            and cell state; all but the first three may be None.
        keep: leave gates and cell states for a backward call.
        clear: also zero what is kept past the ends of the rows, which no backward call reads.

    Returns:
        Outputs and final states, and what was kept.
    """
    inputs, *rest = tensors
    assert inputs is not None
    inputs = _readable(inputs)
    weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell = (_dense(t) for t in rest)
    assert weight_hh is not None
    _check(call, tensors)
    recording, native = call.recording, inputs.shape[0] > 0
    result = buffers(call, inputs, weight_hh.shape[1], keep=keep or recording is not None)
    if native:
        _cpu.forward(
            instruction_set(),
            call.native(inputs, weight_hh.shape[1]),
            _rows(inputs),
            _address(weight_ih),
            _address(weight_hh),
            _address(bias_ih),
            _address(bias_hh),
            _address(hidden),
            _address(cell),
            _rows(result.outputs),
            _rows(result.gates),
            _rows(result.cells),
            _address(result.hidden),
            _address(result.cell),
            clear or recording is not None,
        )
    if recording is not None:
        recording.hidden, recording.cell = result.outputs.detach(), result.cells
        blocks = () if result.gates is None else torch.split(result.gates, weight_hh.shape[1], dim=-1)
        recording.gates = dict(zip(call.spec.recorded, blocks, strict=True))
    return result


def _check(call: Call, tensors: Tensors) -> None:
    """Refuse what would make the engine read past a tensor: assigned weights, for example, are checked nowhere else.

    Raises:
        ShapeError: shapes that do not fit each other.
        NurtTypeError: another dtype, device or layout than the inputs'.
    """
    inputs, _, weight_hh, *_ = tensors
    assert inputs is not None
    assert weight_hh is not None
    hidden_size, batch = weight_hh.shape[-1], call.batch(inputs)
    rows = call.spec.gates * hidden_size
    state = (batch, hidden_size)
    shapes = (inputs.shape, (rows, inputs.shape[-1]), (rows, hidden_size), (rows,), (rows,), state, state)
    for name, tensor, shape in zip(_NAMES, tensors, shapes, strict=True):
        if tensor is None:
            continue
        if tensor.shape != shape:
            raise ShapeError(
                f"nurt.kernels: `{name}` of a {call.cell} has the wrong shape.",
                expected=f"{tuple(shape)}, because B={batch}, I={inputs.shape[-1]} and H={hidden_size}",
                got=str(tuple(tensor.shape)),
                cure="Pass weights, biases and states of the same layer and batch as the inputs.",
            )
        if tensor.dtype != inputs.dtype or tensor.device != inputs.device or tensor.layout != torch.strided:
            raise NurtTypeError(
                f"nurt.kernels: `{name}` of a {call.cell} is of another kind than the inputs.",
                expected=f"a dense {inputs.dtype} tensor on {inputs.device}",
                got=f"{tensor.dtype}, {tensor.device}, {tensor.layout}",
                cure="Convert one of them; nothing is converted silently.",
            )


def buffers(call: Call, inputs: Tensor, hidden_size: int, *, keep: bool) -> Forward:
    """Return room for what a forward call leaves behind."""
    spec, state = call.spec, (call.batch(inputs), hidden_size)
    return Forward(
        _like(inputs, hidden_size),
        inputs.new_empty(state),
        inputs.new_empty(state) if spec.has_cell else None,
        _like(inputs, len(spec.recorded) * hidden_size) if keep and spec.recorded else None,
        _like(inputs, hidden_size) if keep and spec.has_cell else None,
    )


def backward(
    call: Call, tensors: Tensors, kept: Forward, grads: Tensors, wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Run the whole time loop backward.

    Args:
        call: as in the forward call.
        tensors: as in the forward call.
        kept: what the forward call left behind.
        grads: of the outputs, the final hidden and the final cell state; None for zero.
        wanted: of which of the seven ``tensors`` the gradients are asked for.

    Returns:
        The gradients of ``tensors``, None where not wanted.
    """
    inputs, *rest = tensors
    assert inputs is not None
    inputs = _readable(inputs)
    weight_ih, weight_hh, _, _, hidden, cell = (_dense(t) for t in rest)
    assert weight_hh is not None
    hidden_size = weight_hh.shape[1]
    results = gradient_buffers(call, tensors, wanted)
    to_inputs, to_ih, to_hh, to_bias_ih, to_bias_hh, to_hidden, to_cell = results
    if inputs.shape[0] == 0:
        return [None if result is None else result.zero_() for result in results]
    recording = call.recording
    if recording is not None:
        recording.grad_hidden = _like(inputs, hidden_size)
        recording.grad_cell = _like(inputs, hidden_size) if call.spec.has_cell else None
    # Held by name until the call returns: an address does not keep its tensor alive.
    grad_outputs = None if grads[0] is None else _readable(grads[0])
    grad_hidden, grad_cell = _dense(grads[1]), _dense(grads[2])
    _cpu.backward(
        instruction_set(),
        call.native(inputs, hidden_size),
        _rows(inputs),
        _rows(kept.outputs),
        _rows(kept.gates),
        _rows(kept.cells),
        _address(weight_ih),
        _address(weight_hh),
        _address(hidden),
        _address(cell),
        _rows(grad_outputs),
        _address(grad_hidden),
        _address(grad_cell),
        _rows(to_inputs),
        _address(to_ih),
        _address(to_hh),
        _address(to_bias_ih),
        _address(to_bias_hh),
        _address(to_hidden),
        _address(to_cell),
        _rows(recording.grad_hidden if recording is not None else None),
        _rows(recording.grad_cell if recording is not None else None),
    )
    return results


def gradient_buffers(call: Call, tensors: Tensors, wanted: Sequence[bool]) -> list[Tensor | None]:
    """Return room for the gradients of the ``wanted`` ones of ``tensors``, in their order."""
    inputs, _, weight_hh, *_ = tensors
    assert inputs is not None
    assert weight_hh is not None
    rows, hidden_size = weight_hh.shape
    batch, features = call.batch(inputs), inputs.shape[-1]
    shapes = ((rows, features), (rows, hidden_size), (rows,), (rows,), (batch, hidden_size), (batch, hidden_size))
    return [
        _like(inputs, features) if wanted[0] else None,
        *(inputs.new_empty(shape) if asked else None for shape, asked in zip(shapes, wanted[1:], strict=True)),
    ]


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _rows(tensor: Tensor | None) -> tuple[int, int, int]:
    if tensor is None:
        return (0, 0, 0)
    return (tensor.data_ptr(), tensor.stride(0), tensor.stride(1) if tensor.dim() == 3 else 0)


def _readable(tensor: Tensor) -> Tensor:
    """Return ``tensor`` with a contiguous last axis; copied only if it has gaps there."""
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def _dense(tensor: Tensor | None) -> Tensor | None:
    return tensor if tensor is None or tensor.is_contiguous() else tensor.contiguous()


def _like(inputs: Tensor, columns: int) -> Tensor:
    """Return room for ``columns`` numbers per step, time-major in memory: what one step touches lies together."""
    if inputs.dim() == 2:
        return inputs.new_empty((inputs.shape[0], columns))
    batch, time, _ = inputs.shape
    return inputs.new_empty((time, batch, columns)).transpose(0, 1)
