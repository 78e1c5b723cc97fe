"""The local clock of a file whose offset from UTC changes: its times are instants, and people read local time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nurt.errors import NurtValueError

__all__ = ["LocalClock"]


@dataclass(frozen=True)
class LocalClock:
    """Offsets from UTC and since when each is in force.

    Args:
        since: instants in UTC, datetime64[us], ascending; the first offset is in force before the first one too.
        minutes: the offset from each of them on, as many.
    """

    since: tuple[np.datetime64, ...]
    minutes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.since or len(self.since) != len(self.minutes):
            raise NurtValueError(
                "LocalClock: every offset needs an instant.",
                expected="at least one, and as many instants as offsets",
                got=f"{len(self.since)} and {len(self.minutes)}",
            )

    @classmethod
    def of(cls, instants: np.ndarray, minutes: np.ndarray) -> LocalClock | None:
        """Return the clock of times as a file writes them, None where one instant has two offsets.

        Args:
            instants: in UTC, datetime64, any order, shape (N,).
            minutes: the offset of each, shape (N,).
        """
        order = np.lexsort((minutes, instants))
        since, offsets = instants[order].astype("datetime64[us]"), minutes[order]
        if ((since[1:] == since[:-1]) & (offsets[1:] != offsets[:-1])).any():
            return None
        begins = np.flatnonzero(np.diff(offsets, prepend=offsets[0] - 1))
        return cls(tuple(since[begins]), tuple(offsets[begins].tolist()))

    @classmethod
    def joined(cls, clocks: Sequence[LocalClock | None], instants: Sequence[np.ndarray]) -> LocalClock | None:
        """Return the clock of several files, each with the instants that it holds; None where they disagree."""
        known = [clock for clock in clocks if clock is not None]
        if len(known) < len(clocks):
            return None
        minutes = [clock.offsets_at(times) for clock, times in zip(known, instants, strict=True)]
        return cls.of(np.concatenate([times.astype("datetime64[us]") for times in instants]), np.concatenate(minutes))

    def offsets_at(self, instants: np.ndarray) -> np.ndarray:
        """Return the offset in force at each instant, in minutes."""
        found = np.searchsorted(np.array(self.since), instants.astype("datetime64[us]"), side="right") - 1
        return np.array(self.minutes)[np.maximum(found, 0)]

    def local(self, instants: np.ndarray) -> np.ndarray:
        """Return the local times of instants, without an offset, datetime64[s]."""
        ahead = self.offsets_at(instants).astype("timedelta64[m]")
        local: np.ndarray = instants.astype("datetime64[s]") + ahead
        return local

    def label(self, instant: np.datetime64) -> str:
        """Return the local time of an instant with its offset, such as 2020-10-25T02:00:00+01:00."""
        ahead = int(self.offsets_at(np.array([instant]))[0])
        # A label of a day alone is midnight in UTC, which is no whole day elsewhere.
        fine = instant.astype("datetime64[s]") if np.datetime_data(instant.dtype)[0] == "D" else instant
        hours, minutes = divmod(abs(ahead), 60)
        return f"{fine + np.timedelta64(ahead, 'm')}{'-' if ahead < 0 else '+'}{hours:02}:{minutes:02}"
