"""How many threads compute, for a block of code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nurt.errors import NurtValueError

__all__ = ["threads"]

MOST = 1024


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let ``count`` threads compute inside the ``with`` block; afterwards torch's setting is what it was.

    One thread is the sound choice for small networks: a step of a thousand multiplications costs less than waking a
    second thread, and torch's team of threads waits for its slowest member at every step, so that another program on
    one of the cores slows it down many times over. Numbers of the native engine do not depend on the count.

    Args:
        count: at least 1. The whole process computes with it, as after ``torch.set_num_threads``.

    Raises:
        NurtValueError: not a number from 1 to 1024.

    Example:
        >>> import torch, nurt
        >>> with nurt.kernels.threads(1):
        ...     torch.get_num_threads()
        1
    """
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise NurtValueError(
            "nurt.kernels.threads: impossible number of threads.", expected=f"1 to {MOST}", got=repr(count)
        )
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
