"""Which code was measured."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["commit"]


def commit() -> str | None:
    """Return the last change of the package's sources, with "+" where they differ from it; None outside a checkout."""
    # The answer is empty where the folder belongs to no repository, or to one that does not hold the package.
    change = _git("log", "-1", "--format=%h", "--", ".")
    return None if not change else change + ("+" if _git("status", "--porcelain", "--", ".") else "")


def _git(*words: str) -> str:
    folder = Path(__file__).resolve().parents[1]
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
