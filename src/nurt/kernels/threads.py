"""How many threads compute, for a block of code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["threads"]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let ``count`` threads compute inside the ``with`` block; afterwards torch's setting is what it was.

    One thread is the sound choice for small networks: a step of a thousand multiplications costs less than waking a
    second thread, and torch's team of threads waits for its slowest member at every step, so that another program on
    one of the cores slows it down many times over.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
