"""What is doubtful in hourly measurements: lost and repeated hours, the change of the clock, negative values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

__all__ = ["clock_notes", "negative_notes"]

_HOUR = np.timedelta64(1, "h")
_SHOWN = 5


def clock_notes(file: str, times: pl.Series) -> tuple[str, ...]:
    """Tell of absent and repeated hours; around the change of the clock in March the neighbours are doubtful."""
    stamps = np.sort(times.to_numpy().astype("datetime64[s]"))
    steps = np.diff(stamps)
    notes = []
    if len(steps) and np.mean(steps == _HOUR) > 0.9:
        before = np.flatnonzero(steps > _HOUR)
        lost = stamps[before] + _HOUR
        if len(before):
            absent = int(np.sum(steps[before] // _HOUR - 1))
            notes.append(f"{file}: {absent} hour(s) absent in {len(before)} gap(s), first at {_shown(lost)}.")
        spring = np.array([moment for moment in lost if _is_spring_change(moment)], dtype=stamps.dtype)
        if len(spring):
            notes.append(
                f"{file}: the change of the clock lost an hour; the value stamped {_shown(spring + _HOUR)} may belong "
                "to the hour before and is doubtful."
            )
    repeated = stamps[1:][steps == np.timedelta64(0, "s")]
    if len(repeated):
        doubt = " The change of the clock does this." if any(map(_is_spring_change, repeated - _HOUR)) else ""
        notes.append(f"{file}: {len(repeated)} stamp(s) appear more than once, first {_shown(repeated)}.{doubt}")
    return tuple(notes)


def negative_notes(file: str, values: Sequence[pl.Series]) -> tuple[str, ...]:
    """Name the columns with negative concentrations, and how many there are."""
    counts = {column.name: int((column < 0).sum()) for column in values if column.dtype == pl.Float64}
    negative = [f"{name} ({count})" for name, count in counts.items() if count]
    if not negative:
        return ()
    more = f" and {len(negative) - _SHOWN} more columns" if len(negative) > _SHOWN else ""
    return (f"{file}: negative concentrations, kept as they are: {', '.join(negative[:_SHOWN])}{more}.",)


def _is_spring_change(moment: np.datetime64) -> bool:
    """02:00 of the last Sunday of March, when Polish clocks go forward."""
    stamp = moment.astype("datetime64[s]").item()
    return bool(stamp.month == 3 and stamp.day >= 25 and stamp.weekday() == 6 and stamp.hour == 2)


def _shown(moments: np.ndarray) -> str:
    return ", ".join(str(moment.astype("datetime64[m]")).replace("T", " ") for moment in moments[:_SHOWN])
