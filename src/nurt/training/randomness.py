"""Chance under control: the order of the examples, and the generators that dropout draws from.

The order of an epoch is a function of seed and epoch alone and needs no state. Dropout draws from torch's global
generators; they are lent to training, seeded, and given back as they were, so that training neither depends on what
the caller drew before nor changes what the caller draws next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["cuda_devices", "epoch_order", "generator_states", "private_generators", "set_generator_states"]

_ORDER, _DROPOUT = 0, 1


def epoch_order(seed: int, epoch: int, examples: int) -> Tensor:
    """Return the order in which ``epoch`` visits the examples, a permutation of 0 .. ``examples`` - 1, int64."""
    generator = torch.Generator().manual_seed(_derived_seed(seed, _ORDER, epoch))
    return torch.randperm(examples, generator=generator)


def cuda_devices(model: nn.Module) -> tuple[int, ...]:
    """Return the CUDA devices, by number, on which ``model`` has parameters."""
    return tuple(sorted({parameter.device.index for parameter in model.parameters() if parameter.is_cuda}))


@contextmanager
def private_generators(seed: int, devices: Sequence[int]) -> Iterator[None]:
    """Seed torch's global generators (CPU and the CUDA ``devices``) from ``seed``; afterwards restore them."""
    dropout_seed = _derived_seed(seed, _DROPOUT)
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


def _derived_seed(seed: int, *path: int) -> int:
    """Return a seed of its own for each use, so that no two uses share a stream."""
    return int(np.random.SeedSequence((seed, *path)).generate_state(1, np.uint64)[0] >> np.uint64(1))
