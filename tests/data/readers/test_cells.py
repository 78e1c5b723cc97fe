"""Cells as people have them: separated thousands, marks and codes of missing values, and names of series."""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nurt.data import Selection, Table, select
from nurt.data.readers import read
from nurt.errors import DataError, NurtValueError

Write = Callable[..., Path]
DAYS = [str(datetime.date(2021, 1, 1) + datetime.timedelta(days=day)) for day in range(400)]


def table_of(cells: Sequence[str], *, mark: str = ";", name: str = "y") -> str:
    return f"date{mark}{name}\n" + "".join(f"{day}{mark}{cell}\n" for day, cell in zip(DAYS, cells, strict=False))


def values(table: Table, name: str = "y") -> list[float]:
    return select(table, name).series[0].values.tolist()


THOUSANDS = {
    "points": (["5.169,05", "5.735,24", "12.345.678,5", "987,25"], [5169.05, 5735.24, 12345678.5, 987.25]),
    "commas": (["5,169.05", "5,735.24", "12,345,678.5", "987.25"], [5169.05, 5735.24, 12345678.5, 987.25]),
    "points, some without fractions": (["5.169,05", "4.487", "-1.000"], [5169.05, 4487.0, -1000.0]),
    "millions without fractions": (["1.234.567", "1.999.000", "12"], [1234567.0, 1999000.0, 12.0]),
    "no-break spaces": (["5\u00a0169,05", "987,1"], [5169.05, 987.1]),
    "narrow spaces": (["5\u202f169,05", "987,1"], [5169.05, 987.1]),
    "thin spaces": (["5\u2009169,05", "987,1"], [5169.05, 987.1]),
    "apostrophes": (["5'169.05", "987.1"], [5169.05, 987.1]),
}


@pytest.mark.parametrize("case", THOUSANDS)
@pytest.mark.parametrize("mark", [";", "\t", ","])
def test_thousands_that_can_be_read_in_one_way_are_read(text_file: Write, case: str, mark: str) -> None:
    cells, numbers = THOUSANDS[case]
    path = text_file(table_of([f'"{cell}"' for cell in cells] * 10, mark=mark))
    assert values(read(path)) == numbers * 10


@pytest.mark.parametrize("encoding", ["cp1250", "utf-16"])
def test_thousands_are_read_in_other_encodings(text_file: Write, encoding: str) -> None:
    path = text_file(table_of(["5\u00a0169,05", "987,10"] * 10, name="zużycie"), encoding=encoding)
    assert values(read(path), "zużycie") == [5169.05, 987.1] * 10


def test_thousands_in_text_cells_of_a_workbook_and_of_parquet_are_read(
    workbook: Callable[..., Path], tmp_path: Path
) -> None:
    cells = ["5.169,05", "4.487"] * 10
    book = workbook([["date", "y"], *([day, cell] for day, cell in zip(DAYS, cells, strict=False))])
    pl.DataFrame({"date": DAYS[:20], "y": cells}).write_parquet(tmp_path / "y.parquet")
    assert values(read(book)) == values(read(tmp_path / "y.parquet")) == [5169.05, 4487.0] * 10


def test_the_note_shows_a_cell_and_the_number_read_from_it(text_file: Write) -> None:
    selection = select(read(text_file(table_of(["7", "5.169,05", "4.487"]))))
    (note,) = (note for note in selection.notes if "thousands" in note)
    assert "'5.169,05' is 5169.05." in note


def test_numbers_without_thousands_have_no_note(text_file: Write) -> None:
    assert select(read(text_file(table_of(["51.691", "1.5", "1234.25"])))).notes == ()


DOUBTFUL = {
    "both marks in turn": ["5.169,05", "5,169.05"],
    "thousands of one mark, fractions of the same": ["5.169,05", "1.5"],
    "points only before three digits, above whole numbers": ["1.234", "987", "2.001", "876"],
    "commas only before three digits, above whole numbers": ["1,234", "987", "2,001", "876"],
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_thousands_that_can_be_read_in_two_ways_are_refused_with_line_and_options(text_file: Write, case: str) -> None:
    with pytest.raises(DataError, match=r"data\.csv, line [23]") as refusal:
        select(read(text_file(table_of(DOUBTFUL[case] * 5))))
    assert "--decimal" in str(refusal.value) or "--missing" in str(refusal.value)


def test_two_columns_that_disagree_on_the_mark_are_refused(text_file: Write) -> None:
    rows = "".join(f"{day};5.169,05;51.691\n" for day in DAYS[:20])
    with pytest.raises(DataError, match="with a comma in column 'y', but with a point in column 'z'") as refusal:
        read(text_file("date;y;z\n" + rows))
    assert "--decimal" in str(refusal.value)
    assert "--thousands" in str(refusal.value)


@pytest.mark.parametrize("cells", [["51.691", "7.125", "987.500"], ["0.500", "987", "0.250"], ["1.234", "1000"]])
def test_fractions_of_three_digits_stay_fractions(text_file: Write, cells: list[str]) -> None:
    assert values(read(text_file(table_of(cells * 5)))) == [float(cell) for cell in cells] * 5


@pytest.mark.parametrize(
    ("thousands", "cells", "numbers"),
    [
        (",", ["1,234", "987"], [1234.0, 987.0]),
        (".", ["1.234", "987", "0,5"], [1234.0, 987.0, 0.5]),
        (" ", ["1 234", "987,5"], [1234.0, 987.5]),
        ("'", ["1'234", "987.5"], [1234.0, 987.5]),
    ],
)
def test_a_named_separator_of_thousands_is_used(
    text_file: Write, thousands: str, cells: list[str], numbers: list[float]
) -> None:
    assert values(read(text_file(table_of(cells * 5)), thousands=thousands)) == numbers * 5


@pytest.mark.parametrize(("thousands", "cell"), [(",", "1 234"), (" ", "1'234"), (".", "1.23"), ("'", "1.234,5")])
def test_another_separator_than_the_named_one_is_refused(text_file: Write, thousands: str, cell: str) -> None:
    with pytest.raises(DataError, match=r"line 3: .* in column 'y' is not a number"):
        select(read(text_file(table_of(["7", cell, "8"])), thousands=thousands))


@pytest.mark.parametrize(
    "marks",
    [{"thousands": "_"}, {"thousands": ",", "decimal": ","}, {"missing": [" "]}, {"skip_lines": -1}],
)
def test_marks_that_are_none_are_refused(text_file: Write, marks: dict[str, object]) -> None:
    with pytest.raises(NurtValueError, match="read:"):
        read(text_file(table_of(["1", "2"])), **marks)


@pytest.mark.parametrize(
    ("cell", "cure"),
    [("(5.5)", "as -5"), ("5.5-", "as -5"), ("$5.5", "without the sign"), ("5,5 zł", "without the sign")],
)
def test_notations_of_accountants_are_refused_with_a_cure(text_file: Write, cell: str, cure: str) -> None:
    with pytest.raises(DataError, match=r"line 3: .* in column 'y' is not a number") as refusal:
        select(read(text_file(table_of(["7", cell, "8"]))))
    assert cure in str(refusal.value)


USUAL = ["NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-", "--", ".", "?", "#N/A", "#NA", "brak", "b.d."]


def test_usual_marks_of_missing_values_among_numbers_are_read_and_counted(text_file: Write) -> None:
    cells = [cell for mark in USUAL for cell in (mark, "51.691")]
    selection = select(read(text_file(table_of(cells))))
    assert np.isnan(selection.series[0].values).tolist() == [True, False] * len(USUAL)
    assert any(f"{len(USUAL)} cells of column 'y' read as missing" in note for note in selection.notes)


def test_empty_cells_have_no_note_of_marks(text_file: Write) -> None:
    assert not any("read as missing" in note for note in select(read(text_file(table_of(["1", "", "3"])))).notes)


def test_marks_stay_text_among_words(text_file: Write) -> None:
    rows = "".join(f"{code},{day},{row}\n" for code in ("NA", "-", "DE") for row, day in enumerate(DAYS[:12], start=1))
    found = select(read(text_file("country,date,y\n" + rows)), "y", series="country")
    assert [series.name for series in found.series] == ["NA", "-", "DE"]


def test_one_word_among_numbers_and_marks_is_refused_with_its_cell(text_file: Write) -> None:
    with pytest.raises(DataError, match="line 4: 'storm' in column 'y' is not a number"):
        select(read(text_file(table_of(["1", "?", "storm", "4"]))))


def test_the_named_word_is_missing(text_file: Write) -> None:
    path = text_file(table_of(["1", "storm", "3"]))
    selection = select(read(path, missing=["storm"]))
    assert np.isnan(selection.series[0].values).tolist() == [False, True, False]
    assert any("'storm' (1)" in note for note in selection.notes)


@pytest.mark.parametrize("cell", ["-9999", "-9999.0", "-9999,00", "−9999", "-9.999,0"])
def test_a_named_number_is_missing_however_it_is_written(text_file: Write, cell: str) -> None:
    decimal = "," if "," in cell else None
    found = values(read(text_file(table_of(["1", cell, "3"])), missing=["-9999"], decimal=decimal))
    assert np.isnan(found).tolist() == [False, True, False]


def test_a_named_number_is_missing_in_workbooks_and_parquet(workbook: Callable[..., Path], tmp_path: Path) -> None:
    book = workbook([["date", "y"], *([day, -9999.0 if row == 4 else float(row)] for row, day in enumerate(DAYS[:12]))])
    pl.DataFrame({"date": DAYS[:12], "y": [-9999 if row == 4 else row for row in range(12)]}).write_parquet(
        tmp_path / "y.parquet"
    )
    for path in (book, tmp_path / "y.parquet"):
        selection = select(read(path, missing=["-9999"]))
        assert np.isnan(selection.series[0].values).nonzero()[0].tolist() == [4]
        assert any("read as missing" in note for note in selection.notes)


def test_a_code_far_outside_is_noted_and_the_option_silences_it(text_file: Write) -> None:
    cells = ["-9999" if row % 7 == 3 else f"{50 + row % 5}.5" for row in range(60)]
    path = text_file(table_of(cells))
    assert "--missing -9999" in select(read(path)).notes[0]
    assert not any("Check:" in note for note in select(read(path, missing=["-9999"])).notes)


def panel(names: Sequence[str], *, rows: int = 12) -> str:
    return "store,date,y\n" + "".join(
        f"{name},{day},{row + number}\n"
        for number, name in enumerate(names)
        for row, day in enumerate(DAYS[:rows], start=1)
    )


IDENTIFIERS = {
    "leading zeros": ["007", "7", "0007"],
    "above 2^53": ["9007199254740992", "9007199254740993"],
    "versions": ["1.1", "1.10", "1.100"],
    "signs": ["+7", "7"],
    "exponents": ["1e3", "1000"],
}


def names_of(selection: Selection) -> list[str]:
    return [series.name for series in selection.series]


@pytest.mark.parametrize("case", IDENTIFIERS)
def test_names_of_series_stay_as_they_are_written(text_file: Write, case: str) -> None:
    selection = select(read(text_file(panel(IDENTIFIERS[case]))), "y", series="store")
    assert names_of(selection) == IDENTIFIERS[case]
    assert any("are different series" in note for note in selection.notes)


def test_names_that_differ_as_numbers_have_no_note(text_file: Write) -> None:
    selection = select(read(text_file(panel(["001", "002"]))), "y", series="store")
    assert names_of(selection) == ["001", "002"]
    assert not any("different series" in note for note in selection.notes)


@pytest.mark.parametrize(("names", "read_as"), [(["1.0", "2.0"], ["1", "2"]), (["1", "2"], ["1", "2"])])
def test_whole_numbers_as_pandas_writes_them_are_whole(text_file: Write, names: list[str], read_as: list[str]) -> None:
    assert names_of(select(read(text_file(panel(names))), "y", series="store")) == read_as


def test_names_in_workbooks_and_parquet_stay_as_they_are(workbook: Callable[..., Path], tmp_path: Path) -> None:
    rows = [[name, day, float(row)] for name in ("007", "7") for row, day in enumerate(DAYS[:12], start=1)]
    book = workbook([["store", "date", "y"], *rows])
    frame = pl.DataFrame(rows, schema=["store", "date", "y"], orient="row")
    frame.write_parquet(tmp_path / "text.parquet")
    whole = frame.with_columns(pl.Series("store", [2**53] * 12 + [2**53 + 1] * 12))
    whole.write_parquet(tmp_path / "whole.parquet")
    assert names_of(select(read(book), "y", series="store")) == ["007", "7"]
    assert names_of(select(read(tmp_path / "text.parquet"), "y", series="store")) == ["007", "7"]
    assert names_of(select(read(tmp_path / "whole.parquet"), "y", series="store")) == [str(2**53), str(2**53 + 1)]


def test_names_of_several_files_are_joined_as_written(text_file: Write) -> None:
    first = text_file(panel(["007", "7"]), name="first.csv")
    second = text_file(panel(["7", "12"]).replace("2021", "2022"), name="second.csv")
    found = select(read([first, second]), "y", series="store")
    assert {series.name: len(series) for series in found.series} == {"007": 12, "7": 24, "12": 12}


def test_a_compressed_file_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(panel(["007", "7"]).encode()))
    assert names_of(select(read(path), "y", series="store")) == ["007", "7"]
