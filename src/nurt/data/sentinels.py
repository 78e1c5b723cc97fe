"""Numbers that stand for a missing value, such as -9999: noticed by their digits and by how far outside they lie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nurt.wording import quoted

__all__ = ["sentinel_notes", "sentinels"]

_NINES = (99.0, 999.0, 9999.0, 99999.0, 999999.0, 9999999.0)
_CODES = np.array(
    [
        *(-nines for nines in _NINES),
        *_NINES[1:],
        *(-99.9, -999.9, -99.99, -999.99, -9999.9, 999.9, 9999.9, 999.99),
        *(-888.0, -8888.0, -7777.0, -32768.0, -32767.0, 32767.0, 65535.0, -1e30, 1e30, 1e20, -1e20),
    ]
)
"""What instruments and archives write; 99 is not among them, because counts and shares reach it."""
_FEWEST = 2
_FEWEST_DIFFERENT = 3
_ABOVE = 3.0


def sentinels(values: np.ndarray) -> list[tuple[float, int]]:
    """Return the numbers of a column that probably stand for a missing value, and how often each appears.

    A number does when it is one that archives use for this, appears at least twice, and lies far outside the other
    values: below zero where none of them is; or, where at least three of them differ, below them by more than their
    range, or above them by more than three times their range.

    Args:
        values: shape (rows,), NaN where missing.
    """
    finite = values[np.isfinite(values)]
    coded = np.isin(finite, _CODES)
    if np.count_nonzero(coded) < _FEWEST:
        return []
    others = finite[~coded]
    if not len(others):
        return []
    # A switch between two values, or a few of them, has no range that a code could be far from.
    ranged = len(np.unique(others)) >= _FEWEST_DIFFERENT
    low, high = float(others.min()), float(others.max())
    found = []
    for code, count in zip(*np.unique(finite[coded], return_counts=True), strict=True):
        negative = code < 0.0 <= low
        outside = low - code > high - low or code - high > _ABOVE * (high - low)
        if count >= _FEWEST and (negative or (ranged and outside)):
            found.append((float(code), int(count)))
    return found


def sentinel_notes(columns: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Return a note on each number that probably stands for a missing value, with the option that makes it one.

    Args:
        columns: values by name, each of shape (rows,), NaN where missing.
    """
    notes = []
    for name, values in columns.items():
        found = sentinels(values)
        codes = [code for code, _ in found]
        others = values[np.isfinite(values) & ~np.isin(values, codes)] if found else values
        for code, count in found:
            notes.append(
                f"Check: the value {code:.10g} appears {count} times in column {quoted(name)}, far outside the other "
                f"values ({others.min():.6g} to {others.max():.6g}), and was taken as a number. If it stands for a "
                f"missing value, say --missing {code:.10g} (missing=['{code:.10g}'] in Python)."
            )
    return tuple(notes)
