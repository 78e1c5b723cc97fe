"""Local times of a zone: one hour is missing in spring, one comes twice in autumn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nurt.data import regular_grid, select
from nurt.data.readers import read
from nurt.data.time_axis import labels_after
from nurt.errors import DataError, NurtValueError


def written(folder: Path, times: list[str], *, name: str = "", header: str = "time,y") -> Path:
    path = folder / "local.csv"
    path.write_text(header + "\n" + "".join(f"{time},{row}.5\n" for row, time in enumerate(times)))
    return path


AUTUMN = [f"2021-10-31 {clock}" for clock in ("00:00", "01:00", "02:00", "02:00", "03:00", "04:00")]


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_hour_that_comes_twice_is_two_hours(tmp_path: Path, newest_first: bool) -> None:
    table = read(written(tmp_path, AUTUMN[::-1] if newest_first else AUTUMN))
    series = select(table, "y", timezone="Europe/Warsaw").series[0]
    assert len(regular_grid(series, "1h")) == len(AUTUMN)
    values = [row + 0.5 for row in range(6)]
    assert series.values.tolist() == (values[::-1] if newest_first else values)
    assert series.label(2) == "2021-10-31T02:00:00+02:00"
    assert series.label(3) == "2021-10-31T02:00:00+01:00"


def test_the_hour_missing_in_spring_is_no_gap(tmp_path: Path) -> None:
    times = [f"2021-03-28 {clock}" for clock in ("00:00", "01:00", "03:00", "04:00")]
    series = select(read(written(tmp_path, times)), "y", timezone="Europe/Warsaw").series[0]
    assert labels_after(series, 2) == ("2021-03-28T05:00:00+02:00", "2021-03-28T06:00:00+02:00")
    assert len(regular_grid(series, "1h")) == 4


def test_the_clock_of_a_zone_knows_the_next_change(tmp_path: Path) -> None:
    times = [f"2021-10-30 {hour:02}:00" for hour in range(22, 24)] + ["2021-10-31 00:00", "2021-10-31 01:00"]
    series = select(read(written(tmp_path, times)), "y", timezone="Europe/Warsaw").series[0]
    assert labels_after(series, 3) == tuple(
        f"2021-10-31T0{at}" for at in ("2:00:00+02:00", "2:00:00+01:00", "3:00:00+01:00")
    )


def test_a_time_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    table = read(written(tmp_path, ["2021-03-28 01:00", "2021-03-28 02:30"]))
    with pytest.raises(DataError, match=r"line 3: 2021-03-28T02:30:00 does not exist in Europe/Warsaw"):
        select(table, "y", timezone="Europe/Warsaw")


def test_a_doubtful_time_is_told(tmp_path: Path) -> None:
    selection = select(read(written(tmp_path, AUTUMN[:3])), "y", timezone="Europe/Warsaw")
    assert any("1 time(s) of an hour that comes twice" in note for note in selection.notes)


@pytest.mark.parametrize("times", [["2021-07-01 12:00Z", "2021-07-01 13:00Z"], ["1625140800", "1625144400"]])
def test_instants_are_shown_in_the_zone(tmp_path: Path, times: list[str]) -> None:
    series = select(read(written(tmp_path, times)), "y", timezone="Europe/Warsaw").series[0]
    assert series.label(0) == "2021-07-01T14:00:00+02:00"
    assert series.time is not None
    assert series.time[0] == np.datetime64("2021-07-01T12:00")


def test_unknown_zones_and_rows_without_times_are_refused(tmp_path: Path) -> None:
    table = read(written(tmp_path, AUTUMN))
    with pytest.raises(NurtValueError, match="no time zone 'Mars/Base'"):
        select(table, "y", timezone="Mars/Base")
    counted = read(written(tmp_path, ["1", "2", "3"]))
    with pytest.raises(DataError, match="have no times of day"):
        select(counted, "y", timezone="Europe/Warsaw")
