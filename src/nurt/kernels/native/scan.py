"""The native diagonal scan: its two calls, and the function that torch can differentiate, trace, compile and export.

Eager calls go through an ``autograd.Function``; where torch looks at operators instead of running them, the same calls
are the operators ``nurt::scan`` and ``nurt::scan_backward``. A backward pass that is to be differentiated again is
the adjoint of ``reference/scan.py`` with this very scan inside. Tensors are checked beforehand (``kernels/scan.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nurt.kernels.batched_gradients import one_by_one
from nurt.kernels.native.autograd import empty_where_absent, looked_at
from nurt.kernels.native.batching import per_member
from nurt.kernels.native.call import ENGINE, INSTRUCTION_SETS, instruction_set
from nurt.kernels.native.memory import extents
from nurt.kernels.reference import scan as reference
from nurt.kernels.rung import Request, dtype_name

__all__ = ["NUMBERS", "ScanCall", "gradient_buffers", "refuse", "run", "scan_backward", "scan_buffers", "scan_forward"]

# As in cpu/scan_problem.h.
NUMBERS = {torch.float32: 0, torch.float64: 1, torch.complex64: 2, torch.complex128: 3}


class ScanCall(NamedTuple):
    """What a call is beside its tensors: ``lengths`` int64 (B,) or None, and whether time runs backwards."""

    lengths: Tensor | None
    reverse: bool

    def native(self, b: Tensor) -> Any:
        """Return the call as the engine wants it."""
        lengths = 0 if self.lengths is None else self.lengths.data_ptr()
        batch, time, size = b.shape
        return ENGINE.ScanCall(NUMBERS[b.dtype], torch.get_num_threads(), self.reverse, batch, time, size, lengths)


def run(
    a: Tensor, b: Tensor, initial: Tensor | None, *, lengths: Tensor | None, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Run the scan natively; arguments and results as for :class:`~nurt.kernels.rung.ScanKernel`."""
    tensors = (a, b, initial)
    lengths = None if lengths is None else lengths.to("cpu", torch.int64).contiguous()
    if torch.compiler.is_compiling() or looked_at((*tensors, lengths)):
        outputs, final = torch.ops.nurt.scan(*tensors, lengths, reverse)
        return outputs, final
    call = ScanCall(lengths, reverse)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        outputs, final = _Scan.apply(call, *tensors)  # type: ignore[no-untyped-call]
        return outputs, final
    return scan_forward(call, *tensors)


def refuse(request: Request) -> str | None:
    """Return why the engine cannot run the scan of ``request``, or None."""
    if not INSTRUCTION_SETS:
        return "the native extension is not built"
    if request.device != "cpu":
        return f"the engine computes on a cpu, not on {request.device}"
    if request.dtype not in NUMBERS:
        names = ", ".join(map(dtype_name, NUMBERS))
        return f"the engine scans in {names}, not in {dtype_name(request.dtype)}"
    if "transformed" in request.options:
        return "torch.func transforms and forward-mode derivatives cannot look into the engine"
    if "traced" in request.options:
        return "torch.jit.trace cannot look into the engine"
    return None


def scan_buffers(b: Tensor) -> tuple[Tensor, Tensor]:
    """Return room for the outputs and the final state."""
    return b.new_empty(b.shape), b.new_empty((b.shape[0], b.shape[2]))


def scan_forward(call: ScanCall, a: Tensor, b: Tensor, initial: Tensor | None) -> tuple[Tensor, Tensor]:
    """Run the whole scan.

    Args:
        call: options.
        a: (B or 1, T or 1, D).
        b: (B, T, D).
        initial: (B, D); None for zero.

    Returns:
        Outputs (B, T, D) and the final state (B, D).
    """
    outputs, final = scan_buffers(b)
    if b.shape[0]:
        # Held by name until the call returns: an address does not keep its tensor alive.
        a, b, initial = _readable(a), _readable(b), _dense(initial)
        native = call.native(b)
        native.memory = extents((initial, outputs, final, call.lengths), (a, b))
        where = (_rows(a), _rows(b), _address(initial), _rows(outputs), _address(final))
        ENGINE.scan_forward(instruction_set(), native, *where)
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


def scan_backward(
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
    native = call.native(outputs)
    native.memory = extents((initial, grad_final, call.lengths, *results), (a, outputs, grad_outputs))
    ENGINE.scan_backward(
        instruction_set(),
        native,
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


class _Scan(torch.autograd.Function):
    """The eager path."""

    @staticmethod
    def forward(ctx: Any, call: ScanCall, a: Tensor, b: Tensor, initial: Tensor | None) -> tuple[Tensor, Tensor]:
        outputs, final = scan_forward(call, a, b, initial)
        ctx.call = call
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(a, initial, outputs)
        return outputs, final

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        a, initial, outputs = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        call: ScanCall = ctx.call

        def back(grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
            # Autograd records the backward pass exactly when its own gradient may be asked for.
            gradients = _differentiable if torch.is_grad_enabled() else scan_backward
            return gradients(call, a, outputs, initial, grads, wanted)

        return None, *one_by_one(grads, back)


def _differentiable(
    call: ScanCall,
    a: Tensor,
    outputs: Tensor,
    initial: Tensor | None,
    grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    found = reference.adjoint(run, a, outputs, initial, *grads, lengths=call.lengths, reverse=call.reverse)
    return _present(found, wanted)


def _present(found: Sequence[Tensor | None], wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
    return tuple(grad if asked else None for grad, asked in zip(found, wanted, strict=True))


# From here on the same as operators. torch reads the schema, so absent results are empty tensors.
@torch.library.custom_op(
    "nurt::scan",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor a, Tensor b, Tensor? initial, Tensor? lengths, bool reverse) -> (Tensor, Tensor)",
)
def _scan(a: Tensor, b: Tensor, initial: Tensor | None, lengths: Tensor | None, reverse: bool) -> tuple[Tensor, Tensor]:
    return scan_forward(ScanCall(lengths, reverse), a, b, initial)


@_scan.register_fake
def _(_a: Tensor, b: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return scan_buffers(b)


@torch.library.custom_op(
    "nurt::scan_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor a, Tensor outputs, Tensor? initial, Tensor? lengths, bool reverse, Tensor? grad_outputs, "
    "Tensor? grad_final, bool[] wanted) -> (Tensor, Tensor, Tensor)",
)
def _scan_backward(*arguments: Any) -> tuple[Tensor, ...]:
    a, outputs, initial, lengths, reverse, *grads, wanted = arguments
    return empty_where_absent(scan_backward(ScanCall(lengths, reverse), a, outputs, initial, grads, wanted), outputs)


@_scan_backward.register_fake
def _(*arguments: Any) -> tuple[Tensor, ...]:
    a, outputs, *_, wanted = arguments
    return empty_where_absent(gradient_buffers(a, outputs, wanted), outputs)


_scan.register_vmap(per_member(torch.ops.nurt.scan))
_scan_backward.register_vmap(per_member(torch.ops.nurt.scan_backward))


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    a, _, initial, lengths, ctx.reverse = inputs
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(a, initial, lengths, output[0])


def _gradient(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    a, initial, lengths, outputs = ctx.saved_tensors
    wanted = list(ctx.needs_input_grad[:3])
    found: Sequence[Tensor | None]
    if torch.is_grad_enabled():
        found = _differentiable(ScanCall(lengths, ctx.reverse), a, outputs, initial, grads, wanted)
    else:
        found = torch.ops.nurt.scan_backward(a, outputs, initial, lengths, ctx.reverse, *grads, wanted)
    return *_present(found, wanted), None, None


_scan.register_autograd(_gradient, setup_context=_setup)


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
