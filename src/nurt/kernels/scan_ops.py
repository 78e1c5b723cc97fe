"""The native scan as a function that torch can differentiate, trace, compile and export.

Eager calls go through an ``autograd.Function``; where torch looks at operators instead of running them, the same calls
are the operators ``nurt::scan`` and ``nurt::scan_backward``. A backward pass that is to be differentiated again is
the adjoint of ``reference/scan.py`` with this very scan inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nurt.kernels import scan_native
from nurt.kernels.native_ops import empty_where_absent, looked_at
from nurt.kernels.reference import scan as reference
from nurt.kernels.scan_native import ScanCall

__all__ = ["run"]


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
    return scan_native.forward(call, *tensors)


class _Scan(torch.autograd.Function):
    """The eager path."""

    @staticmethod
    def forward(ctx: Any, call: ScanCall, a: Tensor, b: Tensor, initial: Tensor | None) -> tuple[Tensor, Tensor]:
        outputs, final = scan_native.forward(call, a, b, initial)
        ctx.call = call
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(a, initial, outputs)
        return outputs, final

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        a, initial, outputs = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        # Autograd records the backward pass exactly when its own gradient may be asked for.
        if torch.is_grad_enabled():
            return None, *_differentiable(ctx.call, a, outputs, initial, grads, wanted)
        return None, *scan_native.backward(ctx.call, a, outputs, initial, grads, wanted)


def _differentiable(
    call: ScanCall,
    a: Tensor,
    outputs: Tensor,
    initial: Tensor | None,
    grads: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    found = reference.adjoint(run, a, outputs, initial, *grads, lengths=call.lengths, reverse=call.reverse)
    return tuple(grad if asked else None for grad, asked in zip(found, wanted, strict=True))


# From here on the same as operators. torch reads the schema, so absent results are empty tensors.
@torch.library.custom_op(
    "nurt::scan",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor a, Tensor b, Tensor? initial, Tensor? lengths, bool reverse) -> (Tensor, Tensor)",
)
def _scan(a: Tensor, b: Tensor, initial: Tensor | None, lengths: Tensor | None, reverse: bool) -> tuple[Tensor, Tensor]:
    return scan_native.forward(ScanCall(lengths, reverse), a, b, initial)


@_scan.register_fake
def _(_a: Tensor, b: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return scan_native.buffers(b)


@torch.library.custom_op(
    "nurt::scan_backward",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor a, Tensor outputs, Tensor? initial, Tensor? lengths, bool reverse, Tensor? grad_outputs, "
    "Tensor? grad_final, bool[] wanted) -> (Tensor, Tensor, Tensor)",
)
def _scan_backward(*arguments: Any) -> tuple[Tensor, ...]:
    a, outputs, initial, lengths, reverse, *grads, wanted = arguments
    return empty_where_absent(
        scan_native.backward(ScanCall(lengths, reverse), a, outputs, initial, grads, wanted), outputs
    )


@_scan_backward.register_fake
def _(*arguments: Any) -> tuple[Tensor, ...]:
    a, outputs, *_, wanted = arguments
    return empty_where_absent(scan_native.gradient_buffers(a, outputs, wanted), outputs)


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
    return *(value if want else None for value, want in zip(found, wanted, strict=True)), None, None


_scan.register_autograd(_gradient, setup_context=_setup)
