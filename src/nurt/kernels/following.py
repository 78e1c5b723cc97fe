"""Whether torch follows a call: transforms it, or writes its operators down."""

from __future__ import annotations

import torch

__all__ = ["traced", "transformed"]


def transformed() -> bool:
    """Return whether a transform of ``torch.func`` or a forward-mode derivative is at work."""
    if torch.compiler.is_compiling():
        return False
    # torch has no public names for either.
    return torch._C._functorch.peek_interpreter_stack() is not None or torch.autograd.forward_ad._current_level >= 0


def traced() -> bool:
    """Return whether ``torch.jit.trace`` writes down the operators of torch that run.

    Sizes of tensors are tensors then, and what is computed beside torch's operators becomes a constant of the trace.
    """
    # What torch.jit.is_tracing asks, which is untyped and takes longer.
    return not torch.compiler.is_compiling() and torch._C._is_tracing()
