"""The local clock: which offset from UTC is in force when, and how an instant is shown."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.data.clock import LocalClock
from nurt.data.series import Series
from nurt.data.time_axis import labels_after
from nurt.errors import NurtValueError


def hours(first: str, count: int) -> np.ndarray:
    return np.datetime64(first, "s") + np.arange(count) * np.timedelta64(1, "h")


AUTUMN = hours("2020-10-24T22:00", 6)
OFFSETS = np.array([120, 120, 120, 60, 60, 60])


def test_the_offset_in_force_is_shown() -> None:
    clock = LocalClock.of(AUTUMN, OFFSETS)
    assert clock is not None
    assert [clock.label(time) for time in AUTUMN] == [
        "2020-10-25T00:00:00+02:00",
        "2020-10-25T01:00:00+02:00",
        "2020-10-25T02:00:00+02:00",
        "2020-10-25T02:00:00+01:00",
        "2020-10-25T03:00:00+01:00",
        "2020-10-25T04:00:00+01:00",
    ]
    assert len(clock.since) == 2


def test_the_order_of_the_rows_does_not_matter() -> None:
    assert LocalClock.of(AUTUMN[::-1], OFFSETS[::-1]) == LocalClock.of(AUTUMN, OFFSETS)


def test_before_the_first_and_after_the_last_row_the_nearest_offset_holds() -> None:
    clock = LocalClock.of(AUTUMN, OFFSETS)
    assert clock is not None
    assert clock.label(np.datetime64("2020-07-01T00:00:00")) == "2020-07-01T02:00:00+02:00"
    assert clock.label(np.datetime64("2021-01-01T00:00:00")) == "2021-01-01T01:00:00+01:00"


def test_offsets_west_of_utc_and_of_half_an_hour() -> None:
    clock = LocalClock.of(AUTUMN, np.array([-210] * 3 + [330] * 3))
    assert clock is not None
    assert clock.label(AUTUMN[0]) == "2020-10-24T18:30:00-03:30"
    assert clock.label(AUTUMN[3]) == "2020-10-25T06:30:00+05:30"


def test_a_day_is_an_instant() -> None:
    clock = LocalClock.of(AUTUMN, OFFSETS)
    assert clock is not None
    assert clock.label(np.datetime64("2020-12-01")) == "2020-12-01T01:00:00+01:00"


def test_two_offsets_of_one_instant_are_no_clock() -> None:
    assert LocalClock.of(AUTUMN[[0, 0, 1]], np.array([120, 60, 60])) is None
    assert LocalClock.of(AUTUMN[[0, 0, 1]], np.array([120, 120, 60])) is not None


def test_clocks_of_files_are_joined_where_they_agree() -> None:
    whole = LocalClock.of(AUTUMN, OFFSETS)
    parts = [LocalClock.of(AUTUMN[:3], OFFSETS[:3]), LocalClock.of(AUTUMN[3:], OFFSETS[3:])]
    assert LocalClock.joined(parts, [AUTUMN[:3], AUTUMN[3:]]) == whole
    assert LocalClock.joined(parts, [AUTUMN, AUTUMN]) is None
    assert LocalClock.joined([whole, None], [AUTUMN, AUTUMN]) is None


def test_a_clock_without_an_offset_is_refused() -> None:
    with pytest.raises(NurtValueError, match="every offset needs an instant"):
        LocalClock((), ())


@pytest.mark.parametrize(("grid", "label"), [("1h", "2020-10-25T06:00:00+01:00"), ("1d", "2020-10-27T04:00:00+01:00")])
def test_labels_after_the_last_row_are_local(grid: str, label: str) -> None:
    clock = LocalClock.of(AUTUMN, OFFSETS)
    series = Series(np.arange(6.0), time=AUTUMN, grid=grid, clock=clock)
    assert labels_after(series, 2)[-1] == label
    assert series.label(2) == "2020-10-25T02:00:00+02:00"
    assert "+" not in Series(np.arange(6.0), time=AUTUMN, grid=grid).label(2)
