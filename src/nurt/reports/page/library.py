"""The script that draws the figures, packed for a page: plotly's own, a third of its size.

Deflate and 85 signs are what every browser of the last years unpacks without a script of somebody else. Base 64 would
be unpacked by the browser alone, and would be a fifteenth longer.
"""

from __future__ import annotations

import base64
import zlib
from functools import lru_cache

__all__ = ["SIGNS", "packed", "packed_library"]

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=:?@^_`{|}~"
"""The digits 0 … 84. None of them has a meaning in HTML, so that no text of them ends the element it stands in."""

# The digits of base64.b85encode; three of them have a meaning in HTML.
TO_SIGNS = str.maketrans("&<>", ",.:")


def packed_library() -> str:
    """Return plotly's script as :func:`packed` does."""
    from plotly.offline import get_plotlyjs

    return packed(get_plotlyjs())


@lru_cache(maxsize=1)
def packed(text: str) -> str:
    """Return ``text`` in UTF-8, deflated in the form of zlib, in base 85 with the digits :data:`SIGNS`.

    Four bytes make five digits, the most significant first; a rest of n bytes makes n + 1.
    """
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode("ascii").translate(TO_SIGNS)
