"""Intervals of skill and of coverage by the circular block bootstrap [politis1992circular].

Whole origins are drawn in blocks, so that the dependence between neighbouring, overlapping forecasts survives; all
steps and all models of an origin are drawn together. Two calls with the same number of origins, block length and
seed draw the same origins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nurt.errors import NurtValueError, ShapeError
from nurt.results import Result

__all__ = ["BootstrapInterval", "block_bootstrap_coverage", "block_bootstrap_skill", "block_length", "resampled_sums"]


@dataclass(frozen=True)
class BootstrapInterval(Result):
    """A percentile interval.

    Args:
        low, high: bounds; None with ``reason``.
        level: nominal level in per cent.
        block: block length, in origins.
        origins: number of origins drawn from.
        replicates: number of resamples.
        reason: why there is no interval, or None.
    """

    low: float | None
    high: float | None
    level: int
    block: int
    origins: int
    replicates: int
    reason: str | None = None


def block_length(origins: int, overlap: int) -> int:
    """Return max(h, ⌈N^⅓⌉), in origins: no shorter than the paths overlap."""
    # Rounded first: 1000 ** (1/3) must count as 10, whichever side of it the floating-point root falls.
    return max(overlap, math.ceil(round(float(np.cbrt(origins)), 9)))


def resampled_sums(columns: np.ndarray, *, block: int, replicates: int = 2000, seed: int = 0) -> np.ndarray:
    """Return the sums of the columns over origins drawn in circular blocks, the last block cut to N origins in all.

    Args:
        columns: one row per origin in time order, shape (N, columns).
        block: block length, in origins, 1..N.
        replicates: number of resamples.
        seed: of the draw.

    Returns:
        Sums, shape (replicates, columns).
    """
    count = len(columns)
    if not 1 <= block <= count:
        raise NurtValueError(
            "resampled_sums: a block is a run of origins.", expected=f"1 <= block <= {count}", got=str(block)
        )
    blocks = -(-count // block)
    starts = np.random.default_rng(seed).integers(0, count, size=(replicates, blocks))
    sums = _circular_sums(columns, block)
    total = _circular_sums(columns, count - (blocks - 1) * block)[starts[:, -1]]
    for place in range(blocks - 1):
        total += sums[starts[:, place]]
    return total


def block_bootstrap_skill(
    model_loss: np.ndarray,
    baseline_loss: np.ndarray,
    *,
    overlap: int = 1,
    block: int | None = None,
    level: int = 95,
    replicates: int = 2000,
    seed: int = 0,
) -> BootstrapInterval:
    """Return an interval of the skill 1 - ΣL_model/ΣL_baseline.

    Args:
        model_loss: summed loss per origin in time order, shape (N,).
        baseline_loss: the same of the baseline, over the same cells.
        overlap: h, the number of origins whose forecast paths overlap.
        block: block length in origins; None takes :func:`block_length`.
        level: in per cent.
        replicates: number of resamples.
        seed: of the draw.

    Raises:
        ShapeError: the losses do not pair up.
    """
    ratios, interval = _ratios(model_loss, baseline_loss, overlap, block, level, replicates, seed)
    return interval if ratios is None else _percentiles(1.0 - ratios, interval)


def block_bootstrap_coverage(
    hits: np.ndarray,
    cells: np.ndarray,
    *,
    overlap: int = 1,
    block: int | None = None,
    level: int = 95,
    replicates: int = 2000,
    seed: int = 0,
) -> BootstrapInterval:
    """Return an interval of the coverage Σhits/Σcells, 0..1.

    Args:
        hits: covered cells per origin in time order, shape (N,).
        cells: judged cells per origin, shape (N,).
        overlap: as in :func:`block_bootstrap_skill`.
        block: as there.
        level: as there.
        replicates: as there.
        seed: as there.

    Raises:
        ShapeError: hits and cells do not pair up.
    """
    ratios, interval = _ratios(hits, cells, overlap, block, level, replicates, seed)
    return interval if ratios is None else _percentiles(ratios, interval)


def _ratios(
    above: np.ndarray, below: np.ndarray, overlap: int, block: int | None, level: int, replicates: int, seed: int
) -> tuple[np.ndarray | None, BootstrapInterval]:
    """Return resampled Σabove/Σbelow, or None, and an interval without bounds that says why."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    if above.ndim != 1 or above.shape != below.shape:
        raise ShapeError(
            "The bootstrap needs two sums per origin.",
            expected=f"two arrays of shape {above.shape[:1]}",
            got=f"{above.shape} and {below.shape}",
        )
    count = len(above)
    block = block_length(count, overlap) if block is None else block
    reason = None
    if count < 2 * block:
        reason = f"too few origins: {count}, at least {2 * block} are needed for blocks of {block}"
        return None, BootstrapInterval(None, None, level, block, count, replicates, reason)
    sums = resampled_sums(np.column_stack([above, below]), block=block, replicates=replicates, seed=seed)
    if not np.all(sums[:, 1] > 0):
        reason = "in some resamples there is nothing to divide by"
        return None, BootstrapInterval(None, None, level, block, count, replicates, reason)
    return sums[:, 0] / sums[:, 1], BootstrapInterval(None, None, level, block, count, replicates)


def _percentiles(values: np.ndarray, interval: BootstrapInterval) -> BootstrapInterval:
    tail = (100 - interval.level) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return BootstrapInterval(
        float(low), float(high), interval.level, interval.block, interval.origins, interval.replicates
    )


def _circular_sums(columns: np.ndarray, length: int) -> np.ndarray:
    """Return the sum of ``length`` rows from every row on, past the end from the start again, shape (N, columns)."""
    around = np.concatenate([columns, columns[: length - 1]])
    sums: np.ndarray = sliding_window_view(around, length, axis=0).sum(axis=-1)
    return sums
