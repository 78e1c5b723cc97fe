"""The recurrences, one file each, and the readable rungs that run them: the loop, the adjoint, the scan.

Every :class:`~nurt.kernels.Recurrence` that a file here defines is registered under its name in :data:`RECURRENCES`.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from nurt.kernels.recurrence import Recurrence

__all__ = ["RECURRENCES"]

# These run recurrences and read the registry themselves.
_RUNNERS = ("adjoint", "carry", "loop", "scan")


RECURRENCES: dict[str, Recurrence[Any]] = {}

for _file in pkgutil.iter_modules(__path__):
    if _file.name not in _RUNNERS:
        for _value in vars(import_module(f"{__name__}.{_file.name}")).values():
            if isinstance(_value, Recurrence):
                RECURRENCES[_value.name] = _value
