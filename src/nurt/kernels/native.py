"""The native CPU engine: one recurrence, forward and backward, each in one call.

The C++ code (``cpu/``) takes addresses and strides; here tensors are checked. Equations, adjoints and the contract of
the buffers stand in ``README.md`` beside this file.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nurt.errors import NurtTypeError, NurtValueError, ShapeError
from nurt.kernels import native_ops
from nurt.kernels.lengths import Lengths, whole_numbers
from nurt.kernels.native_calls import CELLS, SCALARS, Call, CellSpec, Given, instruction_set
from nurt.kernels.native_recording import new_recordings
from nurt.kernels.recording import Recording
from nurt.kernels.threads import MOST

__all__ = ["CELLS", "CellSpec", "Recording", "Recurrence", "instruction_set", "recurrence"]


class Recurrence(NamedTuple):
    """Outputs (B, T, H), final hidden state (B, H) and, for the LSTM, final cell state (B, H)."""

    outputs: Tensor
    hidden: Tensor
    cell: Tensor | None


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
    lengths: Lengths | None = None,
    reverse: bool = False,
    threads: int | None = None,
    recording: Recording | None = None,
) -> Recurrence:
    """Run one layer of a recurrence over a whole batch of sequences, differentiably.

    Weights, biases and the order of gates are torch's (LSTM i f g o, GRU r z n with the reset gate after the
    product), so parameters of ``torch.nn`` layers can be passed as they are. Results are bitwise the same for any
    number of threads.

    Args:
        cell: a name in :data:`CELLS` of a cell that learns weights and biases alone.
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
    if not isinstance(reverse, bool) or not isinstance(recording, Recording | None):
        raise NurtTypeError(
            "nurt.kernels.native.recurrence: `reverse` or `recording` is of another type.",
            expected="a bool, and a Recording or None",
            got=f"{type(reverse).__name__} and {type(recording).__name__}",
        )
    checked = _Checked(cell, inputs, weight_ih, weight_hh, bias_ih, bias_hh, hidden, cell_state)
    call = Call(cell, reverse=(reverse,), threads=_threads(threads))
    given = Given(
        inputs,
        None if hidden is None else hidden.unsqueeze(0),
        None if cell_state is None else cell_state.unsqueeze(0),
        (weight_ih, weight_hh, bias_ih, bias_hh),
        _lengths(lengths, checked.batch, checked.time),
    )
    if recording is not None:
        recording.recurrence, recording.direction = cell, "backward" if reverse else "forward"
    outputs, final, final_cell = native_ops.run(call, given, new_recordings(call) if recording is None else [recording])
    return Recurrence(outputs, final.squeeze(0), None if final_cell is None else final_cell.squeeze(0))


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
        if not isinstance(cell, str) or cell not in CELLS or CELLS[cell].extra:
            raise NurtValueError(
                "nurt.kernels.native.recurrence: no such cell.",
                expected=f"one of {', '.join(name for name, spec in CELLS.items() if not spec.extra)}",
                got=repr(cell),
                cure="Use a name from the list; cells that learn more than weights and biases run by nurt.kernels.run.",
            )
        self.spec = CELLS[cell]
        if cell_state is not None and not self.spec.has_cell:
            raise NurtValueError(
                f"nurt.kernels.native.recurrence: the cell {cell!r} has no cell state.",
                expected="cell_state=None",
                got=type(cell_state).__name__,
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
        self._same_kind("weight_hh", weight_hh, inputs)
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
            self._same_kind(name, tensor, inputs)
            if tuple(tensor.shape) != shape:
                reason = f"B={self.batch}, I={size}, H={H} and {self.spec.gates} blocks of H rows for {cell!r}"
                raise _misshapen(name, tensor, str(shape), reason)

    @staticmethod
    def _same_kind(name: str, tensor: Tensor, inputs: Tensor) -> None:
        if not isinstance(tensor, Tensor):
            raise NurtTypeError(
                f"nurt.kernels.native.recurrence: `{name}` is not a tensor.",
                expected="a Tensor",
                got=type(tensor).__name__,
            )
        if (
            tensor.device.type != "cpu"
            or tensor.is_nested
            or tensor.layout != torch.strided
            or tensor.dtype not in SCALARS
        ):
            raise NurtTypeError(
                f"nurt.kernels.native.recurrence: the native engine cannot compute with `{name}`.",
                expected="a dense float32 or float64 tensor on the CPU",
                got=f"{tensor.dtype}, {tensor.layout}, on {tensor.device}",
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


def _lengths(lengths: Lengths | None, batch: int, time: int) -> Tensor | None:
    if lengths is None:
        return None
    result = whole_numbers("nurt.kernels.native.recurrence", lengths).cpu()
    if result.shape != (batch,):
        raise ShapeError(
            "nurt.kernels.native.recurrence: `lengths` does not give one number of steps per row.",
            expected=f"{batch} integers",
            got=f"shape {tuple(result.shape)}",
            cure="Pass a (B,) tensor of integers.",
        )
    low, high = int(result.min()), int(result.max())
    if low < 0 or high > time:
        raise NurtValueError(
            "nurt.kernels.native.recurrence: a length lies outside the sequences.",
            expected=f"lengths between 0 and T={time}",
            got=f"{low if low < 0 else high}",
            cure="Cut the lengths to T, or pad the inputs.",
        )
    return None if low == time else result


def _threads(threads: int | None) -> int | None:
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool)):
        raise NurtTypeError(
            "nurt.kernels.native.recurrence: `threads` is not a whole number.",
            expected="an int, or None",
            got=type(threads).__name__,
        )
    if threads is not None and not 1 <= threads <= MOST:
        raise NurtValueError(
            "nurt.kernels.native.recurrence: impossible number of threads.",
            expected=f"threads between 1 and {MOST}",
            got=str(threads),
            cure="Leave `threads` out to use torch's number.",
        )
    return threads
