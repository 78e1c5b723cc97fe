"""The two native calls of the diagonal scan on tensors already checked: buffers made, addresses taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nurt.kernels import native_calls
from nurt.kernels.native_calls import instruction_set
from nurt.kernels.rung import Request, dtype_name

try:
    from nurt.kernels import _cpu
except ImportError:  # built for another Python, or not built; the rung says so
    _cpu = None  # type: ignore[assignment]

__all__ = ["NUMBERS", "ScanCall", "backward", "buffers", "forward", "gradient_buffers", "refuse"]

# As in cpu/scan_problem.h.
NUMBERS = {torch.float32: 0, torch.float64: 1, torch.complex64: 2, torch.complex128: 3}


class ScanCall(NamedTuple):
    """What a call is beside its tensors: ``lengths`` int64 (B,) or None, and whether time runs backwards."""

    lengths: Tensor | None
    reverse: bool

    def native(self, b: Tensor) -> _cpu.ScanCall:
        """Return the call as the engine wants it."""
        lengths = 0 if self.lengths is None else self.lengths.data_ptr()
        batch, time, size = b.shape
        return _cpu.ScanCall(NUMBERS[b.dtype], torch.get_num_threads(), self.reverse, batch, time, size, lengths)


def refuse(request: Request) -> str | None:
    """Return why the engine cannot run the scan of ``request``, or None."""
    if not native_calls.INSTRUCTION_SETS:
        return "the native extension is not built"
    if request.device != "cpu":
        return f"the engine computes on a cpu, not on {request.device}"
    if request.dtype not in NUMBERS:
        names = ", ".join(map(dtype_name, NUMBERS))
        return f"the engine scans in {names}, not in {dtype_name(request.dtype)}"
    if "transformed" in request.options:
        return "torch.func transforms and forward-mode derivatives cannot look into the engine"
    return None


def buffers(b: Tensor) -> tuple[Tensor, Tensor]:
    """Return room for the outputs and the final state."""
    return b.new_empty(b.shape), b.new_empty((b.shape[0], b.shape[2]))


def forward(call: ScanCall, a: Tensor, b: Tensor, initial: Tensor | None) -> tuple[Tensor, Tensor]:
    """Run the whole scan.

    Args:
        call: options.
        a: (B or 1, T or 1, D).
        b: (B, T, D).
        initial: (B, D); None for zero.

    Returns:
        Outputs (B, T, D) and the final state (B, D).
    """
    outputs, final = buffers(b)
    if b.shape[0]:
        # Held by name until the call returns: an address does not keep its tensor alive.
        a, b, initial = _readable(a), _readable(b), _dense(initial)
        where = (_rows(a), _rows(b), _address(initial), _rows(outputs), _address(final))
        _cpu.scan_forward(instruction_set(), call.native(b), *where)
    return outputs, final


def gradient_buffers(
    a: Tensor, outputs: Tensor, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return room for the gradients of `a`, `b` and the initial state, where ``wanted``."""
    batch, _, size = outputs.shape
    shapes = (a.shape, outputs.shape, (batch, size))
    to_a, to_b, to_initial = (
        outputs.new_empty(shape) if asked else None for shape, asked in zip(shapes, wanted, strict=True)
    )
    return to_a, to_b, to_initial


def backward(
    call: ScanCall,
    a: Tensor,
    outputs: Tensor,
    initial: Tensor | None,
    grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Run the whole adjoint.

    Args:
        call: as in the forward call.
        a: as in the forward call.
        outputs: of the forward call.
        initial: as in the forward call.
        grads: of the outputs and the final state; None for zero.
        wanted: whether the gradients of `a`, `b` and the initial state are asked for.

    Returns:
        The three gradients, None where not wanted.
    """
    results = gradient_buffers(a, outputs, wanted)
    if outputs.shape[0] == 0:
        to_a, to_b, to_initial = results
        return None if to_a is None else to_a.zero_(), to_b, to_initial
    a, outputs, initial = _readable(a), _readable(outputs), _dense(initial)
    grad_outputs, grad_final = None if grads[0] is None else _readable(grads[0]), _dense(grads[1])
    _cpu.scan_backward(
        instruction_set(),
        call.native(outputs),
        _rows(a),
        _rows(outputs),
        _address(initial),
        _rows(grad_outputs),
        _address(grad_final),
        a.shape[0] < outputs.shape[0],
        a.shape[1] < outputs.shape[1],
        _rows(results[0]),
        _rows(results[1]),
        _address(results[2]),
    )
    return results


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _rows(tensor: Tensor | None) -> tuple[int, int, int]:
    """Return address and strides, zero along an axis of one: what stands there serves every row or step."""
    if tensor is None:
        return (0, 0, 0)
    rows, steps = (0 if tensor.shape[axis] == 1 else tensor.stride(axis) for axis in (0, 1))
    return (tensor.data_ptr(), rows, steps)


def _readable(tensor: Tensor) -> Tensor:
    """Return ``tensor`` with a contiguous last axis, its numbers in memory as they are meant."""
    tensor = tensor.resolve_conj().resolve_neg()
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def _dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.resolve_conj().resolve_neg().contiguous()
