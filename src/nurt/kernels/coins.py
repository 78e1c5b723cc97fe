"""Coins that fall as torch's own do.

Torch throws the coins of a CPU tensor one by one, which would take a fifth of a training step of three small layers.
The engine throws the same coins from the same generator, the Mersenne twister [matsumoto1998mersenne], a block of
words at a time.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from nurt.kernels.native_calls import ENGINE, instruction_set

__all__ = ["throw_coins"]


def throw_coins(shape: tuple[int, ...], keep: float) -> Tensor:
    """Return coins on the CPU, bool, true with the probability ``keep``; torch's generator moves on."""
    thrown = torch.empty(shape, dtype=torch.bool)
    if torch.compiler.is_compiling() or type(thrown) is not Tensor or not _torch_draws_alike():
        return thrown.bernoulli_(keep)
    # Nothing here lets another Python thread run, so nobody draws from the generator in between.
    generator = torch.default_generator
    state = generator.get_state()
    ENGINE.draw(instruction_set(), state.data_ptr(), keep, thrown.data_ptr(), thrown.numel())
    generator.set_state(state)
    return thrown


@lru_cache(maxsize=1)
def _torch_draws_alike() -> bool:
    """Return whether torch throws coins here as the engine does; builds of torch with another source of them exist."""
    if ENGINE is None:
        return False
    theirs, keep = torch.Generator().manual_seed(20), 0.3
    state = theirs.get_state()
    if state.numel() < 24 + 8 * 624:
        return False
    for count in (1, 700):  # a block of words ends within the second draw
        expected = torch.empty(count, dtype=torch.bool).bernoulli_(keep, generator=theirs)
        found = torch.empty_like(expected)
        ENGINE.draw(instruction_set(), state.data_ptr(), keep, found.data_ptr(), count)
        if not torch.equal(found, expected) or not torch.equal(state, theirs.get_state()):
            return False
    return True
