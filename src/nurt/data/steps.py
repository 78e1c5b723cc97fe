"""The step of a time axis: found where the labels are regular, told in words, continued after the last label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Step", "counted_months", "find_step", "step_of"]

_FEWEST = 3
_WEEK = 7
_SHORTEST_MONTH = np.timedelta64(28, "D")
_SECONDS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Step:
    """The distance between neighbouring labels.

    Args:
        count: of units.
        unit: "us" (microseconds), "D" (days), "M" (months), "B" (days from Monday to Friday), or "1" where the labels
            are whole numbers.
    """

    count: int
    unit: Literal["us", "D", "M", "B", "1"]

    def after(self, labels: np.ndarray, count: int) -> np.ndarray:
        """Return the ``count`` labels that follow the last one.

        Args:
            labels: in order; months are counted on the day of the first one.
            count: 0 or more.
        """
        last: Any = labels[-1]
        if self.unit == "1":
            # Python's integers: beyond 64 bits too.
            return np.array([int(last) + step * self.count for step in range(1, count + 1)], dtype=object)
        if self.unit == "M":
            step: Any = np.timedelta64(self.count, "M")
            beyond = (last.astype("datetime64[M]") + (count + 1) * step).astype(labels.dtype)
            every = counted_months(np.array([labels[0], beyond]), step)
            following: np.ndarray = every[every > last][:count]
            return following
        steps = np.arange(1, count + 1)
        if self.unit == "B":
            day = last.astype("datetime64[D]")
            working: np.ndarray = np.busday_offset(day, steps * self.count).astype(labels.dtype) + (last - day)
            return working
        further: np.ndarray = last + steps * np.timedelta64(self.count, self.unit)
        alike: np.ndarray = further.astype(labels.dtype)
        return alike if (alike == further).all() else further

    @property
    def words(self) -> str:
        """The step in words, such as "1 hour", "1 quarter" or "business days"."""
        if self.unit == "1":
            return str(self.count)
        if self.unit == "B":
            return "business days"
        if self.unit == "M":
            return _counted(self.count, (("year", 12), ("quarter", 3), ("month", 1)))
        if self.unit == "D":
            return _counted(self.count, (("week", _WEEK), ("day", 1)))
        seconds, rest = divmod(self.count, 1_000_000)
        return f"{self.count / 1e6:g} seconds" if rest else _counted(seconds, _SECONDS)


def find_step(labels: np.ndarray) -> Step | None:
    """Return the step of labels that are regular from the first to the last, None where they are not.

    Regular are labels a constant distance apart; on the same day of every month (or the last one) a constant number of
    months apart; and every day from Monday to Friday.

    Args:
        labels: in order, shape (T,); at least three, as one distance proves nothing.
    """
    if labels.dtype.kind not in "Mi" or len(labels) < _FEWEST:
        return None
    apart: Any = labels[1:] - labels[:-1]
    if not (apart > apart.dtype.type(0)).all():
        return None
    constant = bool((apart == apart[0]).all())
    if labels.dtype.kind == "i":
        return Step(int(apart[0]), "1") if constant else None
    # Before the constant distance: July, August and September begin 31 days apart.
    months = _months_apart(labels, apart)
    if months:
        return Step(months, "M")
    working = _are_working_days(labels)
    if constant:
        days = apart[0].astype("timedelta64[D]")
        if days != apart[0]:
            return Step(int(apart[0].astype("timedelta64[us]").astype(int)), "us")
        # Five days of one week do not tell whether Saturday follows.
        return None if working and days.astype(int) == 1 else Step(int(days.astype(int)), "D")
    return Step(1, "B") if working else None


def step_of(labels: np.ndarray) -> str | None:
    """Return the step of regular labels in words, such as "1 hour", "1 month" or "business days"; None without one.

    Args:
        labels: in order, shape (T,).
    """
    step = find_step(labels)
    return None if step is None else step.words


def counted_months(time: np.ndarray, step: Any) -> np.ndarray:
    """Return the stamps from the first of ``time`` to the last, every ``step`` months.

    Months differ in length: they are counted, on the day of the first stamp or the last day of the month.

    Args:
        time: datetime64, in order.
        step: timedelta64 in months.
    """
    months = time.astype("datetime64[M]")
    grid = months[0] + np.arange((months[-1] - months[0]) // step + 1) * step
    begins = grid.astype(time.dtype)
    last_days = (grid + 1).astype("datetime64[D]") - 1 - grid.astype("datetime64[D]")
    day = time[0].astype("datetime64[D]")
    of_month = day - months[0].astype("datetime64[D]")
    ends_month = (day + 1).astype("datetime64[M]") > months[0]
    stamps: np.ndarray = begins + (last_days if ends_month else np.minimum(of_month, last_days)) + (time[0] - day)
    return stamps


def _months_apart(labels: np.ndarray, apart: Any) -> int | None:
    months = np.diff(labels.astype("datetime64[M]").astype(np.int64))
    if apart.min() < _SHORTEST_MONTH or not (months == months[0]).all():
        return None
    expected = counted_months(labels[[0, -1]], np.timedelta64(int(months[0]), "M"))
    return int(months[0]) if np.array_equal(expected, labels) else None


def _are_working_days(labels: np.ndarray) -> bool:
    days = labels.astype("datetime64[D]")
    of_day = labels - days
    return bool(
        (of_day == of_day[0]).all() and np.is_busday(days).all() and (np.busday_count(days[:-1], days[1:]) == 1).all()
    )


def _counted(count: int, units: tuple[tuple[str, int], ...]) -> str:
    name, size = next((name, size) for name, size in units if count % size == 0)
    number = count // size
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
