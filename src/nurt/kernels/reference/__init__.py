"""The recurrences, one file each, and the readable rungs that run them: the loop, the adjoint, the scan.

Every :class:`~nurt.kernels.Recurrence` that a file here defines is registered under its name in :data:`RECURRENCES`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from nurt.kernels.recurrence import Recurrence

__all__ = ["RECURRENCES"]

# These run recurrences and read the registry themselves.
_RUNNERS = ("adjoint", "carry", "loop", "scan")


def _defined() -> Iterator[Recurrence[Any]]:
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if module not in _RUNNERS:
            found = vars(import_module(f"{__name__}.{module}")).values()
            yield from (value for value in found if isinstance(value, Recurrence))


RECURRENCES: dict[str, Recurrence[Any]] = {recurrence.name: recurrence for recurrence in _defined()}
