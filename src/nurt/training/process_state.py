"""State of the process that training changes and restores: the handler of Ctrl-C and torch's random generators.

A training neither depends on what the caller, or another thread, draws nor changes what they draw next. Everything
nurt draws takes a generator of its own; the layers of others draw from torch's global generators, which then carry the
states of the training for the time of one step.
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

from nurt.kernels.randomness import borrowing, drawing_from

__all__ = [
    "Interrupt",
    "Randomness",
    "cuda_devices",
    "derived_seed",
    "private_generators",
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
    """Seed torch's global generators (CPU and the CUDA ``devices``) from ``seed``; afterwards restore them.

    Another thread that does so, or trains, waits meanwhile: keep the block short.
    """
    with Randomness(seed, devices, private=False).drawing():
        yield


class Randomness:
    """What a training draws at random: generators of its own, seeded alike, that move on only inside :meth:`drawing`.

    Args:
        seed: fixes everything drawn.
        devices: CUDA devices the model lies on, by number.
        private: whether everything is drawn through :mod:`nurt.kernels.randomness`. Otherwise, and on a GPU, torch's
            global generators carry the states inside :meth:`drawing`, one thread at a time.
    """

    def __init__(self, seed: int, devices: Sequence[int], *, private: bool) -> None:
        dropout_seed = derived_seed(seed, _DROPOUT)
        self._devices = tuple(devices)
        self._private = private and not self._devices
        self._generator = torch.Generator().manual_seed(dropout_seed)
        self._cuda = [torch.Generator(f"cuda:{device}").manual_seed(dropout_seed).get_state() for device in devices]

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw from these generators inside the block; the caller's are what they were afterwards."""
        chosen = (
            drawing_from(self._generator) if self._private else borrowing(self._generator, self._devices, self._cuda)
        )
        with chosen:
            yield

    def states(self) -> dict[str, Tensor]:
        """Return the states by device name, uint8 each."""
        cuda = {f"cuda:{device}": state for device, state in zip(self._devices, self._cuda, strict=True)}
        return {"cpu": self._generator.get_state(), **cuda}

    def restore(self, states: Mapping[str, Tensor]) -> None:
        """Go on from ``states``; a device without a stored state keeps its own."""
        self._generator.set_state(states["cpu"])
        self._cuda = [states.get(f"cuda:{device}", own) for device, own in zip(self._devices, self._cuda, strict=True)]


def derived_seed(seed: int, *path: int) -> int:
    """Return a seed for the use that ``path`` numbers, so that no two uses share a stream."""
    return int(np.random.SeedSequence((seed, *path)).generate_state(1, np.uint64)[0] >> np.uint64(1))
