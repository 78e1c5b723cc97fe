"""Environment variables that every call asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["variable"]

# Where Python keeps the variables that os.environ shows; a variable that is absent costs two exceptions there, which is
# longer than a layer takes to prepare a step. There is no public name for either.
_VARIABLES: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
_key: Callable[[str], Any] = lru_cache(getattr(os.environ, "encodekey", str) if _VARIABLES is not os.environ else str)


def variable(name: str) -> str | None:
    """Return an environment variable as it is now, None where it is absent."""
    return os.environ[name] if _key(name) in _VARIABLES else None
