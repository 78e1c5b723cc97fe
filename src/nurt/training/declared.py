"""Whether values that were read from a file have the types that a dataclass declares.

A file may be made by hand or altered and sealed again; a word where a number belongs would be found only where the
number is used, long after the file was accepted.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

__all__ = ["mistyped"]

# Whole numbers of a run fit into 64 bits.
_LARGEST = 2**63


def mistyped(value: Any) -> str | None:
    """Return the first field of a dataclass whose value is not of its declared type, as a path; None where all are.

    Floats are finite, whole numbers stand for floats but not for truth values, and nested dataclasses, tuples, lists
    and mappings are looked through.

    Args:
        value: an instance of a dataclass whose annotations can be resolved.
    """
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        found = _mistyped(getattr(value, field.name), hints[field.name])
        if found is not None:
            return f"{field.name}{found}"
    return None


def _mistyped(value: Any, wanted: Any) -> str | None:
    """Return the rest of the path to what is of another type, "" for ``value`` itself; None where nothing is."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        found = [_mistyped(value, one) for one in arguments]
        # The longest path is that of the alternative that fits best.
        return None if None in found else max(map(str, found), key=len)
    if origin in (tuple, list):
        if not isinstance(value, origin):
            return ""
        return _first((f"[{place}]", _mistyped(one, arguments[0])) for place, one in enumerate(value))
    if origin in (dict, Mapping):
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            return ""
        return _first((f".{name}", _mistyped(one, arguments[1])) for name, one in value.items())
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        if not isinstance(value, wanted):
            return ""
        found_inside = mistyped(value)
        return None if found_inside is None else f".{found_inside}"
    return None if _fits(value, wanted) else ""


def _first(parts: typing.Iterable[tuple[str, str | None]]) -> str | None:
    return next((f"{place}{found}" for place, found in parts if found is not None), None)


def _fits(value: Any, wanted: Any) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST
    if wanted is float:
        whole = isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST
        return whole or (isinstance(value, float) and math.isfinite(value))
    return isinstance(value, wanted)
