"""Where a result came from: versions of what computed it and the machine it ran on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["machine", "variable", "versions"]

_PACKAGES = ("nurt", "torch", "numpy", "scipy", "polars", "safetensors", "plotly")


# Where Python keeps the variables that os.environ shows; a variable that is absent costs two exceptions there, which is
# longer than a layer takes to prepare a step. There is no public name for either.
_VARIABLES: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
_key: Callable[[str], Any] = lru_cache(getattr(os.environ, "encodekey", str) if _VARIABLES is not os.environ else str)


def variable(name: str) -> str | None:
    """Return an environment variable as it is now, None where it is absent; for what is asked at every call."""
    return os.environ[name] if _key(name) in _VARIABLES else None


def versions() -> dict[str, str]:
    """Return name → version of Python and of the packages that decide about numbers; imports none of them."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, str | int]:
    """Return processor, cores this process may use, memory in GiB and operating system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
