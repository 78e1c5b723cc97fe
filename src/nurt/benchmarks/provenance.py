"""Which code was measured, and on how busy a machine."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

__all__ = ["busy_cores", "commit"]

COUNTERS = Path("/proc/stat")
WATCHED_SECONDS = 0.5


def commit() -> str | None:
    """Return the last change of the package's sources, with "+" where they differ from it; None outside a checkout."""
    # The answer is empty where the folder belongs to no repository, or to one that does not hold the package.
    change = _git("log", "-1", "--format=%h", "--", ".")
    return None if not change else change + ("+" if _git("status", "--porcelain", "--", ".") else "")


def busy_cores() -> float | None:
    """Return how many cores others keep busy right now, watched for half a second; None where nobody counts."""
    before = _spent()
    if before is None:
        return None
    time.sleep(WATCHED_SECONDS)
    after = _spent()
    assert after is not None
    busy, passed = after[0] - before[0], after[1] - before[1]
    return round(busy / max(passed, 1) * (os.cpu_count() or 1), 2)


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
