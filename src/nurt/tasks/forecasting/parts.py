"""Which windows a network learns from, and which decide: validation blocks spread over the known rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nurt.data.series import Series
from nurt.data.windows import Origins, TimeSplit, split_by_time
from nurt.errors import DataError

__all__ = ["BLOCKS", "Parts", "cut_in_time", "series_until"]

BLOCKS = 4
"""Validation blocks where the rows suffice: the last one alone may be a summer before a winter that is to be judged."""

# Above so many series their ends together tell as much as blocks of one series do.
FEW = 8
# Of the training windows, what may be lost by keeping them apart from the blocks.
KEPT = 0.7
# Training windows that are enough whatever the share.
ENOUGH = 200


@dataclass(frozen=True)
class Parts:
    """Origins of windows to learn from and of validation blocks, over the known rows of some series.

    Args:
        training: no row of their windows lies in a block.
        blocks: the targets of each lie in its block; oldest block first. Empty without a validation share.
        learnt: which rows may be learnt from, bool (n,) for each series: all outside the blocks.
        splits: where training ends in each series if the last block alone is left out.
    """

    training: Origins
    blocks: tuple[Origins, ...]
    learnt: tuple[np.ndarray, ...]
    splits: tuple[TimeSplit, ...]

    @property
    def validation(self) -> Origins:
        """Origins of all blocks, ascending within a series."""
        if not self.blocks:
            return Origins(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        series = np.concatenate([block.series for block in self.blocks])
        position = np.concatenate([block.position for block in self.blocks])
        order = np.lexsort((position, series))
        return Origins(series[order], position[order])

    @classmethod
    def cut(cls, series: Sequence[Series], look_back: int, steps: int, validation: float, *, blocks: int = 1) -> Parts:
        """Cut series into windows of ``look_back`` inputs and ``steps`` targets.

        The validation share is cut into :data:`BLOCKS` blocks at the ends of quarters of the rows where ``blocks``
        allows it, the series are few, a block holds at least two horizons, and enough training windows are left;
        else it is the latest rows.

        Args:
            series: known rows.
            look_back: T.
            steps: F.
            validation: share of the one-step windows that decide.
            blocks: the most blocks.

        Raises:
            DataError: no training window is left.
        """
        splits = tuple(cut_in_time(one, look_back, steps, validation=validation) for one in series)
        if validation and blocks > 1 and len(series) <= FEW:
            spread = [_Spread.over(len(one), look_back, steps, validation, blocks) for one in series]
            if all(one.suffices for one in spread):
                return cls(
                    Origins.of_series([one.training for one in spread]),
                    tuple(Origins.of_series([one.blocks[index] for one in spread]) for index in range(blocks)),
                    tuple(one.learnt for one in spread),
                    splits,
                )
        training = Origins.of_series([split.origins("train") for split in splits])
        latest = Origins.of_series([split.origins("validation") for split in splits])
        learnt = tuple(np.arange(len(one)) < split.train_end for one, split in zip(series, splits, strict=True))
        return cls(training, (latest,) if len(latest) else (), learnt, splits)

    def restricted(self, usable: np.ndarray, decisive: Sequence[np.ndarray]) -> Parts:
        """Return the parts with the chosen training windows and, block by block, the chosen validation windows."""
        blocks = tuple(block[rows] for block, rows in zip(self.blocks, decisive, strict=True) if rows.any())
        return dataclasses.replace(self, training=self.training[usable], blocks=blocks)


@dataclass(frozen=True)
class _Spread:
    """Blocks over one series."""

    training: np.ndarray
    blocks: tuple[np.ndarray, ...]
    learnt: np.ndarray
    suffices: bool

    @classmethod
    def over(cls, length: int, look_back: int, steps: int, validation: float, blocks: int) -> _Spread:
        windows = length - look_back
        size = int(windows * validation) // blocks
        learnt = np.ones(length, dtype=bool)
        origins = []
        for index in range(blocks):
            end = look_back + windows * (index + 1) // blocks
            learnt[end - size : end] = False
            origins.append(np.arange(end - size - 1, end - steps, dtype=np.int64))
        every = np.arange(look_back - 1, length - steps, dtype=np.int64)
        taken = np.concatenate(([0], np.cumsum(~learnt)))
        apart = taken[every + steps + 1] == taken[every - look_back + 1]
        possible = int((taken[every + steps + 1] == taken[every + 1]).sum())
        kept = int(apart.sum())
        suffices = size >= 2 * steps and kept >= KEPT * possible and kept >= ENOUGH
        return cls(every[apart], tuple(origins), learnt, suffices)


def series_until(series: Series, length: int) -> Series:
    """Return the first ``length`` observations of a series, with nothing known ahead of them."""
    return dataclasses.replace(
        series,
        values=series.values[:length],
        time=None if series.time is None else series.time[:length],
        covariates=series.covariates[:length],
        ahead=np.empty((0, len(series.ahead_names))),
        ahead_time=None,
    )


def cut_in_time(
    series: Series, look_back: int, horizon: int, *, validation: float = 0.0, test: float = 0.0
) -> TimeSplit:
    """Split one series in order of time; an error names the series."""
    try:
        return split_by_time(len(series), look_back, horizon, validation=validation, test=test)
    except DataError as error:
        raise DataError(
            f"Series {series.name!r}: {error.what}", expected=error.expected, got=error.got, cure=error.cure
        ) from error
