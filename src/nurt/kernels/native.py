"""The native CPU engine: one recurrence, forward and backward, each in one call.

The C++ code (``cpu/``) takes addresses and strides; here tensors are checked, buffers made and the backward pass tied
to autograd. Equations, adjoints and the contract of the buffers stand in ``README.md`` beside this file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError, ShapeError, UnavailableError
from nurt.kernels import _cpu

__all__ = ["CELLS", "CellSpec", "Recording", "Recurrence", "instruction_set", "recurrence"]


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

_SCALARS = {torch.float32: 0, torch.float64: 1}
_ABSENT = (0, 0, 0)
_INSTRUCTION_SETS = tuple(_cpu.instruction_sets())


@dataclass
class Recording:
    """Filled by :func:`recurrence` and, once ``backward`` has run, by its backward pass.

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


class Recurrence(NamedTuple):
    """Outputs (B, T, H), final hidden state (B, H) and, for the LSTM, final cell state (B, H)."""

    outputs: Tensor
    hidden: Tensor
    cell: Tensor | None


def instruction_set() -> str:
    """Name of the vector instruction set in use: the widest one, or what ``NURT_ISA`` asks for.

    Raises:
        UnavailableError: ``NURT_ISA`` names a set that this processor does not have.
    """
    wanted = os.environ.get("NURT_ISA")
    if not wanted:
        return _INSTRUCTION_SETS[-1]
    if wanted not in _INSTRUCTION_SETS:
        raise UnavailableError(
            "nurt.kernels: the environment variable NURT_ISA names an instruction set that cannot run here.",
            expected=f"one of {', '.join(_INSTRUCTION_SETS)}",
            got=repr(wanted),
            cure="Unset NURT_ISA to use the widest one.",
        )
    return wanted


def recurrence(
    cell: str,
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    cell_state: Tensor | None = None,
    lengths: Tensor | Sequence[int] | None = None,
    reverse: bool = False,
    threads: int | None = None,
    recording: Recording | None = None,
) -> Recurrence:
    """Run one layer of a recurrence over a whole batch of sequences, differentiably.

    Weights, biases and the order of gates are torch's (LSTM i f g o, GRU r z n with the reset gate after the
    product), so parameters of ``torch.nn`` layers can be passed as they are. Results are bitwise the same for any
    number of threads.

    Args:
        cell: a name in :data:`CELLS`.
        inputs: (B, T, I), float32 or float64, on the CPU; any strides.
        weight_ih: (G·H, I).
        weight_hh: (G·H, H).
        bias_ih: (G·H), optional.
        bias_hh: (G·H), optional.
        hidden: initial hidden state (B, H); zero when absent.
        cell_state: initial cell state (B, H), LSTM only; zero when absent.
        lengths: steps of each row, between 0 and T. Past its end a row's state stands still and its output is zero.
            None: all T.
        reverse: run from each row's own last element to its first; outputs stay in the order of the inputs.
        threads: threads at most; None: ``torch.get_num_threads()``.
        recording: filled with gates, states and, during ``backward``, the total gradients of the states.

    Returns:
        Outputs, final hidden state, final cell state (None unless the cell has one). A row of length 0 returns its
        initial state.

    Raises:
        NurtValueError: an unknown cell, an impossible length or number of threads.
        NurtTypeError: another type or device than the engine computes in.
        ShapeError: shapes that do not fit each other.
    """
    call = _Checked(cell, inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell_state)
    setting = _Setting(
        cell=call.spec,
        lengths=_lengths(lengths, call.batch, call.time),
        reverse=reverse,
        threads=_threads(threads),
        isa=instruction_set(),
        recording=recording,
    )
    tensors = (inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell_state)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        outputs, final_hidden, final_cell = _Engine.apply(setting, *tensors)  # type: ignore[no-untyped-call]
        return Recurrence(outputs, final_hidden, final_cell)
    return _forward(setting, tensors, keep=recording is not None).result


class _Checked:
    """Refuses what the engine cannot compute, naming the argument at fault."""

    def __init__(
        self,
        cell: str,
        inputs: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor | None,
        bias_hh: Tensor | None,
        hidden: Tensor | None,
        cell_state: Tensor | None,
    ) -> None:
        if cell not in CELLS:
            raise NurtValueError(
                "nurt.kernels.native.recurrence: no such cell.",
                expected=f"one of {', '.join(CELLS)}",
                got=repr(cell),
                cure="Use a name from the list, or the reference kernels for other cells.",
            )
        self.spec = CELLS[cell]
        if cell_state is not None and not self.spec.has_cell:
            raise NurtValueError(
                f"nurt.kernels.native.recurrence: the cell {cell!r} has no cell state.",
                expected="cell_state=None",
                got=f"a tensor of shape {tuple(cell_state.shape)}",
                cure="Leave cell_state out.",
            )
        self._same_kind("inputs", inputs, inputs)
        if inputs.dim() != 3 or 0 in inputs.shape:
            raise ShapeError(
                "nurt.kernels.native.recurrence: `inputs` cannot be read as sequences.",
                expected="(B, T, I) with every size at least 1",
                got=f"{tuple(inputs.shape)}",
                cure="Pass a batch of sequences; add an axis with inputs.unsqueeze(0) for a single one.",
            )
        self.batch, self.time, size = inputs.shape
        if weight_hh.dim() != 2 or weight_hh.shape[1] == 0:
            raise _misshapen("weight_hh", weight_hh, "(G·H, H)", "W_hh of a layer with at least one unit")
        H = weight_hh.shape[1]
        rows = self.spec.gates * H
        for name, tensor, shape in (
            ("weight_hh", weight_hh, (rows, H)),
            ("weight_ih", weight_ih, (rows, size)),
            ("bias_ih", bias_ih, (rows,)),
            ("bias_hh", bias_hh, (rows,)),
            ("hidden", hidden, (self.batch, H)),
            ("cell_state", cell_state, (self.batch, H)),
        ):
            if tensor is None:
                continue
            if tuple(tensor.shape) != shape:
                reason = f"B={self.batch}, I={size}, H={H} and {self.spec.gates} blocks of H rows for {cell!r}"
                raise _misshapen(name, tensor, str(shape), reason)
            self._same_kind(name, tensor, inputs)

    @staticmethod
    def _same_kind(name: str, tensor: Tensor, inputs: Tensor) -> None:
        if tensor.device.type != "cpu" or tensor.layout != torch.strided or tensor.dtype not in _SCALARS:
            raise NurtTypeError(
                f"nurt.kernels.native.recurrence: the native engine cannot compute with `{name}`.",
                expected="a dense float32 or float64 tensor on the CPU",
                got=f"{tensor.dtype} on {tensor.device}",
                cure=f"Convert it with {name}.to('cpu', torch.float32), or use another kernel.",
            )
        if tensor.dtype != inputs.dtype:
            raise NurtTypeError(
                f"nurt.kernels.native.recurrence: `{name}` and `inputs` differ in type.",
                expected=str(inputs.dtype),
                got=str(tensor.dtype),
                cure="Convert one of them; nothing is converted silently.",
            )


def _misshapen(name: str, tensor: Tensor, expected: str, reason: str) -> ShapeError:
    return ShapeError(
        f"nurt.kernels.native.recurrence: `{name}` has the wrong shape.",
        expected=f"{expected}, because of {reason}",
        got=str(tuple(tensor.shape)),
        cure="Pass weights, biases and states of the same layer and batch as the inputs.",
    )


def _lengths(lengths: Tensor | Sequence[int] | None, batch: int, time: int) -> Tensor | None:
    if lengths is None:
        return None
    given = torch.as_tensor(lengths, device="cpu")
    if given.dim() != 1 or given.shape[0] != batch or given.is_floating_point() or given.is_complex():
        raise ShapeError(
            "nurt.kernels.native.recurrence: `lengths` does not give one number of steps per row.",
            expected=f"{batch} integers",
            got=f"shape {tuple(given.shape)}, {given.dtype}",
            cure="Pass a (B,) tensor of integers.",
        )
    # A copy of our own: the backward pass reads it again, and the caller may reuse theirs.
    result = given.to(torch.int64, copy=True).contiguous()
    low, high = int(result.min()), int(result.max())
    if low < 0 or high > time:
        raise NurtValueError(
            "nurt.kernels.native.recurrence: a length lies outside the sequences.",
            expected=f"lengths between 0 and T={time}",
            got=f"{low if low < 0 else high}",
            cure="Cut the lengths to T, or pad the inputs.",
        )
    return None if low == time else result


def _threads(threads: int | None) -> int:
    count = torch.get_num_threads() if threads is None else threads
    if not 1 <= count <= 1024:
        raise NurtValueError(
            "nurt.kernels.native.recurrence: impossible number of threads.",
            expected="threads between 1 and 1024",
            got=str(threads),
            cure="Leave `threads` out to use torch's number.",
        )
    return count


@dataclass(frozen=True)
class _Setting:
    """Everything of a call that is not a tensor to differentiate."""

    cell: CellSpec
    lengths: Tensor | None
    reverse: bool
    threads: int
    isa: str
    recording: Recording | None

    def call(self, inputs: Tensor, hidden_size: int) -> _cpu.Call:
        batch, time, size = inputs.shape
        return _cpu.Call(
            self.cell.code,
            _SCALARS[inputs.dtype],
            self.threads,
            self.reverse,
            batch,
            time,
            size,
            hidden_size,
            _address(self.lengths),
        )


class _Kept(NamedTuple):
    result: Recurrence
    inputs: Tensor
    gates: Tensor | None
    cells: Tensor | None


_Tensors = Sequence[Tensor | None]


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _rows(tensor: Tensor | None) -> tuple[int, int, int]:
    return _ABSENT if tensor is None else (tensor.data_ptr(), tensor.stride(0), tensor.stride(1))


def _readable(tensor: Tensor) -> Tensor:
    """A (B, T, columns) tensor whose last axis is contiguous; copied only if it is not."""
    return tensor if tensor.stride(2) == 1 or tensor.shape[2] == 1 else tensor.contiguous()


def _dense(tensor: Tensor | None) -> Tensor | None:
    return tensor if tensor is None or tensor.is_contiguous() else tensor.contiguous()


def _sequences(like: Tensor, columns: int) -> Tensor:
    """Room for (B, T, columns), time-major in memory: what one step touches lies together."""
    batch, time, _ = like.shape
    return like.new_empty((time, batch, columns)).transpose(0, 1)


def _forward(setting: _Setting, tensors: _Tensors, *, keep: bool) -> _Kept:
    inputs, *rest = tensors
    assert inputs is not None
    inputs = _readable(inputs)
    weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell = (_dense(t) for t in rest)
    assert weight_hh is not None
    spec, H = setting.cell, weight_hh.shape[1]
    outputs = _sequences(inputs, H)
    gates = _sequences(inputs, len(spec.recorded) * H) if keep and spec.recorded else None
    cells = _sequences(inputs, H) if keep and spec.has_cell else None
    final_hidden = inputs.new_empty((inputs.shape[0], H))
    final_cell = torch.empty_like(final_hidden) if spec.has_cell else None
    recording = setting.recording
    _cpu.forward(
        setting.isa,
        setting.call(inputs, H),
        _rows(inputs),
        _address(weight_ih),
        _address(weight_hh),
        _address(bias_ih),
        _address(bias_hh),
        _address(hidden),
        _address(cell),
        _rows(outputs),
        _rows(gates),
        _rows(cells),
        _address(final_hidden),
        _address(final_cell),
        recording is not None,
    )
    if recording is not None:
        recording.hidden, recording.cell = outputs.detach(), cells
        blocks = () if gates is None else torch.split(gates, H, dim=2)
        recording.gates = dict(zip(spec.recorded, blocks, strict=True))
    return _Kept(Recurrence(outputs, final_hidden, final_cell), inputs, gates, cells)


class _Engine(torch.autograd.Function):
    """Ties the two native calls to autograd; gradients of gradients are refused by ``once_differentiable``."""

    @staticmethod
    def forward(ctx: Any, setting: _Setting, *tensors: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        kept = _forward(setting, tensors, keep=True)
        _, weight_ih, weight_hh, _, _, hidden, cell = tensors
        ctx.setting = setting
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(
            kept.inputs, weight_ih, weight_hh, hidden, cell, kept.result.outputs, kept.gates, kept.cells
        )
        return kept.result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad_outputs: Tensor | None, grad_hidden: Tensor | None, grad_cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        setting: _Setting = ctx.setting
        inputs, weight_ih, weight_hh, hidden, cell, outputs, gates, cells = ctx.saved_tensors
        weight_ih, weight_hh = weight_ih.contiguous(), weight_hh.contiguous()
        hidden, cell = _dense(hidden), _dense(cell)
        _, needs_inputs, needs_ih, needs_hh, needs_bias_ih, needs_bias_hh, needs_hidden, needs_cell = (
            ctx.needs_input_grad
        )
        H = weight_hh.shape[1]
        grad_outputs = None if grad_outputs is None else _readable(grad_outputs)
        state = (inputs.shape[0], H)
        to_inputs = _sequences(inputs, inputs.shape[2]) if needs_inputs else None
        to_ih = torch.empty_like(weight_ih) if needs_ih else None
        to_hh = torch.empty_like(weight_hh) if needs_hh else None
        to_bias_ih = inputs.new_empty(weight_hh.shape[0]) if needs_bias_ih else None
        to_bias_hh = inputs.new_empty(weight_hh.shape[0]) if needs_bias_hh else None
        to_hidden = inputs.new_empty(state) if needs_hidden else None
        to_cell = inputs.new_empty(state) if needs_cell else None
        recording = setting.recording
        if recording is not None:
            recording.grad_hidden = _sequences(inputs, H)
            recording.grad_cell = _sequences(inputs, H) if setting.cell.has_cell else None
        # Held by name until the call returns: an address does not keep its tensor alive.
        grad_hidden, grad_cell = _dense(grad_hidden), _dense(grad_cell)
        _cpu.backward(
            setting.isa,
            setting.call(inputs, H),
            _rows(inputs),
            _rows(outputs),
            _rows(gates),
            _rows(cells),
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
        return None, to_inputs, to_ih, to_hh, to_bias_ih, to_bias_hh, to_hidden, to_cell
