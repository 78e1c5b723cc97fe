"""Any table: the standard series with their known shapes, every quirk of real files, and what is refused."""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nurt.data import Table, select
from nurt.data.readers import read
from nurt.errors import DataError, MissingExtraError, NurtValueError

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def standard(shared_data: Path) -> Path:
    return shared_data / "forecasting"


def values(table: Table, name: str | None = None) -> list[float]:
    return select(table, name).series[0].values.tolist()


def test_etth1_is_hourly_without_a_gap(standard: Path) -> None:
    table = read(standard / "ETTh1.csv.gz")
    assert table.frame.shape == (17420, 8)
    series = select(table, "OT").series[0]
    assert [str(series.time[0]), str(series.time[-1])] == ["2016-07-01T00:00:00", "2018-06-26T19:00:00"]
    assert set(np.diff(series.time).tolist()) == {datetime.timedelta(hours=1)}
    assert series.values[0] == 30.5310001373291


def test_exchange_rates_have_no_header_and_no_dates(standard: Path) -> None:
    table = read(standard / "exchange_rate.txt.gz")
    assert table.frame.shape == (7588, 8)
    assert table.columns == tuple(f"column_{index}" for index in range(1, 9))
    assert table.time is None
    assert values(table, "column_2")[:3] == [1.611, 1.61, 1.6293]
    assert any("no header" in note for note in table.notes)


def test_m4_hourly_is_wide_and_ragged(standard: Path) -> None:
    table = read(standard / "m4" / "Hourly-train.csv.gz")
    found = select(table).series
    lengths = [len(series) for series in found]
    assert len(lengths) == 414
    assert lengths.count(700) == 169
    assert lengths.count(960) == 245
    first, last = found[0], found[-1]
    assert (first.name, last.name) == ("H1", "H414")
    assert first.values[:4].tolist() == [605, 586, 586, 559]
    assert any("one series per row" in note for note in table.notes)


def test_pollution_has_its_time_in_four_columns(standard: Path) -> None:
    table = read(standard / "pollution.csv.gz")
    assert table.frame.shape == (43824, 14)
    series = select(table, "pm2.5").series[0]
    assert [str(series.time[0]), str(series.time[-1])] == ["2010-01-01T00:00:00", "2014-12-31T23:00:00"]
    assert set(np.diff(series.time).tolist()) == {datetime.timedelta(hours=1)}
    missing = np.isnan(series.values)
    assert int(missing.sum()) == 2067
    assert missing[:24].all()
    assert "cbwd" not in table.columns
    with pytest.raises(DataError, match="line 2: 'NW' in column 'cbwd'"):
        select(table, "cbwd")


@pytest.mark.parametrize(
    ("file", "rows", "first", "last"),
    [
        ("airline-passengers.csv", 144, "1949-01-01", "1960-12-01"),
        ("monthly-sunspots.csv", 2820, "1749-01-01", "1983-12-01"),
        ("daily-min-temperatures.csv", 3650, "1981-01-01", "1990-12-31"),
    ],
)
def test_classic_series_have_their_length_and_range(
    standard: Path, file: str, rows: int, first: str, last: str
) -> None:
    series = select(read(standard / file)).series[0]
    assert len(series) == rows
    assert [str(series.time[0]), str(series.time[-1])] == [first, last]


def test_temperatures_lack_the_last_day_of_two_leap_years(standard: Path) -> None:
    time = select(read(standard / "daily-min-temperatures.csv")).series[0].time
    calendar = np.arange(time[0], time[-1] + 1)
    assert [str(day) for day in np.setdiff1d(calendar, time)] == ["1984-12-31", "1988-12-31"]
    assert np.datetime64("1984-02-29") in time


FORMS = {
    "commas": "date,y\n2020-01-01,1.5\n2020-01-02,2.5\n",
    "semicolons and decimal commas": "date;y\n2020-01-01;1,5\n2020-01-02;2,5\n",
    "tabs": "date\ty\n2020-01-01\t1.5\n2020-01-02\t2.5\n",
    "pipes": "date|y\n2020-01-01|1.5\n2020-01-02|2.5\n",
    "carriage returns": "date,y\r\n2020-01-01,1.5\r\n2020-01-02,2.5\r\n",
    "old carriage returns": "date,y\r2020-01-01,1.5\r2020-01-02,2.5\r",
    "blank lines": "\n\ndate,y\n\n2020-01-01,1.5\n  \n2020-01-02,2.5\n\n",
    "padding": " date , y \n 2020-01-01 ,  1.5 \n2020-01-02, 2.5\n",
    "no last line end": "date,y\n2020-01-01,1.5\n2020-01-02,2.5",
    "trailing separator on rows": "date,y\n2020-01-01,1.5,\n2020-01-02,2.5,\n",
    "trailing separator on all": "date,y,\n2020-01-01,1.5,\n2020-01-02,2.5,\n",
    "header separated by stars": "date*y\n2020-01-01,1.5,\n2020-01-02,2.5,\n",
    "quoted cells": '"date","y"\n"2020-01-01","1.5"\n"2020-01-02","2.5"\n',
    "quoted decimal commas": '"date","y"\n"2020-01-01","1,5"\n"2020-01-02","2,5"\n',
    "a separator hint": "sep=;\ndate;y\n2020-01-01;1,5\n2020-01-02;2,5\n",
    "comment lines": "# made by hand\n# twice\ndate,y\n2020-01-01,1.5\n2020-01-02,2.5\n",
    "a line of stars above": "*\n\ndate,y\n2020-01-01,1.5\n2020-01-02,2.5\n",
    "a title above": "Report of the day\ndate,y\n2020-01-01,1.5\n2020-01-02,2.5\n",
    "a row of units": "date,y\n,MW\n2020-01-01,1.5\n2020-01-02,2.5\n",
    "a pandas index": ",date,y\n0,2020-01-01,1.5\n1,2020-01-02,2.5\n",
    "exponents and signs": "date,y\n2020-01-01,+15e-1\n2020-01-02,.25E1\n",
    "compact dates": "date,y\n20200101,1.5\n20200102,2.5\n",
    "German dates": "date,y\n13.01.2020,1.5\n14.01.2020,2.5\n",
    "slashes, day first": "date,y\n13/01/2020,1.5\n14/01/2020,2.5\n",
    "slashes, month first": "date,y\n01/13/2020,1.5\n01/14/2020,2.5\n",
    "slashes, year first": "date,y\n2020/01/01,1.5\n2020/01/02,2.5\n",
    "months": "date,y\n2020-01,1.5\n2020-02,2.5\n",
    "times": "date,y\n2020-01-01 01:00,1.5\n2020-01-01 02:00,2.5\n",
    "times with T and Z": "date,y\n2020-01-01T01:00:00Z,1.5\n2020-01-01T02:00:00Z,2.5\n",
    "times with an offset": "date,y\n2020-01-01 01:00:00+01:00,1.5\n2020-01-01 02:00:00+01:00,2.5\n",
    "fractions of a second": "date,y\n2020-01-01 01:00:00.25,1.5\n2020-01-01 01:00:00.5,2.5\n",
    "counted time": "t,y\n7,1.5\n8,2.5\n",
    "years": "year,y\n2019,1.5\n2020,2.5\n",
    "date and clock": "date,clock,y\n2020-01-01,01:00,1.5\n2020-01-01,02:00,2.5\n",
    "date and hour": "date,hour,y\n2020-01-01,1,1.5\n2020-01-01,2,2.5\n",
    "year, month, day": "rok,miesiąc,dzień,y\n2020,1,1,1.5\n2020,1,2,2.5\n",
    "no time at all": "y\n1.5\n2.5\n",
    "one column with decimal commas": "y\n1,5\n2,5\n",
    "no header, semicolons": "2020-01-01;1,5\n2020-01-02;2,5\n",
    "no header": "2020-01-01,1.5\n2020-01-02,2.5\n",
    "footer": "date,y\n2020-01-01,1.5\n2020-01-02,2.5\nsource: somebody\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_gives_the_same_values(text_file: Write, form: str) -> None:
    table = read(text_file(FORMS[form]))
    name = "y" if "y" in table.columns else table.columns[-1]
    assert values(table, name) == [1.5, 2.5]
    assert (table.time is None) == (form in ("no time at all", "one column with decimal commas"))


@pytest.mark.parametrize(
    ("form", "labels"),
    [
        ("compact dates", ["2020-01-01", "2020-01-02"]),
        ("German dates", ["2020-01-13", "2020-01-14"]),
        ("slashes, day first", ["2020-01-13", "2020-01-14"]),
        ("slashes, month first", ["2020-01-13", "2020-01-14"]),
        ("months", ["2020-01-01", "2020-02-01"]),
        ("times", ["2020-01-01T01:00:00", "2020-01-01T02:00:00"]),
        ("times with an offset", ["2020-01-01T01:00:00", "2020-01-01T02:00:00"]),
        ("fractions of a second", ["2020-01-01T01:00:00.250000", "2020-01-01T01:00:00.500000"]),
        ("counted time", ["7", "8"]),
        ("date and clock", ["2020-01-01T01:00:00", "2020-01-01T02:00:00"]),
        ("date and hour", ["2020-01-01T01:00:00", "2020-01-01T02:00:00"]),
        ("year, month, day", ["2020-01-01", "2020-01-02"]),
    ],
)
def test_time_labels_are_what_is_written(text_file: Write, form: str, labels: list[str]) -> None:
    table = read(text_file(FORMS[form]))
    assert [str(label) for label in select(table, "y").series[0].time] == labels


@pytest.mark.parametrize("mark", ["", " ", "NA", "n/a", "NaN", "nan", "null", "None", "-"])
def test_marks_of_missing_values_become_missing(text_file: Write, mark: str) -> None:
    table = read(text_file(f"date,y\n2020-01-01,1.5\n2020-01-02,{mark}\n2020-01-03,2.5\n"))
    assert np.isnan(values(table)).tolist() == [False, True, False]


def test_spaces_between_thousands_and_typographic_minus_are_read(text_file: Write) -> None:
    table = read(text_file("date;y\n2020-01-01;1 234,5\n2020-01-02;−12\u00a0345\n"))
    assert values(table) == [1234.5, -12345.0]


def test_a_plain_number_of_eight_digits_is_no_date(text_file: Write) -> None:
    table = read(text_file("date,y\n2020-01-01,20200101\n2020-01-02,99999999\n"))
    assert values(table) == [20200101, 99999999]


def test_the_time_column_may_stand_anywhere(text_file: Write) -> None:
    table = read(text_file("y,when\n1.5,2020-01-01\n2.5,2020-01-02\n"))
    assert table.time == "when"
    assert table.columns == ("y",)


def test_a_column_named_like_time_goes_before_other_dates(text_file: Write) -> None:
    table = read(text_file("born,date,y\n1990-01-01,2020-01-01,1\n1991-01-01,2020-01-02,2\n"))
    assert table.time == "date"


@pytest.mark.parametrize(
    ("row", "note"), [("{}", "its column is named column_1."), ("{},1.5", "its columns are named column_1 … column_2.")]
)
def test_columns_without_a_header_are_named(text_file: Write, row: str, note: str) -> None:
    table = read(text_file("".join(row.format(number) + ".5\n" for number in range(30))))
    assert any(text.endswith(note) for text in table.notes)


def test_repeated_names_get_a_suffix_and_are_ambiguous(text_file: Write) -> None:
    table = read(text_file("date,y,y\n2020-01-01,1.5,7\n2020-01-02,2.5,8\n"))
    assert table.columns == ("y_1", "y_2")
    assert any("2 columns are named 'y'" in note for note in table.notes)
    with pytest.raises(DataError, match="'y' is ambiguous") as refusal:
        select(table, "y")
    assert "y_1, y_2" in str(refusal.value)
    assert values(table, "y_2") == [7, 8]


def test_a_suffix_never_meets_a_name_that_exists(text_file: Write) -> None:
    table = read(text_file("date,y,y,y_1\n2020-01-01,1.5,7,9\n2020-01-02,2.5,8,9\n"))
    assert len(set(table.frame.columns)) == 4
    assert values(table, "y_1") == [9, 9]


def test_nameless_columns_are_named_or_dropped(text_file: Write) -> None:
    table = read(text_file("date,,y,,z\n2020-01-01,3,1.5,,1\n2020-01-02,9,2.5,,2\n"))
    assert table.columns == ("column_2", "y", "z")
    assert table.frame.columns == ["date", "column_2", "y", "z"]


def test_an_empty_named_column_stays_and_has_no_value(text_file: Write) -> None:
    table = read(text_file("date,y,z\n2020-01-01,1.5,\n2020-01-02,2.5,\n"))
    assert table.columns == ("y", "z")
    with pytest.raises(DataError, match="no value at all"):
        select(table, "z")


def test_a_short_row_counts_as_missing_when_its_date_is_intact(text_file: Write) -> None:
    rows = "".join(f"2020-01-{day:02},1.5,2.5\n" for day in range(1, 29))
    table = read(text_file("date,a,b\n" + rows + "2020-01-29,1.5\n2020-01-30,1.5,2.5\n"))
    assert np.isnan(values(table, "b")).nonzero()[0].tolist() == [28]
    assert values(table, "a") == [1.5] * 30
    assert any("line 30: 1 row(s) have too few fields" in note for note in table.notes)


def test_a_last_row_broken_off_loses_the_number_it_breaks_off_in(text_file: Write) -> None:
    """Every other row ends with a separator, so 56 is a piece of a longer number."""
    rows = "".join(f"2020-01-{day:02},1.25,\n" for day in range(1, 29))
    table = read(text_file("date,y\n" + rows + "2020-01-29,56"))
    assert len(values(table)) == 28
    assert any("line 30: 1 row(s) have too few fields" in note for note in table.notes)


def test_a_wide_table_with_dates_as_names_becomes_long(text_file: Write) -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 11)]
    text = f"station,{','.join(days)}\nA,{','.join(map(str, range(10)))}\nB,{','.join(['5'] * 7)},,,\n"
    selection = select(read(text_file(text)))
    assert [series.name for series in selection.series] == ["A", "B"]
    assert [len(series) for series in selection.series] == [10, 7]
    assert str(selection.series[1].time[-1]) == "2020-01-07"


def test_a_gap_inside_a_wide_row_stays_missing(text_file: Write) -> None:
    text = f"id,{','.join(f'V{index}' for index in range(1, 10))}\nA,1,2,,4,5,6,7,8,9\nB,1,2,3,4,5,6,,,\n"
    first, second = select(read(text_file(text))).series
    assert np.isnan(first.values).tolist() == [False, False, True] + [False] * 6
    assert len(second) == 6


@pytest.mark.parametrize(
    "header",
    [
        [f"V{index}" for index in (1, 2, 3, 4, 5, 6, 7, 9)],
        [f"{word}{index}" for index, word in enumerate("VVVVWWWW")],
        ["a", "b", "c", "d", "e", "f", "g", "h"],
        ["2020-01-02", "2020-01-01", *(f"2020-01-{day:02}" for day in range(3, 9))],
    ],
)
def test_columns_that_are_not_counted_do_not_make_a_wide_table(text_file: Write, header: list[str]) -> None:
    table = read(text_file(f"id,{','.join(header)}\nA,1,2,3,4,5,6,7,8\nB,1,2,3,4,5,6,7,8\n"))
    assert table.columns == tuple(header)
    assert table.series is None


def test_names_that_repeat_do_not_make_a_wide_table(text_file: Write) -> None:
    names = ",".join(f"V{index}" for index in range(1, 9))
    table = read(text_file(f"id,{names}\nA,1,2,3,4,5,6,7,8\nA,1,2,3,4,5,6,7,8\n"))
    assert len(table.columns) == 8


def test_numbers_may_name_the_columns(text_file: Write) -> None:
    table = read(text_file("country,2001,2002\nPoland,1.5,2.5\nCzechia,3.5,4.5\n"))
    assert table.columns == ("2001", "2002")


def test_the_counted_header_of_pandas_is_no_data(text_file: Write) -> None:
    table = read(text_file(",0,1\n0,1.5,7.5\n1,2.5,8.5\n2,3.5,9.5\n"))
    assert table.columns == ("0", "1")
    assert len(table) == 3


def test_a_first_row_of_missing_values_is_data(text_file: Write) -> None:
    table = read(text_file("NA,NA\n1.5,2\n3.5,4\n"))
    assert table.columns == ("column_1", "column_2")
    assert len(table) == 3


def test_a_composed_time_never_hides_a_column(text_file: Write) -> None:
    table = read(text_file("year,month,time\n2020,1,5.5\n2020,2,6.5\n"))
    assert table.time == "time_"
    assert values(table, "time") == [5.5, 6.5]


def test_features_beside_a_name_are_not_taken_for_a_wide_table(text_file: Write) -> None:
    table = read(text_file("town,lat,lon,height\nA,1.5,2.5,3\nB,4.5,5.5,6\n"))
    assert table.columns == ("lat", "lon", "height")


def test_files_stack_by_column_name(text_file: Write) -> None:
    first = text_file("date,a,b\n2020-01-01,1,10\n2020-01-02,2,20\n", "first.csv")
    second = text_file("date,b,c\n2020-01-03,30,300\n2020-01-04,40,400\n", "second.csv")
    table = read([first, second])
    assert values(table, "b") == [10, 20, 30, 40]
    assert values(table, "a") == [1, 2]
    assert table.place(2) == f"{second}, line 2"
    assert any("second.csv has no column a" in note for note in table.notes)


def test_a_column_of_text_in_one_file_is_shown_with_its_file(text_file: Write) -> None:
    first = text_file("date,a\n2020-01-01,1\n2020-01-02,2\n", "first.csv")
    second = text_file("date,a\n2020-01-03,3\n2020-01-04,lost\n", "second.csv")
    with pytest.raises(DataError, match=r"second\.csv, line 3: 'lost'"):
        select(read([first, second]), "a")


def test_files_with_different_time_columns_are_refused(text_file: Write) -> None:
    first = text_file("date,a\n2020-01-01,1\n2020-01-02,2\n", "first.csv")
    second = text_file("when,a\n2020-01-03,3\n2020-01-04,4\n", "second.csv")
    with pytest.raises(DataError, match="time columns differ"):
        read([first, second])


def test_files_of_different_formats_are_refused(text_file: Write) -> None:
    plain = text_file("date,a\n2020-01-01,1\n2020-01-02,2\n", "plain.csv")
    gios = text_file("Data;PM10\n2023-01-01 01:00;1,5\n2023-01-01 02:00;2,5\n", "gios.csv")
    with pytest.raises(DataError, match=r"gios\.csv looks like gios, but .*plain\.csv like table"):
        read([plain, gios])


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    days = [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]
    pl.DataFrame(
        {"day": days, "y": [1.5, float("nan")], "n": [1, None], "tags": [["a"], ["b"]], "w": ["1,5", "x"]}
    ).write_parquet(path)
    table = read(path)
    assert table.time == "day"
    assert table.columns == ("y", "n")
    assert values(table, "y") == [1.5]
    assert any("'tags' holds" in note for note in table.notes)
    with pytest.raises(DataError, match=r"row 2: 'x'|line 2: 'x'"):
        select(table, "w")


def test_parquet_times_with_a_zone_are_given_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    noon = pl.Series("t", [datetime.datetime(2020, 7, 1, 12), datetime.datetime(2020, 7, 1, 13)])
    pl.DataFrame({"t": noon.dt.replace_time_zone("Europe/Warsaw"), "y": [1.0, 2.0]}).write_parquet(path)
    table = read(path)
    assert str(select(table).series[0].time[0]) == "2020-07-01T10:00:00"
    assert any("UTC" in note for note in table.notes)


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"y": pl.Series([], dtype=pl.Float64)}).write_parquet(path)
    with pytest.raises(DataError, match="the table has no rows"):
        read(path)


def test_a_workbook_of_numbers_and_dates_is_read(workbook: Callable[..., Path]) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    rows = [["date", "y", "z"], [43831.0, 1.5, "2,5"], [43832.0, 2.5, "3,5"], [None, None, None], [None, None, "sum"]]
    table = read(workbook(rows, [["other", 1.0]], dated=(0,)))
    assert [str(label) for label in select(table, "y").series[0].time] == ["2020-01-01", "2020-01-02"]
    assert values(table, "z") == [2.5, 3.5]
    assert any("2 sheets; only the first" in note for note in table.notes)


def test_without_the_extra_a_workbook_names_it(workbook: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fastexcel", None)
    with pytest.raises(MissingExtraError, match=r"pip install nurt\[excel\]"):
        read(workbook([["date", "y"], ["2020-01-01", 1.0]]))


def test_an_unreadable_workbook_is_one_clear_message(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    path = tmp_path / "broken.xlsx"
    path.write_bytes(b"PK\x03\x04 xl/ and nothing else")
    with pytest.raises(DataError, match=r"broken\.xlsx: the workbook cannot be read"):
        read(path)


def test_an_empty_workbook_is_refused(workbook: Callable[..., Path]) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    with pytest.raises(DataError, match="has no cells"):
        read(workbook([]))


REFUSALS = {
    "comma both separator and decimal mark": (
        "date,y\n2020-01-01,56,61\n2020-01-02,57,4\n",
        "both separator and decimal mark",
    ),
    "the same in one row only": (
        "date,y\n2020-01-01,56\n2020-01-02,57,4\n2020-01-03,58\n",
        "line 3: 3 fields under a header of 2",
    ),
    "the same without a header": ("2020-01-01,56,61\n2020-01-02,57,04\n", "separator or the decimal mark"),
    "a column without a name": ("date;y\n2020-01-01;1;2\n2020-01-02;3;4\n", "Give every column a name"),
    "mixed decimal marks": ("date;a;b\n2020-01-01;1,5;1.5\n2020-01-02;2,5;2.5\n", "with a comma in column 'a'"),
    "thousands or decimals": (
        'date,y\n2020-01-01,"1,234"\n2020-01-02,"2,345"\n',
        "may be decimal marks or thousands separators",
    ),
    "mixed date forms": ("date,y\n2020-01-01,1\n02.01.2020,2\n", "date forms are mixed"),
    "mixed clocks": ("date,y\n2020-01-01 00:00,1\n2020-01-02,2\n", "date forms are mixed"),
    "days that could be months": ("date,y\n01/02/2020,1\n02/02/2020,2\n", "days could be months"),
    "days and months swapped": ("date,y\n13/02/2020,1\n02/14/2020,2\n", "puts the month first"),
    "offset in some rows": ("date,y\n2020-03-29 01:00+01:00,1\n2020-03-29 03:00,2\n", "offset from UTC changes"),
    "a day that does not exist": (
        "date,y\n2021-02-28,1\n2021-02-29,2\n2021-03-01,3\n",
        "line 3: '2021-02-29' is not a date that exists",
    ),
    "a missing label": ("date,y\n2021-02-28,1\n,2\n2021-03-01,3\n", "line 3: the time label is missing"),
    "a damaged label": (
        "date,y\n2021-02-27,1\n2021-02-28,1\n2021-0x-01,2\n2021-03-01,3\n2021-03-02,3\n2021-03-03,3\n",
        "line 4: '2021-0x-01'",
    ),
    "a damaged first label": (
        "date,y\n2021-0x-01,1\n2021-02-28,1\n2021-03-01,2\n2021-03-02,3\n",
        "line 2: '2021-0x-01' is not a date",
    ),
    "parts that make no date": ("year,month,day,y\n2021,2,28,1\n2021,2,30,2\n", "line 3: the columns year, month, day"),
    "an hour 24": ("year,month,day,hour,y\n2021,2,28,23,1\n2021,2,28,24,2\n", "hours run from 0 to 23"),
    "no numbers": ("name,town\nAnna,Kraków\nJan,Gdańsk\n", "no column holds numbers or dates"),
    "only a header": ("date,y\n", "no column holds numbers or dates"),
    "an open quote": ('date,y\n2020-01-01,"1\n2020-01-02,2\n', "line 2: a quoted cell is damaged"),
    "many short rows": (
        "date,a,b\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3,4\n",
        "2 of 3 rows have fewer than 3 fields",
    ),
    "a short row without a date": ("a,b\n1,2\n3\n4,5\n", "no date shows whether the row is complete"),
    "a line of stars below": ("a,y\nx1,1\nx2,2\nx3,3\n*\n", "no date shows whether the row is complete"),
    "only comments": ("# a\n# b\n", "only comment lines"),
    "a table below the table": (
        "date,y\n" + "".join(f"2020-{month:02}-11,1\n" for month in range(1, 13)) * 9 + "x,y\n" * 30,
        "line 110: 30 rows from here on have no date",
    ),
    "a counted header alone": (",0,1\n", "there is a header but no row of data"),
    "ten rows of names": ("a,b\n" * 12 + "c,d\n", "no column holds numbers or dates"),
    "a web page": ("<!DOCTYPE html><html><body>error 404</body></html>", "web page"),
    "foreign JSON": ('{"a": 1}', "this JSON has an unknown structure"),
    "damaged JSON": ('{"key": "PM10", "values": [', "begins like JSON but is damaged"),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_what_can_be_read_in_two_ways_is_refused(text_file: Write, fault: str) -> None:
    text, reason = REFUSALS[fault]
    path = text_file(text)
    with pytest.raises(DataError, match=reason) as refusal:
        read(path)
    assert str(path) in str(refusal.value)
    assert refusal.value.cure


def test_json_is_refused_as_a_table(text_file: Write) -> None:
    with pytest.raises(DataError, match="JSON is read only"):
        read(text_file('{"key": "PM10", "values": []}'), "table")


def test_an_unknown_format_lists_the_known_ones(text_file: Write) -> None:
    with pytest.raises(NurtValueError, match="auto, nbp, gios, table"):
        read(text_file("y\n1\n2\n"), "csv")


def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="no file was given"):
        read([])


def test_a_gzip_file_without_its_suffix_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(gzip.compress(b"date,y\n2020-01-01,1.5\n2020-01-02,2.5\n"))
    assert values(read(path)) == [1.5, 2.5]
