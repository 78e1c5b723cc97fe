"""Numbers, dates and ends of files as people write them: read as meant, noted, or refused with the wrong cell."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nurt.data import Table, select
from nurt.data.readers import read
from nurt.data.series import require_usable
from nurt.errors import DataError, NurtValueError

Write = Callable[..., Path]


def table_of(cells: list[str], *, first: datetime.date = datetime.date(2020, 1, 1), mark: str = ";") -> str:
    days = [first + datetime.timedelta(days=row) for row in range(len(cells))]
    return f"date{mark}y\n" + "".join(f"{day}{mark}{cell}\n" for day, cell in zip(days, cells, strict=True))


def values(table: Table) -> list[float]:
    return select(table, "y").series[0].values.tolist()


def test_commas_before_three_digits_mean_one_thing_in_a_file(text_file: Write) -> None:
    cells = ["1,234" if row % 2 else str(row) for row in range(1, 31)]
    path = text_file(table_of(cells))
    assert values(read(path)) == [1.234 if row % 2 else row for row in range(1, 31)]
    assert values(read(path, decimal=".")) == [1234.0 if row % 2 else row for row in range(1, 31)]
    assert values(read(path, decimal=",")) == [1.234 if row % 2 else row for row in range(1, 31)]


@pytest.mark.parametrize("mark", [",", "\t", "|"])
def test_where_they_could_mean_two_the_option_is_named(text_file: Write, mark: str) -> None:
    path = text_file(table_of(['"1,234"', '"2,345"', "7"], mark=mark))
    with pytest.raises(DataError, match="decimal marks or thousands separators") as refusal:
        read(path)
    assert "--decimal" in str(refusal.value)
    assert values(read(path, decimal=".")) == [1234.0, 2345.0, 7.0]
    assert values(read(path, decimal=",")) == [1.234, 2.345, 7.0]


@pytest.mark.parametrize(
    ("decimal", "cell", "number"),
    [(".", "1,234,567.5", 1234567.5), (",", "1.234.567,5", 1234567.5), (".", "-1,234", -1234.0), (",", "0,5", 0.5)],
)
def test_a_named_decimal_mark_makes_the_other_one_group(
    text_file: Write, decimal: str, cell: str, number: float
) -> None:
    assert values(read(text_file(table_of([cell, "7"])), decimal=decimal)) == [number, 7.0]


@pytest.mark.parametrize(("decimal", "cell"), [(".", "1,5"), (",", "1.5"), (",", "1.23,4"), (".", "1.5,000")])
def test_groups_are_of_three_digits(text_file: Write, decimal: str, cell: str) -> None:
    with pytest.raises(DataError, match=f"'{cell}' in column 'y' is not a number"):
        values(read(text_file(table_of(["7", cell, "8"])), decimal=decimal))


def test_an_unknown_decimal_mark_is_refused(text_file: Write) -> None:
    with pytest.raises(NurtValueError, match="unknown decimal mark"):
        read(text_file("y\n1\n2\n"), decimal="'")


@pytest.mark.parametrize("group", [" ", "\u00a0", "\u2009", "\u202f", "'", "’"])
def test_thousands_may_be_set_off_by_spaces_and_apostrophes(text_file: Write, group: str) -> None:
    assert values(read(text_file(table_of([f"1{group}201", f"12{group}345{group}678,5", "7"])))) == [
        1201,
        12345678.5,
        7,
    ]


@pytest.mark.parametrize("sign", ["%", " %", "\u00a0%", "\u202f%"])
def test_a_column_in_per_cent_is_read_and_noted(text_file: Write, sign: str) -> None:
    table = read(text_file(table_of([f"1,5{sign}", f"-2{sign}", "", f"1 000{sign}"])))
    assert values(table)[:2] == [1.5, -2.0]
    assert values(table)[3] == 1000.0
    assert any("per cent" in note and "y" in note for note in table.notes)


def test_a_column_of_two_units_is_refused(text_file: Write) -> None:
    with pytest.raises(
        DataError, match=r"line 3: '5%' in column 'y' is in per cent, other cells of the column are not"
    ) as refusal:
        values(read(text_file(table_of(["1", "5%", "3"]))))
    assert "--decimal" not in str(refusal.value)


def test_numbers_without_the_sign_have_no_note(text_file: Write) -> None:
    assert not any("per cent" in note for note in read(text_file(table_of(["1", "2"]))).notes)


@pytest.mark.parametrize("cell", ["8e308", "-1e309", "1" * 310])
def test_a_number_that_overflows_is_named_so(text_file: Write, cell: str) -> None:
    table = read(text_file(table_of(["1e301", cell, "3"])))
    with pytest.raises(DataError, match=r"line 3: .* in column 'y' overflows") as refusal:
        select(table)
    assert "infinite" not in str(refusal.value)
    assert len(str(refusal.value)) < 600


def test_the_largest_numbers_do_not_overflow(text_file: Write) -> None:
    assert values(read(text_file(table_of(["1.7e308", "-1.7e308"])))) == [1.7e308, -1.7e308]


@pytest.mark.parametrize("footer", ["total;465", "Total:;465", "suma;465", "średnia;15", ";465", "Source: somebody"])
def test_a_footer_below_dates_is_left_out_and_named(text_file: Write, footer: str) -> None:
    table = read(text_file(table_of([str(row) for row in range(1, 31)]) + footer + "\n"))
    assert values(table) == list(range(1, 31))
    assert any("line 32" in note and footer in note for note in table.notes)


@pytest.mark.parametrize("footer", ["total,465", "Sum:,465", "Razem,465", "Average,15", "note: preliminary"])
def test_a_footer_below_identifiers_is_no_series(text_file: Write, footer: str) -> None:
    text = "unique_id,y\n" + "".join(f"{name},{row}\n" for name in "ab" for row in range(1, 9)) + footer + "\n"
    table = read(text_file(text))
    assert [series.name for series in select(table).series] == ["a", "b"]
    assert any("line 18" in note and footer in note for note in table.notes)


def test_a_series_may_be_called_total(text_file: Write) -> None:
    text = "unique_id,y\n" + "".join(f"{name},{row}\n" for name in ("a", "total") for row in range(1, 9))
    table = read(text_file(text))
    assert [len(series) for series in select(table).series] == [8, 8]
    assert not any("skipped" in note for note in table.notes)


@pytest.mark.parametrize("cell", ["31", "31.", "31.2"])
def test_a_last_number_with_fewer_decimals_than_all_others_counts_as_cut(text_file: Write, cell: str) -> None:
    text = table_of([f"{row}.25" for row in range(1, 31)] + [cell]).rstrip("\n")
    table = read(text_file(text))
    assert len(values(table)) == 30
    assert any("line 32" in note and f"'{cell}'" in note and "cut short" in note for note in table.notes)


@pytest.mark.parametrize(("others", "last"), [("1.25", "31.25"), ("15", "17"), ("1.5", "2.25")])
def test_a_last_number_as_long_as_the_others_is_kept_and_shown(text_file: Write, others: str, last: str) -> None:
    table = read(text_file(table_of([others] * 9 + [last]).rstrip("\n")))
    assert values(table)[-1] == float(last)
    assert any(f"2020-01-10;{last}" in note and "line break" in note for note in table.notes)


def test_a_last_number_may_be_short_where_the_line_is_whole(text_file: Write) -> None:
    table = read(text_file(table_of([f"{row}.25" for row in range(1, 31)] + ["31"])))
    assert values(table)[-1] == 31.0
    assert not any("cut short" in note for note in table.notes)


YEARS = {
    "points": ([f"{day:02}.01.20" for day in range(1, 31)], "2020-01-01"),
    "slashes, day first": ([f"{day:02}/01/20" for day in range(1, 31)], "2020-01-01"),
    "slashes, month first": ([f"01/{day:02}/20" for day in range(1, 31)], "2020-01-01"),
    "dashes, day first": ([f"{day}-1-20" for day in range(1, 31)], "2020-01-01"),
    "the last century": ([f"{day:02}.01.69" for day in range(1, 31)], "1969-01-01"),
    "with the time of day": ([f"{day:02}.01.20 12:30" for day in range(1, 31)], "2020-01-01T12:30:00"),
}


@pytest.mark.parametrize("form", YEARS)
def test_years_of_two_digits_are_read_and_noted(text_file: Write, form: str) -> None:
    dates, first = YEARS[form]
    table = read(text_file("date,y\n" + "".join(f"{date},{row}\n" for row, date in enumerate(dates))))
    series = select(table).series[0]
    assert str(series.time[0]) == first
    assert len(set(np.diff(series.time).tolist())) == 1
    assert any("two digits" in note and dates[0] in note for note in table.notes)


@pytest.mark.parametrize(
    "dates",
    [
        [f"{day:02}/01/20" for day in range(1, 13)],
        [f"20-01-{day:02}" for day in range(1, 13)],
        [f"01.01.{year}" for year in range(10, 22)],
    ],
)
def test_years_of_two_digits_that_could_be_days_are_refused(text_file: Write, dates: list[str]) -> None:
    with pytest.raises(DataError, match="days could be months or years") as refusal:
        read(text_file("date,y\n" + "".join(f"{date},{row}\n" for row, date in enumerate(dates))))
    assert "YYYY-MM-DD" in str(refusal.value)


def test_a_short_date_that_does_not_exist_is_named(text_file: Write) -> None:
    days = [f"{day}.02.21" for day in range(20, 31)]
    with pytest.raises(DataError, match=r"line 11: '29\.02\.21' is not a date that exists"):
        read(text_file("date,y\n" + "".join(f"{date},1\n" for date in days)))


PARTS = {
    "a word for a day": ("day", 8, "x", "line 10: 'x' in column 'day' is not the day of a date"),
    "an empty day": ("day", 3, "", "line 5: '' in column 'day' is not the day of a date"),
    "half a day": ("day", 0, "1.5", "line 2: '1.5' in column 'day' is not the day of a date"),
    "a word for a month": ("month", 4, "June", "line 6: 'June' in column 'month' is not the month of a date"),
    "a damaged year": ("year", 4, "2o20", "line 6: '2o20' in column 'year' is not the year of a date"),
    "a day that June has not": ("day", 4, "31", "line 6: the columns year, month, day do not make a date"),
}


@pytest.mark.parametrize("case", PARTS)
def test_the_one_bad_part_of_a_date_is_named(text_file: Write, case: str) -> None:
    name, row, cell, reason = PARTS[case]
    lines = [{"year": "2020", "month": "6", "day": str(day), "y": "5"} for day in range(1, 31)]
    lines[row][name] = cell
    with pytest.raises(DataError, match=reason):
        read(text_file("year,month,day,y\n" + "".join(",".join(line.values()) + "\n" for line in lines)))


def test_the_one_bad_hour_is_named(text_file: Write) -> None:
    lines = [f"2020-01-01,{hour},1" for hour in range(12)] + ["2020-01-01,noon,1"]
    with pytest.raises(DataError, match="line 14: 'noon' in column 'hour' is not the hour of a date"):
        read(text_file("date,hour,y\n" + "".join(line + "\n" for line in lines)))


def test_a_column_of_day_names_is_no_part_of_a_date(text_file: Write) -> None:
    table = read(text_file("year,month,day,y\n" + "".join(f"2020,{month},Monday,1\n" for month in range(1, 13))))
    assert [str(time) for time in select(table, "y").series[0].time[:2]] == ["2020-01-01", "2020-02-01"]


def test_one_bad_cell_in_a_column_of_compact_dates_is_named(text_file: Write) -> None:
    rows = [f"202001{day:02},1" for day in range(1, 20)]
    rows.insert(9, "2020012x,1")
    with pytest.raises(DataError, match="line 11: '2020012x' is not a date"):
        read(text_file("date,y\n" + "\n".join(rows) + "\n"))


CHANGE = """ds,y
2020-10-25 00:00+02:00,0
2020-10-25 01:00+02:00,1
2020-10-25 02:00+02:00,2
2020-10-25 02:00+01:00,3
2020-10-25 03:00+01:00,4
"""


def test_times_whose_offset_changes_are_instants(text_file: Write) -> None:
    table = read(text_file(CHANGE))
    series = select(table).series[0]
    assert series.values.tolist() == [0, 1, 2, 3, 4]
    assert [str(time) for time in series.time] == [
        f"2020-10-2{4 + (hour > 23)}T{hour % 24:02}:00:00" for hour in range(22, 27)
    ]
    assert any(
        "from 2020-10-25 00:00:00+02:00 to 2020-10-25 03:00:00+01:00 in local time" in note for note in table.notes
    )


def test_instants_are_shown_in_local_time(text_file: Write) -> None:
    series = select(read(text_file(CHANGE))).series[0]
    assert [series.label(position) for position in (0, 2, 3)] == [
        "2020-10-25T00:00:00+02:00",
        "2020-10-25T02:00:00+02:00",
        "2020-10-25T02:00:00+01:00",
    ]


def test_series_of_two_zones_are_shown_in_utc(text_file: Write) -> None:
    lines = [
        f"{name},2020-07-0{day} 12:00{offset},{day}"
        for name, offset in (("a", "+02:00"), ("b", "+01:00"))
        for day in (1, 2)
    ]
    lines += ["b,2020-07-01 11:00+01:00,3", "a,2020-07-01 13:00+02:00,4"]
    table = read(text_file("unique_id,ds,y\n" + "\n".join(lines) + "\n"))
    assert table.offset == "UTC"
    assert select(table).series[0].label(0) == "2020-07-01T10:00:00"
    assert any("Labels are in UTC" in note for note in table.notes)


def test_instants_are_put_in_order_whatever_the_clock_shows(text_file: Write) -> None:
    first, *lines = CHANGE.splitlines(keepends=True)
    table = read(text_file(first + "".join(reversed(lines))))
    assert select(table).series[0].values.tolist() == [0, 1, 2, 3, 4]
    assert any("UTC, from 2020-10-24 22:00:00 to 2020-10-25 02:00:00" in note for note in table.notes)


@pytest.mark.parametrize("offset", ["Z", "+00", "+0000", "-00:00"])
def test_spellings_of_one_offset_are_one_offset(text_file: Write, offset: str) -> None:
    table = read(text_file(f"ds,y\n2020-01-01 00:00+00:00,1\n2020-01-01 01:00{offset},2\n"))
    assert [str(time) for time in select(table).series[0].time] == ["2020-01-01T00:00:00", "2020-01-01T01:00:00"]


def test_files_of_two_offsets_are_joined_in_utc(text_file: Write) -> None:
    summer = text_file("ds,y\n2020-10-25 01:00+02:00,1\n2020-10-25 02:00+02:00,2\n", "summer.csv")
    winter = text_file("ds,y\n2020-10-25 02:00+01:00,3\n2020-10-25 03:00+01:00,4\n", "winter.csv")
    series = select(read([summer, winter])).series[0]
    assert series.values.tolist() == [1, 2, 3, 4]
    assert str(series.time[0]) == "2020-10-24T23:00:00"
    assert set(np.diff(series.time).tolist()) == {datetime.timedelta(hours=1)}
    assert [series.label(0), series.label(2)] == ["2020-10-25T01:00:00+02:00", "2020-10-25T02:00:00+01:00"]


def test_files_with_and_without_an_offset_are_refused(text_file: Write) -> None:
    one = text_file("ds,y\n2020-10-25 01:00+02:00,1\n2020-10-25 02:00+02:00,2\n", "one.csv")
    two = text_file("ds,y\n2020-10-26 01:00,1\n2020-10-26 02:00,2\n", "two.csv")
    with pytest.raises(DataError, match=r"two\.csv: its times have no offset from UTC"):
        read([one, two])


@pytest.mark.parametrize(
    "time", ["{day} Jan 2021", "2021-W{day:02}", "2021-01-{day:02} 07:00 AM", "2021-01-{day:02} 07:00 CET"]
)
def test_times_in_rarer_forms_are_read(text_file: Write, time: str) -> None:
    lines = "".join(f"{time.format(day=day)},{day}\n" for day in range(1, 31))
    assert read(text_file("date,y\n" + lines)).time == "date"


@pytest.mark.parametrize("time", ["day {day}", "2021.{day:02}.x", "2021-01-{day:02} 07:00 IST"])
def test_times_in_an_unknown_form_are_asked_about(text_file: Write, time: str) -> None:
    table = read(text_file("date,y\n" + "".join(f"{time.format(day=day)},{day}\n" for day in range(1, 31))))
    assert (table.time, table.unread) == (None, "date")
    with pytest.raises(DataError, match="'date' is named as a time"):
        select(table)


def test_text_that_is_no_time_has_no_note(text_file: Write) -> None:
    assert read(text_file("name,y\n" + "".join(f"p{row},{row}\n" for row in range(30)))).notes == ()


@pytest.mark.parametrize(("cell", "mark"), [("1,000.00", "."), ("1.000,00", ","), ("-1,234,567", ".")])
def test_groups_of_digits_that_prove_the_decimal_mark_are_read_and_noted(
    text_file: Write, cell: str, mark: str
) -> None:
    path = text_file("date;y\n" + "".join(f"2021-01-{day:02};{cell}\n" for day in range(1, 31)))
    table = read(path)
    assert values(table) == values(read(path, decimal=mark))
    assert abs(values(table)[0]) in (1000.0, 1234567.0)
    assert any(f"'{mark}' is the decimal mark" in note and cell in note for note in table.notes)


@pytest.mark.parametrize("cell", ["5 zł", "$5", "(5)", "5-", "٣", "0x10", "1_000", "1D+00", "TRUE", "1/2", "5‰"])
def test_cells_that_no_option_reads_are_shown(text_file: Write, cell: str) -> None:
    path = text_file("date;y\n" + "".join(f"2021-01-{day:02};{cell}\n" for day in range(1, 31)))
    with pytest.raises(DataError, match=r"data\.csv, line 2: .* in column 'y' is not a number \(30 of 30") as caught:
        select(read(path))
    assert "--decimal" not in str(caught.value)


def test_whole_numbers_that_differ_in_digits_that_are_lost_are_not_called_equal(text_file: Write) -> None:
    series = select(read(text_file("y\n" + "".join(f"{2**63 + row}\n" for row in range(30))))).series[0]
    with pytest.raises(DataError, match=r"constant: every observed value is 9\.22337e\+18 after rounding to 15 digits"):
        require_usable(series, 5, 2)
    with pytest.raises(DataError, match=r"every observed value is 0\."):
        require_usable(select(read(text_file("y\n" + "-0\n" * 30))).series[0], 5, 2)
