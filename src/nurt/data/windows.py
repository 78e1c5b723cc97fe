"""Windows over series: look-back, horizon, batches at chosen origins, and the chronological split into parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nurt.data.series import Series
from nurt.errors import DataError, NurtValueError, ShapeError

__all__ = ["Origins", "Part", "TimeSplit", "WindowBatch", "Windows", "split_by_time"]


@dataclass(frozen=True)
class Origins:
    """N forecast origins.

    Args:
        series: index of the series of each, int64, shape (N,).
        position: position of the last observation used, int64, shape (N,).
    """

    series: np.ndarray
    position: np.ndarray

    def __post_init__(self) -> None:
        series, position = (np.asarray(part, dtype=np.int64) for part in (self.series, self.position))
        if series.ndim != 1 or series.shape != position.shape:
            raise ShapeError(
                "Origins: `series` and `position` must be equally long.",
                expected="two arrays of shape (N,)",
                got=f"{series.shape} and {position.shape}",
            )
        object.__setattr__(self, "series", series)
        object.__setattr__(self, "position", position)

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, chosen: slice | np.ndarray) -> Origins:
        return Origins(self.series[chosen], self.position[chosen])

    @classmethod
    def of_series(cls, positions: Sequence[np.ndarray]) -> Origins:
        """Return the origins of all series, one array of positions per series."""
        lengths = [len(position) for position in positions]
        series = np.repeat(np.arange(len(positions)), lengths)
        return cls(series, np.concatenate([*positions, np.empty(0, dtype=np.int64)]))


@dataclass(frozen=True)
class WindowBatch:
    """N windows as arrays; NaN is a missing value, in ``targets`` also a value beyond the data.

    Args:
        inputs: observations up to the origin, oldest first, shape (N, T).
        covariates: past covariates of the same positions, shape (N, T, C).
        targets: the observations after the origin, shape (N, F).
    """

    inputs: np.ndarray
    covariates: np.ndarray
    targets: np.ndarray

    @property
    def observed(self) -> np.ndarray:
        """True where an input is not missing, bool (N, T)."""
        observed: np.ndarray = np.isfinite(self.inputs)
        return observed

    @property
    def learnable(self) -> np.ndarray:
        """True for windows with at least one observed input and one known target, bool (N,)."""
        learnable: np.ndarray = self.observed.any(axis=1) & np.isfinite(self.targets).any(axis=1)
        return learnable


@dataclass(frozen=True)
class Windows:
    """All windows of some series; the data are held once, windows are views until they are gathered.

    Args:
        series: the series; all with the same number of covariates.
        look_back: T, number of observations a window looks back on, the origin included.
        horizon: F, number of observations after the origin.
        dtype: of the gathered arrays, float64 or float32.

    Raises:
        NurtValueError: a size is not positive, there is no series, or their covariates differ.
    """

    series: Sequence[Series]
    look_back: int
    horizon: int
    dtype: type[np.floating] = np.float64

    def __post_init__(self) -> None:
        for name in ("look_back", "horizon"):
            if getattr(self, name) < 1:
                raise NurtValueError(
                    f"Windows: `{name}` is too small.", expected="at least 1", got=str(getattr(self, name))
                )
        if not self.series:
            raise NurtValueError("Windows: there is no series.", expected="at least one")
        names = {series.covariate_names for series in self.series}
        if len(names) > 1:
            raise NurtValueError(
                "Windows: the series have different covariates.",
                expected="the same covariates, in the same order, for every series",
                got=" and ".join(str(list(found)) for found in sorted(names)),
            )

    def __len__(self) -> int:
        """Number of windows whose targets all lie within the data: the sum of max(0, n - T - F + 1)."""
        return sum(max(0, len(series) - self.look_back - self.horizon + 1) for series in self.series)

    @property
    def origins(self) -> Origins:
        """The origins of all those windows, series by series, oldest first."""
        return Origins.of_series([np.arange(self.look_back - 1, len(series) - self.horizon) for series in self.series])

    def gather(self, origins: Origins) -> WindowBatch:
        """Return the windows at some origins; an origin may be as late as the last observation.

        Args:
            origins: N origins, in any order; repetition is allowed.

        Raises:
            NurtValueError: an origin has fewer than T observations up to it, or lies outside its series.
        """
        self._refuse_outside(origins)
        # The sliding views cost no memory; indexing with the origins makes the only copy.
        values, covariates = self._flat
        last = self._offsets[origins.series] + origins.position
        first = last - self.look_back + 1
        windows = sliding_window_view(values, self.look_back)
        futures = sliding_window_view(values, self.horizon)
        past = sliding_window_view(covariates, self.look_back, axis=0)
        return WindowBatch(inputs=windows[first], covariates=np.swapaxes(past[first], 1, 2), targets=futures[last + 1])

    @cached_property
    def _flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Values (n,) and covariates (n, C) of all series, with T missing rows first and F after each series.

        So no window crosses into the next series, and one exists even where the data are shorter than a window.
        """
        before = np.full((self.look_back, len(self.series[0].covariate_names)), np.nan)
        after = np.full((self.horizon, before.shape[1]), np.nan)
        values = [part for series in self.series for part in (series.values, np.full(self.horizon, np.nan))]
        covariates = [part for series in self.series for part in (series.covariates, after)]
        flat = np.concatenate([np.full(self.look_back, np.nan), *values])
        return flat.astype(self.dtype), np.concatenate([before, *covariates]).astype(self.dtype)

    @cached_property
    def _offsets(self) -> np.ndarray:
        lengths = [len(series) + self.horizon for series in self.series]
        return np.cumsum([self.look_back, *lengths[:-1]])

    @cached_property
    def _lengths(self) -> np.ndarray:
        return np.array([len(series) for series in self.series])

    def _refuse_outside(self, origins: Origins) -> None:
        known = (origins.series >= 0) & (origins.series < len(self.series))
        length = self._lengths[np.where(known, origins.series, 0)]
        outside = ~known | (origins.position < self.look_back - 1) | (origins.position >= length)
        if outside.any():
            index = int(outside.argmax())
            raise NurtValueError(
                f"Windows: {int(outside.sum())} origin(s) have no window of {self.look_back} observations, "
                f"the first at position {origins.position[index]} of series {origins.series[index]}.",
                expected=f"positions from {self.look_back - 1} to the last of the series, {length[index] - 1}",
            )


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
