"""Another program on the machine: a process that keeps one core busy, and always ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_core_taken"]

# It looks for its parent, so that it ends even where the parent was killed and could not end it.
PROGRAM = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
parent = int(sys.argv[1])
print("busy", flush=True)
while os.getppid() == parent:
    sum(range(100_000))
"""


@contextmanager
def one_core_taken() -> Iterator[None]:
    """Keep the last core that this process may use busy with another process inside the ``with`` block."""
    command = [sys.executable, "-c", PROGRAM, str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()
