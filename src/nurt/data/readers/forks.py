"""Processes forked after reading: the threads that compute on tables exist in the parent only.

Polars starts its threads with the first table. A forked child has their locks but not the threads, and would wait for
an answer for ever. The child refuses to read instead.
"""

from __future__ import annotations

import os
from pathlib import Path

from nurt.errors import UnavailableError

__all__ = ["refuse_after_fork"]

_THREADS = Path("/proc/self/task")


class _Process:
    """What this process knows of threads that it does not have."""

    may_have_threads = False
    lost_threads = False


def refuse_after_fork() -> None:
    """Refuse to read where the answer would never come; otherwise note that reading starts threads.

    Raises:
        UnavailableError: the process was forked after its parent had read a table.
    """
    if _Process.lost_threads:
        raise UnavailableError(
            "read: this process was forked after its parent had used tables, and lacks the threads that read them.",
            cure="Read the data before forking and hand them over, or start processes by 'spawn' or 'forkserver', as "
            "multiprocessing.get_context('spawn') does.",
        )
    _Process.may_have_threads = True


def _before_fork() -> None:
    # Others may use polars too; where threads can be listed by name, that is what counts.
    try:
        names = [(task / "comm").read_text() for task in _THREADS.iterdir()]
    except OSError:
        return
    _Process.may_have_threads = any(name.startswith("polars") for name in names)


def _after_fork() -> None:
    _Process.lost_threads = _Process.lost_threads or _Process.may_have_threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
