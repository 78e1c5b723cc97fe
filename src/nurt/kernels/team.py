"""How many threads compute inside a block of code."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from nurt.errors import NurtValueError

__all__ = ["MOST", "threads"]

# The most threads that can be asked for.
MOST = 1024


@dataclass
class _Blocks:
    """The open blocks of one thread: what is put back after the last of them, and the counts, latest last."""

    back: int
    counts: dict[object, int] = field(default_factory=dict)


@dataclass
class _Ledger:
    """The open blocks of all threads; ``outside`` is the number while there was none.

    Torch keeps a number per thread and gives the latest one of the process to threads that are new. A new thread that
    opens a block therefore finds that of another block, which must not outlive both.
    """

    outside: int = 0
    of_threads: dict[int, _Blocks] = field(default_factory=dict)

    def enter(self, thread: int, block: object, count: int) -> None:
        if thread not in self.of_threads:
            now = torch.get_num_threads()
            elsewhere = {one for blocks in self.of_threads.values() for one in blocks.counts.values()}
            if not elsewhere:
                self.outside = now
            self.of_threads[thread] = _Blocks(self.outside if now in elsewhere else now)
        self.of_threads[thread].counts[block] = count
        torch.set_num_threads(count)

    def leave(self, thread: int, block: object) -> None:
        blocks = self.of_threads[thread]
        del blocks.counts[block]
        if blocks.counts:
            # Tasks of one event loop may leave in any order.
            torch.set_num_threads([*blocks.counts.values()][-1])
        else:
            del self.of_threads[thread]
            torch.set_num_threads(blocks.back)


_ledger = _Ledger()
_lock = threading.Lock()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let ``count`` threads compute inside the ``with`` block; afterwards torch's setting is what it was.

    One thread is the best choice for small networks: a step of a thousand multiplications costs less than waking a
    second thread, and torch's team of threads waits for its slowest member at every step, so that another program on
    one of the cores slows it down many times over. Numbers of the native engine do not depend on the count.

    Blocks of several threads or tasks may overlap and end in any order; after the last one the setting is that of
    before the first.

    Args:
        count: at least 1. This thread computes with it, and each that is new, as after ``torch.set_num_threads``.

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
    thread, block = threading.get_ident(), object()
    with _lock:
        _ledger.enter(thread, block, count)
    try:
        yield
    finally:
        with _lock:
            _ledger.leave(thread, block)
