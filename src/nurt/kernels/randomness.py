"""Where random numbers are drawn from: a generator of one's own inside a block, elsewhere torch's global one.

Two trainings in two threads that share torch's global generator disturb each other and the program around them. A
training therefore draws from a generator of its own, which every place of this package that draws asks for here. Code
that can only draw from the global generator, such as a fused operator or a user's own layer, borrows it: the global
state is exchanged for the private one, and given back afterwards.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["borrowing", "drawing_from", "exchanging", "lending", "own_generator"]

_OWN: ContextVar[torch.Generator | None] = ContextVar("nurt_generator", default=None)
# Held for as long as the global generators carry the states of somebody's own. Re-entrant: such blocks may be nested.
_BORROWED = threading.RLock()
# Held while a state is read, moved on and written back. It is another lock, because a backward pass draws in threads
# of torch while the thread that waits for it may be borrowing.
_EXCHANGED = threading.Lock()


def _renew_locks() -> None:
    """Make new locks in a forked child: the thread that held the old ones does not exist there."""
    global _BORROWED, _EXCHANGED
    _BORROWED, _EXCHANGED = threading.RLock(), threading.Lock()


os.register_at_fork(after_in_child=_renew_locks)


def own_generator() -> torch.Generator | None:
    """Return the generator of the block that draws from its own on the CPU; None where torch's global one is meant."""
    return None if torch.compiler.is_compiling() else _OWN.get()


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let what draws on the CPU draw from ``generator`` inside the block, in this thread or asyncio task alone.

    It reaches nurt's initial weights, dropout, zoneout and gradient methods. The numbers are those that torch's global
    generator would give in the same state.

    Args:
        generator: on the CPU.
    """
    token = _OWN.set(generator)
    try:
        yield
    finally:
        _OWN.reset(token)


@contextmanager
def exchanging() -> Iterator[torch.Generator]:
    """Return the generator to draw from by reading its state and writing it back; no other thread does so meanwhile."""
    with _EXCHANGED:
        yield own_generator() or torch.default_generator


@contextmanager
def borrowing(
    generator: torch.Generator, devices: Sequence[int] = (), states: list[Tensor] | None = None
) -> Iterator[None]:
    """Exchange the states of torch's global generators inside the block; afterwards they are what they were.

    One thread at a time: another block waits. What a thread draws that knows nothing of this, meanwhile, is drawn from
    the exchanged state.

    Args:
        generator: whose state the global CPU generator has inside; it moves on by what the block draws.
        devices: CUDA devices, by number.
        states: of their generators, one per device, replaced by those after the block.
    """
    with _BORROWED:
        before = torch.default_generator.get_state()
        before_cuda = [torch.cuda.get_rng_state(device) for device in devices]
        torch.default_generator.set_state(generator.get_state())
        for device, state in zip(devices, states or (), strict=True):
            torch.cuda.set_rng_state(state, device)
        try:
            yield
        finally:
            generator.set_state(torch.default_generator.get_state())
            torch.default_generator.set_state(before)
            for place, (device, state) in enumerate(zip(devices, before_cuda, strict=True)):
                assert states is not None
                states[place] = torch.cuda.get_rng_state(device)
                torch.cuda.set_rng_state(state, device)


@contextmanager
def lending() -> Iterator[None]:
    """Let an operator that takes no generator draw from the one of :func:`drawing_from`; elsewhere do nothing."""
    own = own_generator()
    if own is None:
        yield
        return
    with borrowing(own):
        yield
