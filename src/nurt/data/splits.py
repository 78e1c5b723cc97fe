"""Chronological split into training, validation and test parts: no part sees the targets of a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nurt.errors import DataError, NurtValueError

__all__ = ["Part", "TimeSplit", "split_by_time"]

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class TimeSplit:
    """Where the parts of one series end; positions count observations from 0.

    A part owns the positions of its targets. Look-backs of the later parts reach into the earlier ones, as they do
    when a forecast is made.

    Args:
        length: number of observations.
        look_back: T.
        horizon: F.
        train_end: first position that is not training.
        validation_end: first position of the test part.
    """

    length: int
    look_back: int
    horizon: int
    train_end: int
    validation_end: int

    def bounds(self, part: Part) -> tuple[int, int]:
        """Return the positions that targets of a part may have: first, and one after the last."""
        if part == "train":
            return self.look_back, self.train_end
        if part == "validation":
            return self.train_end, self.validation_end
        if part == "test":
            return self.validation_end, self.length
        raise NurtValueError("TimeSplit: unknown part.", expected="train, validation or test", got=repr(part))

    def origins(self, part: Part, *, partial: bool = False) -> np.ndarray:
        """Return the positions to forecast from, each the last observation used, int64, shape (N,).

        Args:
            part: its windows have their first to last target inside this part.
            partial: keep test origins near the end of the data, where the later steps have no truth to compare with.

        Raises:
            NurtValueError: ``partial`` is asked for another part, where the later targets belong to the next one.
        """
        first, end = self.bounds(part)
        if partial and part != "test":
            raise NurtValueError(
                f"TimeSplit: partial windows of {part} would reach into the next part.", expected="test"
            )
        return np.arange(first - 1, end - 1 if partial else end - self.horizon, dtype=np.int64)


def split_by_time(
    length: int, look_back: int, horizon: int, *, validation: float = 0.2, test: float = 0.2
) -> TimeSplit:
    """Split one series in order of time.

    Shares are of one-step windows: of the w = length - look_back positions that can be forecast one step ahead, the
    last w - ⌊(1 - test)·w⌋ are the test part; of those before it, the validation share is taken in the same way.

    Args:
        length: number of observations.
        look_back: T, observations a window looks back on.
        horizon: F, steps to forecast.
        validation: share of the windows before the test part, 0 ≤ validation < 1.
        test: share of all one-step windows, 0 ≤ test < 1.

    Raises:
        NurtValueError: a size or share is out of range.
        DataError: no training window fits.

    Example:
        >>> split = split_by_time(1009, 60, 30)
        >>> split.length - split.validation_end
        190
    """
    for name, size in (("look_back", look_back), ("horizon", horizon)):
        if size < 1:
            raise NurtValueError(f"split_by_time: `{name}` is too small.", expected="at least 1", got=str(size))
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise NurtValueError(f"split_by_time: `{name}` is out of range.", expected="0 ≤ share < 1", got=str(share))
    # Shares count one-step windows, so that the test part does not depend on the horizon.
    windows = max(0, length - look_back)
    in_test = windows - _kept(windows, test)
    in_validation = windows - in_test - _kept(windows - in_test, validation)
    split = TimeSplit(length, look_back, horizon, length - in_test - in_validation, length - in_test)
    if split.train_end < look_back + horizon:
        raise DataError(
            f"No training window fits: of {length} observations, {max(0, split.train_end)} are left for training "
            f"({in_validation} for validation, {in_test} for the test).",
            expected=f"at least look_back + horizon = {look_back} + {horizon} = {look_back + horizon} for training",
            cure="Give more data, or a smaller look-back, horizon, or share of validation and test.",
        )
    return split


def _kept(windows: int, share: float) -> int:
    """⌊(1 - share)·windows⌋, safe against products such as 0.1 · 3 that miss a whole number by rounding."""
    return int((1 - share) * windows + 1e-9)
