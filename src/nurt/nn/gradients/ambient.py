"""Ambient state of a call (forced rung, autocast, generators), kept so that a later run is the same."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from nurt.kernels import randomness
from nurt.kernels.randomness import own_generator

__all__ = ["AmbientState", "drawing_from", "generator_states"]

T = TypeVar("T")


@dataclass(frozen=True)
class AmbientState:
    """The forced rung, by way of all context variables, and autocast.

    The backward pass may run after the block that forced a rung, and in another thread.
    """

    context: contextvars.Context
    device: str
    autocast: tuple[torch.dtype, bool]

    @classmethod
    def of_now(cls, device: str) -> AmbientState:
        """Return the ambient state of a call on ``device``, a type of device, here and now."""
        able = torch.amp.is_autocast_available(device)
        dtype = torch.get_autocast_dtype(device) if able else torch.float32
        return cls(contextvars.copy_context(), device, (dtype, able and torch.is_autocast_enabled(device)))

    def run(self, function: Callable[[], T]) -> T:
        """Return ``function()`` as it would have been then."""
        # A context can be entered once at a time, and backward passes of two threads may meet here.
        return self.context.copy().run(self._as_then, function)

    def _as_then(self, function: Callable[[], T]) -> T:
        dtype, enabled = self.autocast
        if enabled == torch.is_autocast_enabled(self.device):
            return function()
        with torch.autocast(self.device, dtype, enabled):
            return function()


def generator_states(device: torch.device) -> tuple[Tensor, ...]:
    """Return the states of the generators that are drawn from on the CPU and on ``device``."""
    here = own_generator() or torch.default_generator
    return (here.get_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else []))


@contextmanager
def drawing_from(states: Sequence[Tensor], device: torch.device) -> Iterator[None]:
    """Draw from the generator ``states`` inside the block; afterwards the generators are as they were."""
    if own_generator() is not None and device.type != "cuda":
        with randomness.drawing_from(torch.Generator().set_state(states[0])):
            yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.set_rng_state(states[0])
        for state in states[1:]:
            torch.cuda.set_rng_state(state, device)
        yield
