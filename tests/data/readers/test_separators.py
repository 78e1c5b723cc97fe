"""What separates the cells of a text, and what only stands within them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nurt.data import Table, select
from nurt.data.readers import read
from nurt.data.readers.separators import lines_of, separator_of
from nurt.errors import DataError, NurtValueError

Write = Callable[..., Path]


def rows(count: int, line: Callable[[int], str]) -> str:
    return "".join(line(row) + "\n" for row in range(1, count + 1))


def day(row: int) -> str:
    return f"2020-01-{row:02}"


def numbers(table: Table, name: str) -> list[float]:
    return table.frame[name].to_list()


RAMP = [float(row) for row in range(1, 31)]
SAME = {
    "a pipe within an identifier": ("unique_id,y\n" + rows(30, lambda row: f"a|1,{row}"), "y", RAMP),
    "a semicolon within a name": ("name,value\n" + rows(30, lambda row: f"pump;1,{row}"), "value", RAMP),
    "a tab within a name": ("name,value\n" + rows(30, lambda row: f"pump\t1,{row}"), "value", RAMP),
    "a range written with a pipe": ("y,range\n" + rows(30, lambda row: f"{row},{row}|{row + 1}"), "y", RAMP),
    "a comma within semicolons": ("y;range\n" + rows(30, lambda row: f"{row};{row},{row + 1}"), "y", RAMP),
    "a semicolon in a comment": ("date,y,comment\n" + rows(30, lambda row: f"{day(row)},{row},ok;checked"), "y", RAMP),
    "the same in quotes": ("date,comment,y\n" + rows(30, lambda row: f'{day(row)},"ok; checked",{row}'), "y", RAMP),
    "commas in quotes": ("date;comment;y\n" + rows(30, lambda row: f'{day(row)};"a,b,c";{row}'), "y", RAMP),
    "line ends in quotes": ('date,"a\nb",y\n' + rows(30, lambda row: f'{day(row)},"x\ny",{row}'), "y", RAMP),
    "carriage returns in quotes": ('date,"a\rb",y\n' + rows(30, lambda row: f'{day(row)},"x\ry",{row}'), "y", RAMP),
    "separators in quoted line ends": ("date,c,y\n" + rows(30, lambda row: f'{day(row)},"x;\n;y",{row}'), "y", RAMP),
    "decimal commas in all rows": ("date;y\n" + rows(30, lambda row: f"{day(row)};{row},0"), "y", RAMP),
    "decimal commas in all columns": ("a;y\n" + rows(30, lambda row: f"1,5;{row},0"), "y", RAMP),
    "decimal commas under tabs": ("a\ty\n" + rows(30, lambda row: f"1,5\t{row},0"), "y", RAMP),
    "a unit with a comma in the header": (
        "date;y;price, PLN\n" + rows(30, lambda row: f"{day(row)};{row};1,5"),
        "y",
        RAMP,
    ),
    "a title with a comma": ("Report, of the day\ndate;y\n" + rows(30, lambda row: f"{day(row)};{row},0"), "y", RAMP),
    "short rows beside pipes": (
        "date,unique_id,y\n" + rows(29, lambda row: f"{day(row)},a|1,{row}") + "2020-01-30,a|1\n2020-01-31,a|1,30\n",
        "y",
        [*RAMP[:29], None, 30.0],
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_the_separator_splits_header_and_rows_alike(text_file: Write, case: str) -> None:
    text, name, expected = SAME[case]
    assert numbers(read(text_file(text)), name) == expected


@pytest.mark.parametrize("mark", ["|", ";", "\t"])
def test_identifiers_keep_the_mark(text_file: Write, mark: str) -> None:
    text = "unique_id,y\n" + rows(8, lambda row: f"a{mark}1,{row}") + rows(8, lambda row: f"b{mark}1,{row}")
    assert [series.name for series in select(read(text_file(text))).series] == [f"a{mark}1", f"b{mark}1"]


TIES = {
    "two columns either way": "name;x,value\n" + rows(9, lambda row: f"pump;1,{row}"),
    "three either way": "a;b,c;d,e\n" + rows(9, lambda row: f"1;{row},2;3,{row}"),
    "pipes and commas": "from|to,value\n" + rows(9, lambda row: f"1|2,{row}"),
    "a title or a header": "Report, weekly\n" + rows(9, lambda row: f"{day(row)};1,{row}"),
}


@pytest.mark.parametrize("case", TIES)
def test_a_tie_is_refused_with_the_option_that_ends_it(text_file: Write, case: str) -> None:
    with pytest.raises(DataError, match="may be separated by") as refusal:
        read(text_file(TIES[case]))
    assert "--separator" in str(refusal.value)


def test_a_named_separator_ends_the_tie(text_file: Write) -> None:
    path = text_file(TIES["two columns either way"])
    assert read(path, separator=",").frame.columns == ["name;x", "value"]
    assert read(path, separator=";").frame.columns == ["name", "x,value"]
    assert numbers(read(path, separator=","), "value") == RAMP[:9]
    assert numbers(read(path, separator=";"), "x,value") == [float(f"1.{row}") for row in range(1, 10)]


def test_other_separators_can_be_named(text_file: Write) -> None:
    table = read(text_file("date:y\n" + rows(9, lambda row: f"{day(row)}:{row}")), separator=":")
    assert numbers(table, "y") == RAMP[:9]


@pytest.mark.parametrize("separator", ["", ";;", "\n", '"', "a", "1"])
def test_what_cannot_separate_is_refused(text_file: Write, separator: str) -> None:
    with pytest.raises(NurtValueError, match="cannot separate cells"):
        read(text_file("y\n1\n2\n"), separator=separator)


def test_a_header_of_another_separator_is_refused(text_file: Write) -> None:
    with pytest.raises(DataError, match="the header has a comma between its names, but the rows have a pipe"):
        read(text_file("unique_id,y\n" + rows(9, lambda row: f"a|{row}.5")))


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_only_line_feeds_and_carriage_returns_end_a_line(text_file: Write, sign: str) -> None:
    text = "unique_id,ds,y\n" + rows(30, lambda row: f"a{sign}b,{day(row)},{row}")
    table = read(text_file(text))
    assert numbers(table, "y") == RAMP
    assert set(table.frame["unique_id"]) == {f"a{sign}b"}
    assert table.place(29).endswith("line 31")


def test_such_a_character_at_the_edge_of_a_name_stays(text_file: Write) -> None:
    text = "unique_id,y\n" + rows(3, lambda row: f"a\u2028,{row}") + rows(3, lambda row: f"a,{row}")
    assert [series.name for series in select(read(text_file(text))).series] == ["a\u2028", "a"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", []), ("a", ["a"]), ("a\n\r\nb\rc", ["a\n", "\r\n", "b\r", "c"]), ("\u2028\n", ["\u2028\n"])],
)
def test_lines_keep_their_ends(text: str, lines: Sequence[str]) -> None:
    assert list(lines_of(text)) == lines


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n# comments\n", "y\n1\n2\n", "y\n1,5\n2,5\n2\n"])
def test_one_column_has_no_separator_and_none_is_needed(text: str) -> None:
    assert separator_of(text, "f.csv") in (None, "\t")


def test_a_separator_beyond_the_first_rows_is_seen(text_file: Write) -> None:
    text = "unique_id,y\n" + rows(1500, lambda row: f"a,{row}") + rows(1600, lambda row: f"b|1,{row}")
    assert numbers(read(text_file(text)), "y")[-1] == 1600.0


def test_a_row_of_too_many_cells_is_refused(text_file: Write) -> None:
    with pytest.raises(DataError, match="line 1: 16500 cells in a row"):
        read(text_file(",".join(["a"] * 16_500) + "\n" + ",".join(["1"] * 16_500) + "\n"))
