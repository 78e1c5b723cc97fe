"""Many gradients through one graph: ``is_grads_batched``, ``vectorize=True``, ``torch.vmap`` over ``autograd.grad``.

Torch then hands a backward pass tensors with an axis that no operator of ours sees. Such a batch cannot join the rows,
because gradients of weights are sums over rows, so it is taken apart and its members go back one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nurt.errors import UnavailableError

__all__ = ["batched", "one_by_one"]

# torch has no public names for any of this. `autograd.grad(is_grads_batched=True)` goes by the older of its two vmaps.
_new = torch._C._functorch

Gradients = Sequence[Tensor | None]


def batched(grads: Gradients) -> bool:
    """Return whether a transform of torch has wrapped one of ``grads``."""
    for grad in grads:
        if grad is not None and (_new.is_legacy_batchedtensor(grad) or _new.is_functorch_wrapped_tensor(grad)):
            return True
    return False


def one_by_one(grads: Gradients, backward: Callable[[Gradients], Gradients]) -> list[Tensor | None]:
    """Return what ``backward`` makes of ``grads``, each member of a batch by itself.

    Raises:
        UnavailableError: a transform other than vmap is at work.
    """
    if not batched(grads):
        return list(backward(grads))
    level, old = _innermost(grads)
    remove = torch._remove_batch_dim if old else _new._remove_batch_dim
    add = torch._add_batch_dim if old else _new._add_batch_dim
    size = next(len(remove(grad, level, 1, 0)) for grad in grads if grad is not None and _has(grad, level, old=old))
    members = [None if grad is None else remove(grad, level, size, 0).unbind(0) for grad in grads]
    found = [
        one_by_one([None if member is None else member[place] for member in members], backward) for place in range(size)
    ]
    return [
        None if results[0] is None else add(torch.stack([value for value in results if value is not None]), 0, level)
        for results in zip(*found, strict=True)
    ]


def _innermost(grads: Gradients) -> tuple[int, bool]:
    """Return the innermost level of vmap that holds one of ``grads``, and whether it is of the older vmap."""
    given = [grad for grad in grads if grad is not None]
    if any(_new.is_legacy_batchedtensor(grad) for grad in given):
        # Counts the levels up and down again: there is no way to ask.
        level = torch._C._vmapmode_increment_nesting() - 1
        torch._C._vmapmode_decrement_nesting()
        while not any(_has(grad, level, old=True) for grad in given):
            level -= 1
        return level, True
    wrapped = [grad for grad in given if _new.is_functorch_wrapped_tensor(grad)]
    level, grad = max(((_new.maybe_get_level(grad), grad) for grad in wrapped), key=lambda pair: pair[0])
    if not _new.is_batchedtensor(grad):
        raise UnavailableError(
            "nurt.kernels: a transform of torch.func reached a graph that was made outside of it.",
            expected="the layer to be called inside the transform, or torch.vmap over the gradients alone",
            got="a gradient wrapped by another transform",
            cure="Call the layer inside the function that torch.func transforms.",
        )
    return level, False


def _has(grad: Tensor, level: int, *, old: bool) -> bool:
    """Return whether ``level`` of vmap holds ``grad``."""
    if not old:
        return _new.is_batchedtensor(grad) and _new.maybe_get_level(grad) == level
    # One that it does not hold gets as many members as are asked for.
    return (
        _new.is_legacy_batchedtensor(grad)
        and len({len(torch._remove_batch_dim(grad, level, n, 0)) for n in (1, 2)}) == 1
    )
