"""Lines above the header of an export, comments, and the option that skips lines."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from nurt.data import select
from nurt.data.readers import read
from nurt.errors import DataError

Write = Callable[..., Path]
DAYS = [str(datetime.date(2021, 1, 1) + datetime.timedelta(days=day)) for day in range(100)]


def rows_of(mark: str = ";", count: int = 40) -> str:
    return "".join(f"{day}{mark}{row}.5{mark}{row}\n" for row, day in enumerate(DAYS[:count]))


ABOVE = {
    "comments and a dated line": "# Station: Wisła\n# Unit: m3/s\nReport created;2021-06-01\n\ndate;y;z\n",
    "a title": "Daily discharge\ndate;y;z\n",
    "pairs of names and values": "Station;Wisła\nUnit;m3/s\nHeight;121\n\nTag;y;z\n",
    "pairs without an empty line": "Station;Wisła\nUnit;m3/s\ndate;y;z\n",
    "three cells above an empty line": "Station;Wisła;12375\n\nTag;y;z\n",
    "fifteen lines": "".join(f"Line {row}, of remarks: none\n" for row in range(15)) + "date;y;z\n",
    "a header as a comment": "# made by a program\n# date;y;z\n",
    "nothing": "date;y;z\n",
}


@pytest.mark.parametrize("case", ABOVE)
def test_the_header_is_found_below_other_lines(text_file: Write, case: str) -> None:
    table = read(text_file(ABOVE[case] + rows_of()))
    assert set(table.columns) >= {"y", "z"}
    series = select(table, "y").series[0]
    assert series.values.tolist() == [row + 0.5 for row in range(40)]
    assert str(series.time[0]) == "2021-01-01"
    assert table.lines[0] == ABOVE[case].count("\n") + 1
    assert any("skipped" in note or "set aside" in note for note in table.notes) == (case != "nothing")


@pytest.mark.parametrize("mark", [",", "\t", "|"])
def test_other_separators(text_file: Write, mark: str) -> None:
    table = read(text_file(f"Report{mark}2021\n\ndate{mark}y{mark}z\n{rows_of(mark)}", encoding="utf-16"))
    assert table.columns == ("y", "z")
    assert any("1 line(s) before the header in line 3 were skipped" in note for note in table.notes)


def test_a_workbook_with_a_title(workbook: Callable[..., Path]) -> None:
    rows = [[day, float(row), 1.0] for row, day in enumerate(DAYS[:20])]
    table = read(workbook([["Report", None, None], [None, None, None], ["date", "y", "z"], *rows]))
    assert table.columns == ("y", "z")
    assert len(table) == 20


def test_comments_within_the_table_are_skipped_and_noted(text_file: Write) -> None:
    lines = rows_of().splitlines(keepends=True)
    lines.insert(7, "# the sensor was replaced\n")
    table = read(text_file("date;y;z\n" + "".join(lines)))
    assert len(table) == 40
    assert any("line 9: 1 comment line(s) within the table" in note for note in table.notes)


def test_rows_that_begin_with_a_hash_and_are_whole_are_rows(text_file: Write) -> None:
    text = "unique_id,t,y\n" + "".join(f"#{name},{row},{row}\n" for name in (1, 2) for row in range(1, 9))
    assert [series.name for series in select(read(text_file(text)), "y").series] == ["#1", "#2"]


@pytest.mark.parametrize("skipped", [3, 4])
def test_named_lines_are_skipped_and_lines_keep_their_numbers(text_file: Write, skipped: int) -> None:
    path = text_file("a,b;c|d\n1;2\nx\n\ndate;y\n" + "".join(f"{day};1\n" for day in DAYS[:9]) + f"{DAYS[9]};oops\n")
    with pytest.raises(DataError, match="line 15: 'oops' in column 'y'"):
        select(read(path, skip_lines=skipped))


def test_rows_of_a_workbook_are_skipped(workbook: Callable[..., Path]) -> None:
    rows = [[day, float(row)] for row, day in enumerate(DAYS[:9])]
    table = read(workbook([["x", 1.0], ["date", "y"], *rows]), skip_lines=1)
    assert table.columns == ("y",)
    assert table.lines[0] == 3


def test_skipping_everything_is_refused(text_file: Write) -> None:
    with pytest.raises(DataError, match="the file is empty"):
        read(text_file("date;y\n2021-01-01;1\n"), skip_lines=9)
