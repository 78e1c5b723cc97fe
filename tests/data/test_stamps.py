"""Times in the forms that files bear: each form with its siblings, read rightly or refused, never passed over."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import Selection, regular_grid, select
from nurt.data.numbered_stamps import stamps_of
from nurt.data.periods import label_of_period, period_of, periods_of
from nurt.data.readers import read
from nurt.data.spellings import respelt
from nurt.data.time_axis import labels_after
from nurt.errors import DataError, NurtError

COUNT = 40
HOURS = [datetime.datetime(2021, 3, 25) + datetime.timedelta(hours=hour) for hour in range(COUNT)]
DAYS = [datetime.date(2021, 1, 20) + datetime.timedelta(days=day) for day in range(COUNT)]
MONTHS = [datetime.date(2010 + month // 12, month % 12 + 1, 1) for month in range(COUNT)]
QUARTERS = [(1995 + quarter // 4, quarter % 4 + 1) for quarter in range(COUNT)]
WEEKS = [(datetime.date(2020, 11, 2) + datetime.timedelta(weeks=week)).isocalendar()[:2] for week in range(COUNT)]


def reading(folder: Path, name: str, cells: list[str], *, step: str | None = None, **told: str) -> Selection:
    """Write a table with a column of times and one of values, and read it."""
    path = folder / "data.csv"
    path.write_text(f"{name},y\n" + "".join(f'"{cell}",{row}.5\n' for row, cell in enumerate(cells)), encoding="utf-8")
    selection = select(read(path, **told), "y")
    grids = tuple(one if step is None else regular_grid(one, step) for one in selection.series)
    return Selection(grids, selection.notes, selection.sources)


PERIODS = {
    "2021Q1": ("quarter", [f"{year}Q{n}" for year, n in QUARTERS]),
    "2021-Q1": ("quarter", [f"{year}-Q{n}" for year, n in QUARTERS]),
    "2021 q1": ("quarter", [f"{year} q{n}" for year, n in QUARTERS]),
    "Q1 2021": ("quarter", [f"Q{n} {year}" for year, n in QUARTERS]),
    "Q1/2021": ("quarter", [f"Q{n}/{year}" for year, n in QUARTERS]),
    "Q1-21": ("quarter", [f"Q{n}-{year % 100:02}" for year, n in QUARTERS]),
    "1Q21": ("quarter", [f"{n}Q{year % 100:02}" for year, n in QUARTERS]),
    "1Q 2021": ("quarter", [f"{n}Q {year}" for year, n in QUARTERS]),
    "I kw. 2021": ("quarter", [f"{('I', 'II', 'III', 'IV')[n - 1]} kw. {year}" for year, n in QUARTERS]),
    "2021-H1": ("half", [f"{1990 + half // 2}-H{half % 2 + 1}" for half in range(COUNT)]),
    "2016W01": ("week", [f"{year}W{week:02}" for year, week in WEEKS]),
    "2020-W53": ("week", [f"{year}-W{week:02}" for year, week in WEEKS]),
    "W1/2021": ("week", [f"W{week}/{year}" for year, week in WEEKS]),
    "Week 1 2021": ("week", [f"Week {week} {year}" for year, week in WEEKS]),
    "2021-01": ("month", [f"{day:%Y-%m}" for day in MONTHS]),
    "2021/01": ("month", [f"{day:%Y/%m}" for day in MONTHS]),
    "01/2021": ("month", [f"{day:%m/%Y}" for day in MONTHS]),
    "2021M01": ("month", [f"{day:%YM%m}" for day in MONTHS]),
    "Jan-21": ("month", [f"{day:%b-%y}" for day in MONTHS]),
    "Jan 21": ("month", [f"{day:%b %y}" for day in MONTHS]),
    "JAN 2021": ("month", [f"{day:%b %Y}".upper() for day in MONTHS]),
    "January 2021": ("month", [f"{day:%B %Y}" for day in MONTHS]),
    "2021 Jan": ("month", [f"{day:%Y %b}" for day in MONTHS]),
    "FY2021": ("FY", [f"FY{1960 + year}" for year in range(COUNT)]),
    "FY21": ("FY", [f"FY{(1985 + year) % 100:02}" for year in range(COUNT)]),
    "2020/21": ("split year", [f"{1980 + year}/{(1981 + year) % 100:02}" for year in range(COUNT)]),
    "2001-02": ("split year", [f"{1985 + year}-{(1986 + year) % 100:02}" for year in range(COUNT)]),
    "2020-2021": ("split year", [f"{1960 + year}-{1961 + year}" for year in range(COUNT)]),
}
STEPS = {"month": "1mo", "quarter": "1q", "half": "6mo", "week": "1w", "FY": "1y", "split year": "1y"}
POLISH = ("styczeń", "lut", "marca", "kwi", "maj", "czerwca", "lip", "sierpień", "wrz", "paź", "listopad", "grudnia")


@pytest.mark.parametrize("form", PERIODS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_periods_are_read_in_order_and_go_on(tmp_path: Path, form: str, newest_first: bool) -> None:
    kind, cells = PERIODS[form]
    selection = reading(tmp_path, "period of report", cells[::-1] if newest_first else cells, step=STEPS[kind])
    series = selection.series[0]
    assert series.period == kind
    assert len(series) == COUNT
    values = [row + 0.5 for row in range(COUNT)]
    assert series.values.tolist() == (values[::-1] if newest_first else values)
    assert any("newest first" in note for note in selection.notes) == newest_first
    following = labels_after(series, 1)
    assert following is not None
    assert following[0] > series.label(COUNT - 1) > series.label(0)


def test_periods_are_shown_with_the_year_first(tmp_path: Path) -> None:
    shown = {form: reading(tmp_path, "t", cells).series[0].label(0) for form, (_, cells) in PERIODS.items()}
    assert shown["Q1-21"] == shown["I kw. 2021"] == "1995-Q1"
    assert shown["W1/2021"] == shown["2016W01"] == "2020-W45"
    assert shown["Jan-21"] == shown["01/2021"] == "2010-01"
    assert (shown["FY21"], shown["2001-02"], shown["2021-H1"]) == ("FY1985", "1985/86", "1990-H1")
    polish = reading(tmp_path, "miesiąc", [f"{POLISH[day.month - 1]} {day.year}" for day in MONTHS]).series[0]
    assert (polish.label(0), polish.label(13)) == ("2010-01", "2011-02")


def test_the_long_year_has_a_week_53(tmp_path: Path) -> None:
    series = reading(tmp_path, "week", [f"{year}-W{week:02}" for year, week in WEEKS]).series[0]
    assert [series.label(row) for row in (8, 9)] == ["2020-W53", "2021-W01"]
    with pytest.raises(DataError, match="'2021-W53' is not a date"):
        reading(tmp_path, "week", ["2020-W52", "2021-W53", "2022-W01"])


def test_days_of_weeks_are_days(tmp_path: Path) -> None:
    series = reading(tmp_path, "t", [f"{y}W{w:02}{d}" for y, w, d in (day.isocalendar() for day in DAYS)]).series[0]
    assert (series.label(0), series.period) == ("2021-01-20", None)


@given(kind=st.sampled_from(["month", "quarter", "half", "week", "FY"]), day=st.integers(0, 30000))
def test_a_period_as_shown_is_the_period(kind: str, day: int) -> None:
    date = np.datetime64("1960-01-04") + day
    first = date.astype("datetime64[M]").astype("datetime64[D]")
    days = {"week": date - (date.astype(int) + 3) % 7, "month": first}
    begins = days.get(kind, date.astype("datetime64[Y]").astype("datetime64[D]"))
    found = periods_of([label_of_period(begins, kind)])
    assert found is not None
    assert found[1] == [begins.item()]


@pytest.mark.parametrize(
    "cell", ["2021-Q5", "Q0 2021", "2021-W54", "5Q21", "2020/22", "May", "2021", "Jan", "Mon 21", ""]
)
def test_what_is_no_period_is_none(cell: str) -> None:
    assert period_of(cell) is None


def test_periods_of_two_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mixed: '2021-W02' is weeks"):
        reading(tmp_path, "t", ["2021-Q1", "2021-Q2", "2021-W02"])


TIMES: dict[str, Callable[[datetime.datetime], str]] = {
    "AM": lambda time: f"{time:%m/%d/%Y %I:%M %p}",
    "am": lambda time: f"{time:%m/%d/%Y %I:%M:%S%p}".lower(),
    "a.m.": lambda time: f"{time:%Y-%m-%d %I:%M} {'a.m.' if time.hour < 12 else 'p.m.'}",
    "UTC": lambda time: f"{time:%Y-%m-%d %H:%M:%S} UTC",
    "Z": lambda time: f"{time:%Y-%m-%dT%H:%M:%S.250000Z}",
    "comma": lambda time: f"{time:%Y-%m-%d %H:%M:%S},250",
    "compact": lambda time: f"{time:%Y%m%dT%H%M%SZ}",
    "hour": lambda time: f"{time:%Y-%m-%d %H}",
    "region": lambda time: f"{time:%Y-%m-%dT%H:%M:%S}+01:00[Europe/Warsaw]",
    "month name": lambda time: f"{time:%d-%b-%Y %H:%M}",
    "American": lambda time: f"{time:%b %d, %Y %I:%M %p}",
    "weekday": lambda time: f"{time:%a, %d %b %Y %H:%M:%S} GMT",
    "Polish": lambda time: f"{time.day} marca {time.year} {time:%H:%M}",
    "YYYYMMDDHH": lambda time: f"{time:%Y%m%d%H}",
    "YYYYMMDDHHMM": lambda time: f"{time:%Y%m%d%H%M}",
    "YYYYMMDDHHMMSS": lambda time: f"{time:%Y%m%d%H%M%S}",
    "epoch s": lambda time: str(int(time.replace(tzinfo=datetime.UTC).timestamp())),
    "epoch ms": lambda time: str(int(time.replace(tzinfo=datetime.UTC).timestamp()) * 10**3),
    "epoch us": lambda time: str(int(time.replace(tzinfo=datetime.UTC).timestamp()) * 10**6),
    "epoch ns": lambda time: str(int(time.replace(tzinfo=datetime.UTC).timestamp()) * 10**9),
    "excel": lambda time: f"{(time - datetime.datetime(1899, 12, 30)) / datetime.timedelta(days=1):.8f}",
}


@pytest.mark.parametrize("form", TIMES)
@pytest.mark.parametrize("newest_first", [False, True])
def test_times_of_every_form_are_hours_on_a_grid(tmp_path: Path, form: str, newest_first: bool) -> None:
    cells = [TIMES[form](hour) for hour in HOURS]
    selection = reading(tmp_path, "date", cells[::-1] if newest_first else cells, step="1h")
    series = selection.series[0]
    assert len(series) == COUNT
    assert series.label(0).startswith("2021-03-25T00:00:00")
    following = labels_after(series, 1)
    assert following is not None
    assert following[0].startswith("2021-03-26T16:00:00")
    assert (series.values[0] == 0.5) is not newest_first


DATES = {
    "YYYYMMDD": "%Y%m%d",
    "25 Mar 2021": "%d %b %Y",
    "25-Mar-21": "%d-%b-%y",
    "March 25, 2021": "%B %d, %Y",
    "2021-Mar-25": "%Y-%b-%d",
    "Thu 25 Mar 2021": "%a %d %b %Y",
    "2021084": "%Y%j",
}


@pytest.mark.parametrize("form", DATES)
def test_days_of_every_form_are_days(tmp_path: Path, form: str) -> None:
    series = reading(tmp_path, "date", [day.strftime(DATES[form]) for day in DAYS], step="1d").series[0]
    assert (series.label(0), series.label(COUNT - 1)) == (str(DAYS[0]), str(DAYS[-1]))


def test_months_and_weeks_as_digits(tmp_path: Path) -> None:
    months = reading(tmp_path, "month", [f"{day:%Y%m}" for day in MONTHS], step="1mo").series[0]
    assert (months.label(0), labels_after(months, 1)) == ("2010-01", ("2013-05",))
    weeks = reading(tmp_path, "week", [f"{year}{week:02}" for year, week in WEEKS], step="1w").series[0]
    assert (weeks.label(8), weeks.label(9)) == ("2020-W53", "2021-W01")


def test_serial_days_are_days(tmp_path: Path) -> None:
    selection = reading(tmp_path, "date", [str(44197 + day) for day in range(COUNT)], step="1d")
    assert selection.series[0].label(0) == "2021-01-01"
    assert any("44197 is 2021-01-01" in note for note in selection.notes)


@pytest.mark.parametrize("step", ["1y", "1"])
def test_years_are_counted(tmp_path: Path, step: str) -> None:
    series = reading(tmp_path, "Year", [str(1880 + year) for year in range(COUNT) if year != 7], step=step).series[0]
    assert (len(series), labels_after(series, 2)) == (COUNT, ("1920", "1921"))


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("t", [str(20001 + row) for row in range(COUNT)]),
        ("time", [str(44197 + row) for row in range(COUNT)]),
        ("ds", [str(10**12 + 7 * row * row) for row in range(COUNT)]),
    ],
)
def test_where_only_an_order_is_certain_a_note_says_how_to_name_times(
    tmp_path: Path, name: str, cells: list[str]
) -> None:
    selection = reading(tmp_path, name, cells)
    if "only the order is known" not in " ".join(selection.notes):
        assert "were read as" in " ".join(selection.notes)
    else:
        assert "--time-format" in " ".join(selection.notes)
        assert selection.series[0].label(0) == cells[0]


def test_small_counters_are_counters_without_a_word(tmp_path: Path) -> None:
    selection = reading(tmp_path, "t", [str(row) for row in range(COUNT)])
    assert (selection.series[0].label(3), selection.notes) == ("3", ())


def test_numbers_in_a_first_column_are_times_only_where_they_are_regular() -> None:
    hourly = 1_609_459_200.0 + 3600.0 * np.arange(COUNT)
    assert stamps_of(hourly, "sensor", named=False) is not None
    assert stamps_of(hourly + np.arange(COUNT) % 3, "sensor", named=False) is None
    assert stamps_of(np.array([2021130100.0, 2021130101.0]), "t", named=True) is None
    assert stamps_of(np.array([2021022900.0, 2021022901.0]), "t", named=True) is None


@pytest.mark.parametrize(
    ("told", "cells", "first"),
    [
        ("%d/%m/%Y", ["01/02/2021", "02/02/2021", "03/02/2021"], "2021-02-01"),
        ("%m/%d/%Y", ["01/02/2021", "02/02/2021", "03/02/2021"], "2021-01-02"),
        ("%Y|%m|%d", ["2021|02|01", "2021|02|02", "2021|02|03"], "2021-02-01"),
        ("%d %b, %Y @ %H:%M", ["01 Feb, 2021 @ 10:30", "01 Feb, 2021 @ 11:30"], "2021-02-01T10:30:00"),
        ("%y%m", ["2101", "2102", "2103"], "2021-01-01"),
        ("epoch-s", ["86400", "172800"], "1970-01-02"),
        ("excel", ["44197.5", "44198.5"], "2021-01-01T12:00:00"),
        ("order", ["1609459200", "1609462800"], "1609459200"),
    ],
)
def test_a_person_may_say_how_times_are_written(tmp_path: Path, told: str, cells: list[str], first: str) -> None:
    assert reading(tmp_path, "date", cells, time_format=told).series[0].label(0) == first


@pytest.mark.parametrize("told", ["%d/%m/%Y", "epoch-ms", "nonsense", "%"])
def test_a_form_that_no_column_has_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(NurtError, match=r"format|form "):
        reading(tmp_path, "date", ["2021-02-01", "2021-02-02"], time_format=told)


def test_days_that_could_be_months_name_the_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="days could be months") as refusal:
        reading(tmp_path, "date", ["01/02/2021", "02/02/2021"])
    assert "--time-format" in str(refusal.value)


@pytest.mark.parametrize("name", ["date", "Week", "timestamp (UTC)", "Kwartał"])
def test_a_named_time_in_no_known_form_is_asked_about(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="is named as a time, but its cells, such as 'turn 1'") as refusal:
        reading(tmp_path, name, ["turn 1", "turn 2", "turn 3"])
    assert "--time-format" in str(refusal.value)


def test_a_first_column_of_text_is_told(tmp_path: Path) -> None:
    selection = reading(tmp_path, "turn", ["turn 1", "turn 2", "turn 3"])
    assert any("'turn', holds no times in a known form ('turn 1')" in note for note in selection.notes)
    assert not reading(tmp_path, "sky", ["clear", "rain", "clear"]).notes


def test_text_taken_as_labels_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("date,y\nturn 2,1.5\nturn 1,2.5\n")
    selection = select(read(path), "y", time="date")
    assert selection.series[0].values.tolist() == [1.5, 2.5]
    assert "text without an order" in selection.notes[-1]


@pytest.mark.parametrize("rows", ["2020,52\n2020,53\n2021,1\n", "2020,3\n2020,4\n2021,1\n"], ids=["weeks", "quarters"])
def test_years_with_weeks_or_quarters_in_two_columns(tmp_path: Path, rows: str) -> None:
    name, first = ("week", "2020-12-21") if "52" in rows else ("quarter", "2020-07-01")
    path = tmp_path / "t.csv"
    values = [f"{row},{index}.5" for index, row in enumerate(rows.split())]
    path.write_text(f"year,{name},y\n" + "\n".join(values) + "\n")
    series = select(read(path), "y").series[0]
    assert series.label(0) == first


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("03/25/2021 12:00 AM", "03/25/2021 00:00"),
        ("03/25/2021 12:30 pm", "03/25/2021 12:30"),
        ("03/25/2021 13:00 PM", "03/25/2021 13:00 PM"),
        ("25 marca 2021 r.", "2021-03-25"),
        ("20210325T0130Z", "20210325 01:30Z"),
        ("2021-03-25 01:30 CEST", "2021-03-25 01:30+02:00"),
        ("May be 2021", "May be 2021"),
        ("", ""),
    ],
)
def test_spellings_are_rewritten_or_left(written: str, plain: str) -> None:
    assert respelt(written) == plain
