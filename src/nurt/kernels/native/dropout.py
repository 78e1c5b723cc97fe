"""Masks of dropout: under one seed, the elements that torch drops.

Torch draws the Bernoulli mask of a CPU tensor element by element, which would take a fifth of a training step of three
small layers. The engine draws the same mask from the same generator, the Mersenne twister [matsumoto1998mersenne], a
block of words at a time. If PyTorch uses a different generator, dropout falls back to PyTorch.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from nurt.kernels.native.call import ENGINE, instruction_set
from nurt.kernels.randomness import exchanging, own_generator

__all__ = ["bernoulli_mask", "draw_masks", "scale"]


def scale(probability: float) -> float:
    """Return what the kept numbers are multiplied by, so that their mean stays."""
    return 0.0 if probability == 1.0 else 1.0 / (1.0 - probability)


def draw_masks(inputs: Tensor, between: int, width: int, probability: float, lengths: Tensor | None) -> Tensor:
    """Return what is kept, bool, (between, T, B, width), or (between, sum of lengths, width) for packed inputs.

    Torch draws in the order of memory, one layer after the other: step by step, and of rows of different lengths,
    longest first, only those still alive.

    Args:
        inputs: (B, T, I), or the data of a packed sequence.
        between: L - 1.
        width: D·H.
        probability: of dropping.
        lengths: of padded rows; None when every row has T steps or the inputs are packed.
    """
    shape = inputs.shape[:1] if inputs.dim() == 2 else (inputs.shape[1], inputs.shape[0])
    # Drawn where nothing can be kept either, torch's numbers would move.
    if probability == 1.0:
        return torch.zeros((between, *shape, width), dtype=torch.bool)
    if lengths is None:
        return bernoulli_mask((between, *shape, width), 1.0 - probability)
    time, batch = shape
    # Not a stable sort: rows of equal length stand in the order in which `pack_padded_sequence` puts them.
    ends, order = lengths.to(torch.int64).sort(descending=True)
    steps = torch.arange(time).unsqueeze(1)
    places = (steps * batch + order)[steps < ends]
    masks = torch.zeros((between, time * batch, width), dtype=torch.bool)
    for mask in masks.unbind(0):
        mask[places] = bernoulli_mask((len(places), width), 1.0 - probability)
    return masks.view(between, time, batch, width)


def bernoulli_mask(shape: tuple[int, ...], keep: float) -> Tensor:
    """Return a Bernoulli mask on the CPU, bool, true with the probability ``keep``; the generator moves on."""
    mask = torch.empty(shape, dtype=torch.bool)
    if torch.compiler.is_compiling() or type(mask) is not Tensor or not _torch_draws_alike():
        return mask.bernoulli_(keep, generator=own_generator())
    with exchanging() as generator:
        state = generator.get_state()
        ENGINE.draw(instruction_set(), state.data_ptr(), keep, mask.data_ptr(), mask.numel())
        generator.set_state(state)
    return mask


@lru_cache(maxsize=1)
def _torch_draws_alike() -> bool:
    """Return whether torch draws here as the engine does; there are builds of torch with another generator."""
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
