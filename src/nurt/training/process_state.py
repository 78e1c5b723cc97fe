"""State of the process that training changes and restores: the handler of Ctrl-C and torch's random generators.

Dropout draws from torch's global generators. Training seeds them and afterwards restores them, so that it neither
depends on what the caller drew before nor changes what the caller draws next.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "Interrupt",
    "cuda_devices",
    "derived_seed",
    "generator_states",
    "private_generators",
    "set_generator_states",
]


class Interrupt:
    """While entered, the first SIGINT sets ``requested`` instead of raising; the second raises.

    An optimiser step cut off in the middle would leave weights that belong to no step at all; waiting for its end
    allows an interrupted run to be resumed bit for bit. A handler set by others is left in place, and so is everything
    outside the main thread, where Python allows no handler: there a KeyboardInterrupt arrives as it does elsewhere.
    """

    def __init__(self) -> None:
        self.requested = False
        self._installed = False

    def __enter__(self) -> Interrupt:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._ask)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


_DROPOUT = 1


def cuda_devices(model: nn.Module) -> tuple[int, ...]:
    """Return the CUDA devices, by number, on which ``model`` has parameters."""
    return tuple(sorted({parameter.device.index for parameter in model.parameters() if parameter.is_cuda}))


@contextmanager
def private_generators(seed: int, devices: Sequence[int]) -> Iterator[None]:
    """Seed torch's global generators (CPU and the CUDA ``devices``) from ``seed``; afterwards restore them."""
    dropout_seed = derived_seed(seed, _DROPOUT)
    with torch.random.fork_rng(devices=devices):
        # torch.manual_seed would also seed devices that are not restored.
        torch.default_generator.manual_seed(dropout_seed)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(dropout_seed)
        yield


def generator_states(devices: Sequence[int]) -> dict[str, Tensor]:
    """Return the states of torch's global generators by device name, uint8 each."""
    states = {"cpu": torch.get_rng_state()}
    return states | {f"cuda:{device}": torch.cuda.get_rng_state(device) for device in devices}


def set_generator_states(states: Mapping[str, Tensor], devices: Sequence[int]) -> None:
    """Set torch's global generators to ``states``; a device without a stored state keeps its own."""
    torch.set_rng_state(states["cpu"])
    for device in devices:
        if f"cuda:{device}" in states:
            torch.cuda.set_rng_state(states[f"cuda:{device}"], device)


def derived_seed(seed: int, *path: int) -> int:
    """Return a seed for the use that ``path`` numbers, so that no two uses share a stream."""
    return int(np.random.SeedSequence((seed, *path)).generate_state(1, np.uint64)[0] >> np.uint64(1))
