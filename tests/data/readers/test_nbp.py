"""NBP table A: the real archives with their known numbers, and every kind of damage refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from nurt.data import select
from nurt.data.readers import read
from nurt.errors import DataError

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def archives(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "nbp").glob("archiwum_tab_a_*.csv"))


def small_archive(
    codes: Sequence[str] = ("1USD", "100JPY"),
    rows: Sequence[str] = ("20240102;3,9432;2,7855;1;001/A/NBP/2024;", "20240103;3,9909;2,7977;2;002/A/NBP/2024;"),
    footer: bool = True,
) -> str:
    """An archive of the published form, short enough to damage by hand."""
    lines = [
        f"data;{';'.join(codes)};nr tabeli;pełny numer tabeli;",
        ";dolar amerykański;jen (Japonia);",
        *rows,
    ]
    if footer:
        isos = [code.lstrip("0123456789") for code in codes]
        units = [code[: -len(iso)] for code, iso in zip(codes, isos, strict=True)]
        lines += ["", f"kod ISO;{';'.join(isos)};", "nazwa waluty;dolar amerykański;jen (Japonia);"]
        lines += [f"liczba jednostek;{';'.join(units)};"]
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize(
    ("year", "rows", "first", "last", "opening", "closing"),
    [
        (2021, 254, "2021-01-04", "2021-12-31", 3.6998, 4.0600),
        (2022, 252, "2022-01-03", "2022-12-30", 4.0424, 4.4018),
        (2023, 251, "2023-01-02", "2023-12-29", 4.3811, 3.9350),
        (2024, 252, "2024-01-02", "2024-12-31", 3.9432, 4.1012),
    ],
)
def test_each_year_has_the_published_rows_and_rates(
    archives: list[Path], year: int, rows: int, first: str, last: str, opening: float, closing: float
) -> None:
    table = read([path for path in archives if str(year) in path.name])
    dollar = select(table, "1USD").series[0]
    assert table.format == "nbp"
    assert len(dollar) == rows
    assert [str(dollar.time[0]), str(dollar.time[-1])] == [first, last]
    assert [dollar.values[0], dollar.values[-1]] == [opening, closing]


def test_four_years_join_by_code(archives: list[Path]) -> None:
    table = read(archives)
    dollar = select(table, "1USD").series[0]
    assert len(dollar) == 1009
    assert dollar.values.min() == 3.6545
    assert dollar.values.max() == 5.0381
    assert dollar.values.mean() == pytest.approx(4.1267, abs=5e-5)
    gaps, counts = np.unique(np.diff(dollar.time).astype(int), return_counts=True)
    assert dict(zip(gaps.tolist(), counts.tolist(), strict=True)) == {1: 785, 2: 14, 3: 193, 4: 15, 5: 1}
    assert dollar.time.dtype == np.dtype("datetime64[D]")


def test_rates_per_many_units_are_selectable_both_ways(archives: list[Path]) -> None:
    table = read(archives)
    assert table.frame["100JPY"][0] == 3.6011
    assert table.frame["10000IDR"][0] == 2.6627
    assert select(table, "JPY").series[0].values[0] == pytest.approx(0.036011, rel=1e-12)
    assert table.units["100JPY"] == "PLN per 100 JPY (jen (Japonia))"
    assert table.units["JPY"].startswith("PLN per 1 JPY")
    np.testing.assert_array_equal(select(table, "USD").series[0].values, select(table, "1USD").series[0].values)


def test_a_quotation_that_stopped_is_missing_and_said(archives: list[Path]) -> None:
    rouble = read([path for path in archives if "2022" in path.name])
    assert rouble.frame["1RUB"].null_count() == 206
    table = read(archives)
    assert table.frame["1HRK"].null_count() == 251 + 252
    assert any("1RUB was quoted last on 2022-03-08" in note for note in table.notes)
    assert any("has no column 1HRK, 1RUB" in note for note in table.notes)


def test_polish_names_survive_the_encoding(archives: list[Path]) -> None:
    table = read(archives[:1])
    assert "pełny numer tabeli" in table.frame.columns
    assert table.frame["pełny numer tabeli"][0] == "001/A/NBP/2021"
    assert table.units["1USD"] == "PLN per 1 USD (dolar amerykański)"


def test_files_may_be_given_in_any_order(archives: list[Path]) -> None:
    selection = select(read(archives[::-1]), "1USD")
    assert np.all(np.diff(selection.series[0].time) > np.timedelta64(0, "D"))
    assert any("merged in order of time" in note for note in selection.notes)


def test_the_same_file_twice_collapses_and_is_said(archives: list[Path]) -> None:
    selection = select(read([archives[0], archives[0]]), "EUR")
    assert len(selection.series[0]) == 254
    assert any("254 stamp(s) appeared more than once" in note for note in selection.notes)


def test_the_answer_of_the_service_agrees_with_the_archives(shared_data: Path, archives: list[Path]) -> None:
    answer = select(read(shared_data / "nbp" / "api_rates_A_USD_rebuilt.json")).series[0]
    assert len(answer) == 50
    assert [str(answer.time[0]), str(answer.time[-1])] == ["2023-10-27", "2024-01-10"]
    archive = select(read(archives), "USD").series[0]
    np.testing.assert_array_equal(archive.values[np.isin(archive.time, answer.time)], answer.values)


def test_an_answer_and_an_archive_join_by_currency(text_file: Write) -> None:
    """The service quotes one yen, the archive a hundred: each name gives its own unit over all rows."""
    answer = {"code": "JPY", "rates": [{"effectiveDate": "2024-01-04", "mid": 0.0277}]}
    table = read([text_file(small_archive(), "a.csv"), text_file(json.dumps(answer), "b.json")])
    assert select(table, "100JPY").series[0].values == pytest.approx([2.7855, 2.7977, 2.77])
    assert select(table, "JPY").series[0].values == pytest.approx([0.027855, 0.027977, 0.0277])
    assert any("JPY is quoted per 1 and per 100 units" in note for note in table.notes)


def test_a_changed_unit_is_rescaled_and_said(text_file: Write) -> None:
    earlier = small_archive()
    later = small_archive(
        ("1USD", "1JPY"), ("20250102;4,1;0,0262;1;001/A/NBP/2025;", "20250103;4,2;0,0263;2;002/A/NBP/2025;")
    )
    table = read([text_file(earlier, "a.csv"), text_file(later, "b.csv")])
    assert select(table, "100JPY").series[0].values == pytest.approx([2.7855, 2.7977, 2.62, 2.63])
    assert any("rescaled" in note for note in table.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "iso-8859-2", "utf-16"])
def test_any_usual_encoding_reads_the_same(text_file: Write, encoding: str) -> None:
    table = read(text_file(small_archive(), encoding=encoding))
    assert table.format == "nbp"
    assert table.units["1USD"] == "PLN per 1 USD (dolar amerykański)"
    assert table.frame["1USD"].to_list() == [3.9432, 3.9909]


def test_dots_and_other_date_forms_are_read(text_file: Write) -> None:
    rows = ("02.01.2024;3.9432;2.7855;1;001/A/NBP/2024;", "13.01.2024;3.9909;2.7977;9;009/A/NBP/2024;")
    series = select(read(text_file(small_archive(rows=rows))), "USD").series[0]
    assert [str(label) for label in series.time] == ["2024-01-02", "2024-01-13"]


def test_a_jump_by_more_than_half_is_flagged(text_file: Write) -> None:
    rows = ("20240102;3,9;2,7;1;001/A/NBP/2024;", "20240103;39,9;2,7;2;002/A/NBP/2024;")
    notes = read(text_file(small_archive(rows=rows))).notes
    assert any("1USD changes by more than half on 2024-01-03" in note for note in notes)


def test_a_long_gap_is_listed(text_file: Write) -> None:
    rows = ("20240102;3,9;2,7;1;001/A/NBP/2024;", "20240203;3,9;2,7;24;024/A/NBP/2024;")
    assert any("longest gap" in note and "32 days" in note for note in read(text_file(small_archive(rows=rows))).notes)


def test_without_table_numbers_the_rates_are_read(text_file: Write) -> None:
    rows = ("20240102;3,9432;2,7855;;;", "20240103;3,9909;2,7977;;;")
    table = read(text_file(small_archive(rows=rows)), "nbp")
    assert table.frame["1USD"].to_list() == [3.9432, 3.9909]


def test_without_a_footer_the_file_is_read_and_doubted(text_file: Write) -> None:
    table = read(text_file(small_archive(footer=False)))
    assert table.frame["1USD"].to_list() == [3.9432, 3.9909]
    assert any("no footer" in note for note in table.notes)


def test_a_file_broken_off_inside_a_number_loses_that_number(text_file: Write) -> None:
    whole = small_archive(
        footer=False, rows=[f"202401{day:02};3,9432;2,7855;1;001/A/NBP/2024;" for day in range(1, 29)]
    )
    cut = whole[: whole.rindex("2,7855") + 3]
    table = read(text_file(cut))
    assert table.frame["100JPY"][-1] is None
    assert table.frame["1USD"][-1] == 3.9432
    assert any("too few fields" in note for note in table.notes)


REFUSALS = {
    "the code row is gone": (lambda text: text.split("\r\n", 1)[1], "no row of currency codes"),
    "both header rows are gone": (lambda text: text.split("\r\n", 2)[2], "no row of currency codes"),
    "the codes are garbage": (lambda text: text.replace("1USD;100JPY", "x;y"), "no row of currency codes"),
    "most rows are cut": (
        lambda text: text.replace(";2,7855;1;001/A/NBP/2024;", "").replace(";2,7977;2;002/A/NBP/2024;", ""),
        "the field counts match no reading",
    ),
    "a rate is lost inside a row": (lambda text: text.replace("3,9909;", ""), "under the wrong currencies"),
    "rows run together": (lambda text: text.replace("2;002/A", "9;009/A"), "advance by 8 in 1 day"),
    "dates jump and numbers do not": (lambda text: text.replace("20240103", "20240301"), "advance by 1 in 59 day"),
    "a row inside has no table number": (
        lambda text: text.replace(";1;001/A/NBP/2024;", ";;;"),
        "the row ends before its table number",
    ),
    "a field is added": (lambda text: text.replace("3,9909;", "3,9909;1,0;"), "fields under a header"),
    "two columns are swapped": (lambda text: text.replace("data;1USD;100JPY", "data;100JPY;1USD"), "does not repeat"),
    "a unit is changed": (lambda text: text.replace("data;1USD;100JPY", "data;1USD;1JPY"), "does not repeat"),
    "a rate is text": (lambda text: text.replace("3,9909", "b.d."), "is not an exchange rate"),
    "a rate is zero": (lambda text: text.replace("3,9909", "0,0000"), "is not an exchange rate"),
    "a rate is negative": (lambda text: text.replace("3,9909", "-3,9909"), "is not an exchange rate"),
    "a rate is infinite": (lambda text: text.replace("3,9909", "inf"), "is not an exchange rate"),
    "a date does not exist": (lambda text: text.replace("20240103", "20240230"), "not a date that exists"),
    "the first date is damaged": (lambda text: text.replace("20240102", "2024010"), "is not a date, but rates follow"),
    "a later date is damaged": (
        lambda text: text.replace("20240103", "2024010").replace(
            "\r\n\r\n", "\r\n20240104;3,9;2,7;3;003/A/NBP/2024;\r\n\r\n"
        ),
        "is not a date, but dated rows follow",
    ),
    "date forms are mixed": (lambda text: text.replace("20240103", "2024-01-03"), "date forms are mixed"),
    "decimal marks are mixed": (lambda text: text.replace("2,7855", "2.7855"), "with a comma in column"),
    "two years in one file": (lambda text: text + text, "is not a date, but dated rows follow"),
    "an empty name is added to the codes": (
        lambda text: text.replace("data;1USD;100JPY", "data;;1USD;100JPY"),
        "names another field where the rows have their table number",
    ),
    "a word is added to the codes": (
        lambda text: text.replace("100JPY;nr tabeli", "100JPY;x;nr tabeli"),
        "names another field where the rows have their table number",
    ),
    "a word is added to the codes and a name lost": (
        lambda text: text.replace("1USD;100JPY;nr tabeli;", "1USD;x;100JPY;"),
        "stands between the currencies and is none",
    ),
    "a name stands twice": (lambda text: text.replace("pełny numer", "nr"), "two columns are named 'nr tabeli'"),
    "a name is a currency without its unit": (lambda text: text.replace("nr tabeli;p", "JPY;p"), "are named 'JPY'"),
    "a name is that of the time": (lambda text: text.replace("nr tabeli;p", "time;p"), "are named 'time'"),
    "a currency stands twice": (lambda text: text.replace("1USD;100JPY", "1USD;1USD"), "appears in two columns"),
}


@pytest.mark.parametrize("format", ["auto", "nbp"])
@pytest.mark.parametrize("damage", REFUSALS)
def test_damage_is_refused_with_file_and_reason(text_file: Write, damage: str, format: str) -> None:
    change, reason = REFUSALS[damage]
    path = text_file(change(small_archive()), encoding="cp1250")
    with pytest.raises(DataError, match=reason) as refusal:
        read(path, format)
    assert str(path) in str(refusal.value)
    assert refusal.value.cure


@pytest.mark.parametrize("format", ["auto", "nbp"])
def test_codes_without_rows_are_refused(text_file: Write, format: str) -> None:
    codes = ";".join(["data", "1USD", "1EUR", "1CHF", "1GBP"])
    with pytest.raises(DataError, match="no row below the currency codes"):
        read(text_file(codes + "\r\n;dolar;euro;frank;funt\r\n"), format)


def test_the_refusal_names_line_and_text(text_file: Write) -> None:
    with pytest.raises(DataError, match=r"data\.csv, line 4: 'b\.d\.' under 1USD"):
        read(text_file(small_archive().replace("3,9909", "b.d.")))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"code": "USD", "rates": []}, "holds no rates"),
        ({"code": "USD", "rates": [{"effectiveDate": "2024-01-02", "bid": 3.9, "ask": 4.0}]}, "has no 'mid'"),
        ({"code": "USD", "rates": [{"effectiveDate": "2024-01-02", "mid": None}]}, "has no 'mid'"),
        ({"table": "A"}, "not an answer of the NBP service"),
    ],
)
def test_foreign_answers_are_refused(text_file: Write, answer: object, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(text_file(json.dumps(answer), "answer.json"), "nbp")


def test_another_kind_of_file_is_refused_as_table_a(text_file: Write) -> None:
    with pytest.raises(DataError, match="no row of currency codes"):
        read(text_file("date,y\n2024-01-01,1\n2024-01-02,2\n"), "nbp")
