"""The native calls as functions that torch can differentiate, trace, compile and export.

In eager mode an ``autograd.Function`` makes the calls directly. Where torch looks at operators instead of running
them (``torch.compile``, ``torch.export``, fake tensors, any dispatch mode) the same calls are the custom operators
``nurt::recurrence`` and ``nurt::recurrence_backward``, because a compiler cannot follow an address. Both paths share
one gradient. Gradients of gradients run through the hand-written adjoint in plain torch, which autograd can
differentiate to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from nurt.errors import UnavailableError
from nurt.kernels import native_calls
from nurt.kernels.native_calls import Call, Forward, Tensors
from nurt.kernels.recurrence import Weights
from nurt.kernels.reference import RECURRENCES, adjoint

__all__ = ["looked_at", "run"]

_PLAIN = (Tensor, torch.nn.Parameter)


def run(call: Call, tensors: Tensors) -> tuple[Tensor, Tensor, Tensor | None]:
    """Run a recurrence, differentiably where a tensor asks for it.

    Args:
        call: what to run.
        tensors: as for :func:`nurt.kernels.native_calls.forward`.

    Returns:
        Outputs, final hidden state, final cell state (None unless the cell has one).
    """
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    if torch.compiler.is_compiling() or looked_at(tensors):
        arguments = (call.lengths, call.cell, call.reverse, call.packed, keep)
        outputs, hidden, cell, _, _ = torch.ops.nurt.recurrence(*tensors, *arguments)
        return outputs, hidden, cell if call.spec.has_cell else None
    if keep:
        result: tuple[Tensor, Tensor, Tensor | None] = _Engine.apply(call, *tensors)  # type: ignore[no-untyped-call]
        return result
    return native_calls.forward(call, tensors, keep=False)[:3]


def looked_at(tensors: Tensors) -> bool:
    """Return whether torch follows operators rather than running them."""
    # torch has no public name for the number of dispatch modes at work.
    if torch._C._len_torch_dispatch_stack() > 0:
        return True
    return any(t is not None and type(t) not in _PLAIN for t in tensors)


class _Engine(torch.autograd.Function):
    """The eager path."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        kept = native_calls.forward(call, tensors, keep=True)
        ctx.call = call
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *kept)
        return kept[:3]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        tensors, kept, wanted = saved[:7], Forward(*saved[7:]), ctx.needs_input_grad[1:]
        # Autograd records the backward pass exactly when its own gradient may be asked for.
        if torch.is_grad_enabled():
            return None, *_by_the_reference(ctx.call, tensors, grads, wanted)
        return None, *native_calls.backward(ctx.call, tensors, kept, grads, wanted)


def _by_the_reference(call: Call, tensors: Tensors, grads: Tensors, wanted: Sequence[bool]) -> list[Tensor | None]:
    """Return the gradients of ``tensors`` as functions that can be differentiated again."""
    recurrence = RECURRENCES.get(call.cell)
    if recurrence is None:
        raise UnavailableError(
            f"nurt.kernels: the native engine has no second derivatives of {call.cell}.",
            expected=f"one of {', '.join(name for name in native_calls.CELLS if name in RECURRENCES)}",
            got=call.cell,
            cure="Call backward without create_graph.",
        )
    inputs, weight_ih, weight_hh, bias_ih, bias_hh, *states = tensors
    assert inputs is not None
    assert weight_ih is not None
    assert weight_hh is not None
    zeros = inputs.new_zeros(call.batch(inputs), weight_hh.shape[1])
    fields = [zeros if field is None else field for field in states[: 2 if call.spec.has_cell else 1]]
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh)
    padded, lengths = inputs, call.lengths
    if call.packed:
        assert lengths is not None
        padded, _ = pad_packed_sequence(PackedSequence(inputs, batch_sizes_of(lengths)), batch_first=True)
    outputs, final = adjoint.run(
        recurrence, padded, recurrence.state(*fields), weights, lengths=lengths, reverse=call.reverse
    )
    if call.packed:
        assert lengths is not None
        outputs = pack_padded_sequence(outputs, lengths, batch_first=True).data
    pairs = [(value, grad) for value, grad in zip((outputs, *final), grads, strict=False) if grad is not None]
    asked = [tensor for tensor, want in zip(tensors, wanted, strict=True) if want and tensor is not None]
    found = iter(
        torch.autograd.grad(
            [value for value, _ in pairs],
            asked,
            [grad for _, grad in pairs],
            create_graph=True,
            materialize_grads=True,
        )
    )
    return [next(found) if want and tensor is not None else None for tensor, want in zip(tensors, wanted, strict=True)]


def batch_sizes_of(lengths: Tensor) -> Tensor:
    """Return how many rows of falling ``lengths`` are alive at each step, as a packed sequence wants it."""
    steps = torch.arange(int(lengths[0]))
    return (steps.unsqueeze(1) < lengths).sum(1)


# From here on the same as operators. torch reads the schema, so absent results are empty tensors.
_ARGUMENTS = (
    "Tensor inputs, Tensor weight_ih, Tensor weight_hh, Tensor? bias_ih, Tensor? bias_hh, Tensor? hidden, "
    "Tensor? cell_state, Tensor? lengths, str cell, bool reverse, bool packed"
)


@torch.library.custom_op(
    "nurt::recurrence",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_ARGUMENTS}, bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _recurrence(*arguments: Any) -> tuple[Tensor, ...]:
    tensors, call, keep = arguments[:7], _call(arguments), arguments[-1]
    return _present(native_calls.forward(call, tensors, keep=keep, clear=True), tensors[0])


@_recurrence.register_fake
def _(*arguments: Any) -> tuple[Tensor, ...]:
    inputs, _, weight_hh, *_ = arguments
    return _present(native_calls.buffers(_call(arguments), inputs, weight_hh.shape[1], keep=arguments[-1]), inputs)


@torch.library.custom_op(
    "nurt::recurrence_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_ARGUMENTS}, Tensor[] kept, Tensor?[] grads, bool[] wanted) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _recurrence_backward(*arguments: Any) -> tuple[Tensor, ...]:
    tensors, call, (kept, grads, wanted) = arguments[:7], _call(arguments), arguments[11:]
    outputs, hidden, *rest = kept
    states = Forward(outputs, hidden, *(value if value.numel() else None for value in rest))
    return _present(native_calls.backward(call, tensors, states, grads, wanted), tensors[0])


@_recurrence_backward.register_fake
def _(*arguments: Any) -> tuple[Tensor, ...]:
    tensors = arguments[:7]
    return _present(native_calls.gradient_buffers(_call(arguments), tensors, arguments[-1]), tensors[0])


def _call(arguments: Sequence[Any]) -> Call:
    lengths, cell, reverse, packed = arguments[7:11]
    return Call(cell, lengths, reverse, packed)


def _present(values: Sequence[Tensor | None], like: Tensor) -> tuple[Tensor, ...]:
    return tuple(like.new_empty(0) if value is None else value for value in values)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.call_arguments = inputs[8:11]
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[3:])
    ctx.save_for_backward(*inputs[:8], *output)


def _gradient(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    saved = ctx.saved_tensors
    tensors, lengths, kept, wanted = saved[:7], saved[7], saved[8:], list(ctx.needs_input_grad[:7])
    cell, reverse, packed = ctx.call_arguments
    found: Sequence[Tensor | None]
    if torch.is_grad_enabled():
        found = _by_the_reference(Call(cell, lengths, reverse, packed), tensors, grads[:3], wanted)
    else:
        found = torch.ops.nurt.recurrence_backward(
            *tensors, lengths, cell, reverse, packed, list(kept), list(grads[:3]), wanted
        )
    return *(value if want else None for value, want in zip(found, wanted, strict=True)), *[None] * 5


_recurrence.register_autograd(_gradient, setup_context=_setup)
