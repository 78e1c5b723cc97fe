"""Compression of what a page carries: the script that draws, and the numbers of large figures.

Deflate and 85 signs are what every browser of the last years unpacks without a script of somebody else. Base 64 would
be unpacked by the browser alone, and would be a fifteenth longer.
"""

from __future__ import annotations

import base64
import zlib
from functools import lru_cache

import numpy as np

__all__ = ["SIGNS", "packed_bytes", "packed_floats", "packed_library"]

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=:?@^_`{|}~"
"""The digits 0 … 84. None of them has a meaning in HTML, so that no text of them ends the element it stands in."""

# The digits of base64.b85encode; three of them have a meaning in HTML.
TO_SIGNS = str.maketrans("&<>", ",.:")

# Of the 23 bits after the point of a single-precision number, these are dropped; 2⁻¹⁷ is left as the relative error.
DROPPED = 7
# A figure of this many pixels cannot show the difference.
FINEST = 10_000


def packed_bytes(data: bytes) -> str:
    """Return ``data``, deflated in the form of zlib, in base 85 with the digits :data:`SIGNS`.

    Four bytes make five digits, the most significant first; a rest of n bytes makes n + 1.
    """
    return base64.b85encode(zlib.compress(data, 9)).decode("ascii").translate(TO_SIGNS)


def packed_library() -> str:
    """Return plotly's own script, in UTF-8, as :func:`packed_bytes` does: a third of its size."""
    from plotly.offline import get_plotlyjs

    return _packed_text(get_plotlyjs())


@lru_cache(maxsize=1)
def _packed_text(text: str) -> str:
    return packed_bytes(text.encode())


def packed_floats(values: np.ndarray) -> str | None:
    """Return numbers, rounded to five significant digits, as :func:`packed_bytes` does; None where that would be seen.

    Single precision with 16 bits after the point. Each number is the difference of its bits from those of the number
    before, modulo 2³², little-endian; the lowest bytes of all numbers come first, then the second ones, and so on: in
    a smooth map most of these bytes are equal, and deflate leaves next to nothing of them.

    Args:
        values: any shape, at least one of them; taken in the order of their indices.

    Returns:
        the text; None where a number does not fit, or where numbers lie so close together that a figure of
        :data:`FINEST` pixels would show the rounding.
    """
    exact = np.asarray(values, dtype=np.float64).ravel()
    with np.errstate(over="ignore", under="ignore"):
        single = exact.astype("<f4")
    # Half of the last bit that stays is added first: rounded, not cut off. The bits of NaN and ∞ stay theirs.
    bits = (single.view("<u4") + np.uint32(1 << (DROPPED - 1))) & ~np.uint32((1 << DROPPED) - 1)
    if not _look_alike(exact, bits.view("<f4")):
        return None
    steps = np.diff(bits, prepend=np.uint32(0))
    return packed_bytes(steps.view(np.uint8).reshape(-1, 4).T.tobytes())


def _look_alike(exact: np.ndarray, rounded: np.ndarray) -> bool:
    finite = np.isfinite(exact)
    if not np.array_equal(finite, np.isfinite(rounded)) or not np.array_equal(exact == 0.0, rounded == 0.0):
        return False
    values = exact[finite]
    if not values.size:
        return True
    error = np.abs(rounded[finite] - values).max()
    return bool(error * FINEST <= np.ptp(values))
