"""Conditions of a measurement: the code, the load of the machine, and a core that is kept busy on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["busy_cores", "commit", "one_core_taken"]

COUNTERS = Path("/proc/stat")
WATCHED_SECONDS = 0.5
# It checks for its parent, so that it ends even if the parent was killed and could not end it.
PROGRAM = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
parent = int(sys.argv[1])
print("busy", flush=True)
while os.getppid() == parent:
    sum(range(100_000))
"""


def commit() -> str | None:
    """Return the last change of the package's sources, with "+" where they differ from it; None outside a checkout."""
    # The answer is empty where the folder belongs to no repository, or to one that does not hold the package.
    change = _git("log", "-1", "--format=%h", "--", ".")
    return None if not change else change + ("+" if _git("status", "--porcelain", "--", ".") else "")


def busy_cores() -> float | None:
    """Return how many cores other programs keep busy, over half a second; None where the system does not count."""
    before = _spent()
    if before is None:
        return None
    time.sleep(WATCHED_SECONDS)
    after = _spent()
    assert after is not None
    busy, passed = after[0] - before[0], after[1] - before[1]
    return round(busy / max(passed, 1) * (os.cpu_count() or 1), 2)


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


def _spent() -> tuple[int, int] | None:
    """Return the time all cores spent working, and all they spent, since the machine started."""
    if not COUNTERS.exists():
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user already.
    parts = [int(part) for part in COUNTERS.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return sum(parts) - sum(parts[3:5]), sum(parts)


def _git(*words: str) -> str:
    folder = Path(__file__).resolve().parents[1]
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
