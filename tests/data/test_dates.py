"""Date forms: read alike whatever their spelling, refused where they could mean two days."""

from __future__ import annotations

import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data.dates import form_of, parse_dates, round_to_grid
from nurt.errors import DataError

days = st.dates(datetime.date(1600, 1, 1), datetime.date(2199, 12, 31))
moments = st.datetimes(datetime.datetime(1600, 1, 1), datetime.datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)


def place(row: int) -> str:
    return f"f.csv, line {row + 2}"


@given(
    dates=st.lists(days, min_size=1, max_size=20), form=st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y"])
)
def test_dates_of_one_form_are_read_back(dates: list[datetime.date], form: str) -> None:
    cells = pl.Series("t", [date.strftime(form) for date in dates])
    assert parse_dates(cells, place).values.to_list() == dates


@given(
    times=st.lists(moments, min_size=1, max_size=20), form=st.sampled_from(["%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M:%S"])
)
def test_times_of_one_form_are_read_back(times: list[datetime.datetime], form: str) -> None:
    cells = pl.Series("t", [time.strftime(form) for time in times])
    assert parse_dates(cells, place).values.to_list() == times


@given(dates=st.lists(days, min_size=1, max_size=20), form=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"]))
def test_days_and_months_are_read_right_or_refused(dates: list[datetime.date], form: str) -> None:
    cells = pl.Series("t", [date.strftime(form) for date in dates])
    if all(date.day <= 12 for date in dates):
        with pytest.raises(DataError, match="days could be months"):
            parse_dates(cells, place)
    else:
        assert parse_dates(cells, place).values.to_list() == dates


@pytest.mark.parametrize(
    "cell", ["1.5", "2020", "202001", "20201301", "12345678", "2020-13", "01.02.2", "10:30", "", "abc", "+1"]
)
def test_what_is_no_date_has_no_form(cell: str) -> None:
    assert form_of(cell) is None


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("20200131", "YYYYMMDD"),
        ("2020-01-31 12:00", "YYYY-MM-DD HH:MM"),
        ("2020-01-31T12:00:00.5", "YYYY-MM-DDTHH:MM:SS.f"),
        ("31.1.2020", "DD.MM.YYYY"),
        ("2020-01", "months"),
        ("2020-Q1", "quarters"),
        ("3/25/2020 1:00 PM", "DD/MM/YYYY HH:MM"),
        ("2020-01-31 12:00+01:00", "YYYY-MM-DD HH:MM"),
    ],
)
def test_forms_are_named_for_people(cell: str, name: str) -> None:
    form = form_of(cell)
    assert form is not None
    assert form.name == name


def test_month_first_is_named_so() -> None:
    assert parse_dates(pl.Series("t", ["01/31/2020 10:00"]), place).form.name == "MM/DD/YYYY HH:MM"


def test_the_misfit_names_line_text_and_form() -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 3: date forms are mixed: '2020-01-02' is YYYY-MM-DD") as refusal:
        parse_dates(pl.Series("t", ["20200101", "2020-01-02"]), place)
    assert "YYYYMMDD, as '20200101'" in str(refusal.value)


def test_a_fixed_offset_is_said_and_dropped() -> None:
    parsed = parse_dates(pl.Series("t", ["2020-01-31 12:00+01:00", "2020-01-31 13:00+01:00"]), place)
    assert parsed.values.to_list()[0] == datetime.datetime(2020, 1, 31, 12)
    assert "+01:00" in parsed.notes[0]


@given(noise=st.lists(st.integers(-30, 30), min_size=24, max_size=48))
def test_noise_below_a_hundredth_of_the_step_is_rounded_away(noise: list[int]) -> None:
    start = datetime.datetime(2020, 1, 1)
    exact = [start + datetime.timedelta(hours=hour) for hour in range(len(noise))]
    noisy = [time + datetime.timedelta(seconds=seconds) for time, seconds in zip(exact, noise, strict=True)]
    times, notes = round_to_grid(pl.Series("t", noisy))
    assert times.to_list() == exact
    assert bool(notes) == any(noise)


def test_stamps_off_any_grid_are_left_alone() -> None:
    irregular = [datetime.datetime(2020, 1, 1, 1, minute) for minute in (0, 7, 29, 31)]
    times, notes = round_to_grid(pl.Series("t", irregular))
    assert times.to_list() == irregular
    assert not notes
