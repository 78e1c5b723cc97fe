"""Finding blocks of rows that occur both among the training rows and after them."""

from __future__ import annotations

import numpy as np

__all__ = ["repeated_block"]

# Odd, so that it has an inverse modulo 2^64 and its powers never vanish; 2^64 divided by the golden ratio.
BASE = 0x9E3779B97F4A7C15


def repeated_block(rows: np.ndarray, size: int, boundary: int) -> tuple[int, int, int] | None:
    """Look for blocks of ``size`` consecutive rows after ``boundary`` that are copies of blocks before it.

    Blocks with a missing value, and blocks that stand still, do not count. Blocks are compared by a rolling hash and
    confirmed value by value, in time and memory linear in the number of rows.

    Args:
        rows: shape (n, columns).
        size: rows per block.
        boundary: first row that belongs to the later side; no block straddles it.

    Returns:
        number of such blocks, start of the earlier and of the later block of the first pair; None when there is none.
    """
    usable = _usable(rows, size)
    hashes = _block_hashes(rows, size)
    earlier = np.flatnonzero(usable[: max(boundary - size + 1, 0)])
    later = boundary + np.flatnonzero(usable[boundary:])
    if len(earlier) == 0 or len(later) == 0:
        return None
    known, first = np.unique(hashes[earlier], return_index=True)
    slot = np.searchsorted(known, hashes[later]).clip(max=len(known) - 1)
    alike = known[slot] == hashes[later]
    pairs = [
        (origin, copy)
        for origin, copy in zip(earlier[first[slot[alike]]].tolist(), later[alike].tolist(), strict=True)
        if np.array_equal(rows[origin : origin + size], rows[copy : copy + size])
    ]
    return (len(pairs), *pairs[0]) if pairs else None


def _usable(rows: np.ndarray, size: int) -> np.ndarray:
    """Return which blocks have no missing value and some movement in the first column, bool (n - size + 1,)."""
    blocks = max(len(rows) - size + 1, 0)
    missing = np.concatenate([[0], np.cumsum(~np.isfinite(rows).all(axis=1))])
    moves = np.concatenate([[0], np.cumsum(np.diff(rows[:, 0]) != 0.0)])
    starts = np.arange(blocks)
    complete: np.ndarray = missing[starts + size] == missing[starts]
    return complete & (moves[starts + size - 1] > moves[starts])


def _block_hashes(rows: np.ndarray, size: int) -> np.ndarray:
    """Return Σ_j h_{i+j}·p^j modulo 2^64 of every block i, with h the hash of a row; from differences of sums."""
    # Adding 0.0 turns -0.0, which equals 0.0 but has other bits, into 0.0.
    bits = np.ascontiguousarray(rows + 0.0).view(np.uint64)
    # The upper half of a product depends on all bits; without it the zeros that end most numbers would collide.
    mixed = (bits ^ (bits >> np.uint64(32))) * np.uint64(BASE)
    mixed ^= mixed >> np.uint64(29)
    weights = _powers(BASE ^ 0x5851F42D4C957F2C, rows.shape[1])
    row_hash = (mixed * weights).sum(axis=1, dtype=np.uint64)
    powers = _powers(BASE, len(rows))
    inverse = _powers(pow(BASE, -1, 2**64), len(rows))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(row_hash * powers, dtype=np.uint64)])
    blocks = max(len(rows) - size + 1, 0)
    hashes: np.ndarray = (sums[size : size + blocks] - sums[:blocks]) * inverse[:blocks]
    return hashes


def _powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base % 2**64, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)
