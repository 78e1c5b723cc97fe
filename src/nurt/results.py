"""The base of all result objects: frozen, printable, JSON-ready.

A result of nurt is a frozen dataclass that derives from :class:`Result`. It prints itself for a person
(``__str__``), turns into plain JSON values (``to_dict``), and where a picture says more, draws itself
(``plot``, a plotly figure).
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Result", "plain"]


class Result:
    """Base of frozen result dataclasses."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values: no arrays, no NaN (NaN and infinities become None)."""
        if not dataclasses.is_dataclass(self):
            raise TypeError(f"{type(self).__name__} must be a dataclass to be a Result")
        return {
            field.name: plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.metadata.get("json", True)
        }


def plain(value: Any) -> Any:
    """Return ``value`` in the types that ``json.dumps(..., allow_nan=False)`` accepts.

    Arrays become nested lists, named tuples become dicts, times become ISO strings, NaN and infinities become None,
    objects with ``to_dict`` give their dict. Anything unknown is an error, not a ``repr`` in the JSON.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else _iso(value)
    if isinstance(value, np.ndarray):
        return plain(value.item()) if value.ndim == 0 else [plain(item) for item in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"no plain form for {type(value).__name__}")


def _iso(moment: np.datetime64) -> str:
    """Return an ISO string: a date for labels of day resolution, else to the second."""
    by_day = np.datetime_data(moment.dtype)[0] in ("Y", "M", "W", "D")
    return str(moment if by_day else moment.astype("datetime64[s]"))
