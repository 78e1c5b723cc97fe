"""GIOŚ: every real file with its known numbers, the quirks of its exports, and what is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nurt.data import absent_stamps, regular_grid, select
from nurt.data.readers import read
from nurt.errors import DataError

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def gios(shared_data: Path) -> Path:
    return shared_data / "gios"


@pytest.mark.parametrize(
    ("file", "mean"), [("KrakowKrasinskiegoPM10.csv", 32.6976), ("KrakowKrasinskiegoPM25.csv", 18.7227)]
)
@pytest.mark.parametrize("format", ["auto", "gios", "table"])
def test_krasinskiego_has_two_years_without_the_spring_hours(gios: Path, file: str, mean: float, format: str) -> None:
    series = select(read(gios / file, format)).series[0]
    assert len(series) == 17542
    assert [str(series.time[0]), str(series.time[-1])] == ["2023-01-01T01:00:00", "2025-01-01T00:00:00"]
    assert series.values.mean() == pytest.approx(mean, abs=5e-5)
    assert [str(stamp) for stamp in absent_stamps(series)] == ["2023-03-26T02:00:00", "2024-03-31T02:00:00"]


def test_krasinskiego_fills_a_grid_of_17544_hours(gios: Path) -> None:
    series = select(read(gios / "KrakowKrasinskiegoPM10.csv")).series[0]
    grid = regular_grid(series, "1h")
    assert len(grid) == 17544
    missing = np.flatnonzero(np.isnan(grid.values))
    assert [str(grid.time[position]) for position in missing] == ["2023-03-26T02:00:00", "2024-03-31T02:00:00"]
    np.testing.assert_array_equal(grid.values[~np.isnan(grid.values)], series.values)


def test_the_clock_change_is_noted_and_its_neighbour_doubted(gios: Path) -> None:
    notes = " ".join(read(gios / "KrakowKrasinskiegoPM10.csv").notes)
    assert "2 hour(s) absent in 2 gap(s)" in notes
    assert "2023-03-26 03:00, 2024-03-31 03:00 may belong to the hour before" in notes
    assert "mean of the hour that ends at its stamp" in notes


def test_two_pollutants_of_two_files_join_by_time(gios: Path) -> None:
    table = read([gios / "KrakowKrasinskiegoPM10.csv", gios / "KrakowKrasinskiegoPM25.csv"])
    series = select(table, "PM10", past_covariates=["PM2.5"]).series[0]
    assert len(series) == 17542
    assert series.values.mean() == pytest.approx(32.6976, abs=5e-5)
    assert series.covariates.mean() == pytest.approx(18.7227, abs=5e-5)
    assert series.covariate_names == ("PM25",)


def test_bulwarowa_splits_names_into_station_pollutant_and_unit(gios: Path) -> None:
    table = read(gios / "portal_krakow_bulwarowa_2023-10.csv")
    assert table.format == "gios"
    assert table.columns == tuple(
        f"Kraków - ul. Bulwarowa {formula}" for formula in ("PM2.5", "PM10", "NO2", "SO2", "CO")
    )
    assert set(table.units.values()) == {"ug/m3"}
    fine = select(table, "PM2.5").series[0]
    assert len(fine) == 744
    assert fine.values.mean() == pytest.approx(18.8333, abs=5e-5)
    coarse = select(table, "Kraków - ul. Bulwarowa (pył zawieszony PM10 [jednostka ug/m3])").series[0]
    assert coarse.values.mean() == pytest.approx(27.1196, abs=5e-5)
    missing = [int(np.isnan(select(table, name).series[0].values).sum()) for name in ("NO2", "dwutlenek siarki", "CO")]
    assert missing == [5, 5, 5]


def test_targowek_has_two_header_lines_and_empty_cells(gios: Path) -> None:
    table = read(gios / "portal_2016_PM10_warszawa_targowek.csv")
    series = select(table, "PM10").series[0]
    assert len(series) == 8783
    assert int(np.isfinite(series.values).sum()) == 8139
    assert np.nanmean(series.values) == pytest.approx(29.8378, abs=5e-5)
    assert [str(stamp) for stamp in absent_stamps(series)] == ["2016-03-27T02:00:00"]
    assert 0.8 in series.values
    assert table.units == {"Warszawa-Targówek PM10": "ug/m3"}


def test_the_archive_of_2018_is_read_under_its_pandas_index(gios: Path) -> None:
    table = read(gios / "raw2018_PM25_1g.csv.gz")
    assert table.format == "gios"
    assert len(table) == 8760
    assert len(table.columns) == 51
    assert select(table, "MpKrakAlKras").series[0].values[:2] == pytest.approx([50.9017, 31.2871])
    series = select(table, "MpKrakAlKras-PM2.5-1g").series[0]
    assert int(np.isfinite(series.values).sum()) == 8587
    assert np.nanmean(series.values) == pytest.approx(39.3747, abs=5e-5)
    empty = np.mean([table.frame[name].null_count() / len(table) for name in table.columns])
    assert empty == pytest.approx(0.133, abs=5e-4)
    assert str(series.time[-1]) == "2019-01-01T00:00:00"
    assert table.units["MpKrakAlKras-PM2.5-1g"] == "ug/m3"


def test_the_workbook_of_2013_is_read(gios: Path) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    table = read(gios / "2013_PM10_1g.xlsx")
    assert len(table) == 8760
    assert len(table.columns) == 85
    series = select(table, "MpKrakowWIOSAKra6117").series[0]
    assert int(np.isfinite(series.values).sum()) == 8637
    assert np.nanmean(series.values) == pytest.approx(59.6679, abs=5e-5)
    assert len(absent_stamps(series)) == 0
    empty = np.mean([table.frame[name].null_count() / len(table) for name in table.columns])
    assert empty == pytest.approx(0.126, abs=5e-4)


def test_the_answer_of_the_service_is_newest_first_and_turned_round(gios: Path) -> None:
    table = read(gios / "api" / "getData_16786.json")
    selection = select(table)
    series = selection.series[0]
    assert series.target == "PM10"
    # The hour that is not measured yet, 17:00, is the first to be forecast.
    assert len(series) == 64
    assert [str(series.time[0]), str(series.time[-1])] == ["2021-01-21T01:00:00", "2021-01-23T16:00:00"]
    assert series.values[-1] == 8.16655
    assert any("after the last value" in note for note in selection.notes)
    assert any("newest first" in note for note in selection.notes)


def test_a_list_of_sensors_holds_no_measurements(gios: Path) -> None:
    with pytest.raises(DataError, match="list of sensors") as refusal:
        read(gios / "api" / "sensors_10123.json")
    assert "sensor 16786 of station 10123 measures PM10" in str(refusal.value)


def test_a_list_of_sensors_beside_measurements_becomes_a_note(gios: Path) -> None:
    table = read([gios / "api" / "getData_16786.json", gios / "api" / "sensors_10123.json"])
    assert len(table) == 65
    assert "sensor 16786 of station 10123 measures PM10" in table.notes


ARCHIVE = """Kod stacji;MpKrakAlKras;MpKrakBujaka
Wskaźnik;PM10;PM10
Czas uśredniania;1g;1g
2019-01-01 01:00;41,5;,8
2019-01-01 02:00;40;NA
2019-01-01 03:00; ;7,25
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "iso-8859-2"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_an_archive_is_read_in_any_encoding_and_separator(text_file: Write, encoding: str, separator: str) -> None:
    table = read(text_file(ARCHIVE.replace(";", separator), encoding=encoding))
    assert table.format == "gios"
    assert table.columns == ("MpKrakAlKras-PM10-1g", "MpKrakBujaka-PM10-1g")
    assert table.frame["MpKrakAlKras-PM10-1g"].to_list() == [41.5, 40.0, None]
    assert table.frame["MpKrakBujaka-PM10-1g"].to_list() == [0.8, None, 7.25]


def test_six_header_rows_are_read_by_what_they_hold(text_file: Write) -> None:
    """The labels of the rows are damaged on purpose: the cells alone must suffice."""
    text = (
        "?;1;2\n??;MpKrakAlKras;MpKrakBujaka\n???;PM10;PM2.5\n????;1g;1g\n?????;ug/m3;ug/m3\n"
        "??????;MpKrakAlKras-PM10-1g;MpKrakBujaka-PM2.5-1g\n"
        "2019-01-01 01:00;41,5;3,5\n2019-01-01 02:00;40,1;3,6\n"
    )
    table = read(text_file(text))
    assert table.columns == ("MpKrakAlKras-PM10-1g", "MpKrakBujaka-PM2.5-1g")
    assert table.units["MpKrakBujaka-PM2.5-1g"] == "ug/m3"


def test_position_codes_alone_suffice(text_file: Write) -> None:
    text = "Kod stanowiska;MpKrakAlKras-PM10-1g\n2019-01-01 01:00;41,5\n2019-01-01 02:00;40,25\n"
    table = read(text_file(text))
    assert table.format == "gios"
    assert select(table, "MpKrakAlKras").series[0].values.tolist() == [41.5, 40.25]


def test_a_workbook_of_text_cells_reads_like_one_of_numbers(workbook: Callable[..., Path]) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    head = [
        ["Kod stacji", "MpKrakAlKras", "MpKrakBujaka"],
        ["Wskaźnik", "PM10", "PM10"],
        ["Czas uśredniania", "1g", "1g"],
    ]
    numbers = [[43466.0 + hour / 24, 41.5 + hour, None] for hour in range(1, 30)]
    texts = [
        [f"2019-01-{1 + hour // 24:02} {hour % 24:02}:00", f"{41.5 + hour}".replace(".", ","), None]
        for hour in range(1, 30)
    ]
    of_numbers = select(read(workbook(head + numbers, dated=(0,))), "MpKrakAlKras").series[0]
    of_texts = select(read(workbook(head + texts)), "MpKrakAlKras").series[0]
    of_serials = select(read(workbook(head + numbers)), "MpKrakAlKras").series[0]
    for series in (of_texts, of_serials):
        np.testing.assert_array_equal(series.time, of_numbers.time)
        np.testing.assert_array_equal(series.values, of_numbers.values)
    assert str(of_numbers.time[22]) == "2019-01-01T23:00:00"


def test_serial_noise_is_rounded_to_the_step_and_noted(workbook: Callable[..., Path]) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    head = [["Kod stacji", "MpKrakAlKras"], ["Wskaźnik", "PM10"], ["Czas uśredniania", "1g"]]
    rows = [[43466.0 + hour / 24 + 0.0002 * (hour % 2), 1.5 * hour] for hour in range(1, 30)]
    table = read(workbook(head + rows, dated=(0,)))
    assert len(absent_stamps(select(table).series[0], "1h")) == 0
    assert any("rounding noise" in note for note in table.notes)


def test_an_hour_written_twice_with_equal_values_collapses(text_file: Write) -> None:
    text = "Data;PM10\n2023-03-26 01:00;1,5\n2023-03-26 03:00;2,5\n2023-03-26 03:00;2,5\n2023-03-26 04:00;3,5\n"
    table = read(text_file(text))
    selection = select(table)
    assert selection.series[0].values.tolist() == [1.5, 2.5, 3.5]
    assert any("appear more than once" in note for note in table.notes)
    assert any("rows that agree were merged" in note for note in selection.notes)


def test_an_hour_written_twice_with_different_values_is_refused_until_told(text_file: Write) -> None:
    text = "Data;PM10\n2023-03-26 01:00;1,5\n2023-03-26 03:00;2,5\n2023-03-26 03:00;4,5\n2023-03-26 04:00;3,5\n"
    table = read(text_file(text))
    with pytest.raises(DataError, match="2023-03-26T03:00:00") as refusal:
        select(table)
    assert "line 3" in str(refusal.value)
    assert "line 4" in str(refusal.value)
    kept = {how: select(table, on_duplicate=how).series[0].values[1] for how in ("first", "last", "mean")}
    assert kept == {"first": 2.5, "last": 4.5, "mean": 3.5}


def test_other_averaging_times_are_said(text_file: Write) -> None:
    text = ARCHIVE.replace("1g", "24g")
    assert any("averaging time 24g" in note for note in read(text_file(text)).notes)


def test_negative_concentrations_are_flagged_and_kept(text_file: Write) -> None:
    table = read(text_file("Data;PM10\n2023-01-01 01:00;1,5\n2023-01-01 02:00;-0,5\n"))
    assert table.frame["PM10"].to_list() == [1.5, -0.5]
    assert any("negative concentrations, kept as they are: PM10 (1)" in note for note in table.notes)


def test_a_pollutant_measured_at_two_stations_is_ambiguous(text_file: Write) -> None:
    header = "Data*Kraków - ul. Bulwarowa (PM10 [jednostka ug/m3])*Kraków - ul. Dietla (PM10 [jednostka ug/m3])"
    table = read(text_file(f"{header}\n2023-10-01 01:00,18.9,25.8,\n2023-10-01 02:00,18.9, ,\n"))
    with pytest.raises(DataError, match="ambiguous") as refusal:
        select(table, "PM10")
    assert "Kraków - ul. Dietla PM10" in str(refusal.value)
    assert select(table, "Kraków - ul. Dietla PM10").series[0].values[0] == 25.8


def test_a_row_cut_short_counts_as_missing_with_a_note(text_file: Write) -> None:
    rows = "".join(f"2019-01-{day:02} 01:00;1,5;2,5\n" for day in range(2, 29))
    table = read(text_file(ARCHIVE.split("2019")[0] + rows + "2019-01-29 01:00;1,5\n"))
    assert table.frame["MpKrakBujaka-PM10-1g"][-1] is None
    assert any("too few fields" in note for note in table.notes)


def test_a_footer_is_skipped_and_said(text_file: Write) -> None:
    table = read(text_file(ARCHIVE + "\nDane niezweryfikowane\n"))
    assert len(table) == 3
    assert any("without a date after the data" in note for note in table.notes)


REFUSALS = {
    "commas are separator and decimal mark": (lambda text: text.replace(";", ","), "both separator and decimal mark"),
    "a station is lost in the header": (
        lambda text: text.replace(";MpKrakBujaka", "").replace(";PM10;PM10", ";PM10"),
        "no dated rows",
    ),
    "the first date is damaged": (lambda text: text.replace("2019-01-01 01:00", "2019-01-0101:00"), "is not a date"),
    "a date inside is damaged": (lambda text: text.replace("2019-01-01 02:00", "01 02:00"), "is not a date"),
    "a date is missing": (lambda text: text.replace("2019-01-01 02:00", ""), "time label is missing"),
    "decimal marks are mixed": (lambda text: text.replace("7,25", "7.25"), "with a comma in column"),
    "two columns are the same": (
        lambda text: text.replace("MpKrakBujaka", "MpKrakAlKras"),
        "no dated rows|two columns hold",
    ),
}


@pytest.mark.parametrize("damage", REFUSALS)
def test_damage_is_refused_with_file_and_reason(text_file: Write, damage: str) -> None:
    change, reason = REFUSALS[damage]
    path = text_file(change(ARCHIVE))
    with pytest.raises(DataError, match=reason) as refusal:
        read(path, "gios")
    assert str(path) in str(refusal.value)
    assert refusal.value.cure


def test_a_cell_of_text_is_shown_when_its_column_is_chosen(text_file: Write) -> None:
    table = read(text_file(ARCHIVE.replace("7,25", "awaria")))
    assert table.columns == ("MpKrakAlKras-PM10-1g",)
    with pytest.raises(DataError, match=r"data\.csv, line 6: 'awaria'"):
        select(table, "MpKrakBujaka")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"key": "PM10", "values": []}, "holds no rows"),
        ({"key": "PM10", "values": [{"date": "2021-01-23 17:00:00"}]}, "holds no rows"),
        ({"key": "PM10", "values": [{"date": "2021-01-23 17:00:00", "value": "8,1"}]}, "'8,1' is not a number"),
        ({"key": "PM10", "values": [{"date": "yesterday", "value": 8.1}]}, "is not a date"),
        ({"values": []}, "not an answer of the GIOŚ service"),
    ],
)
def test_foreign_answers_are_refused(text_file: Write, answer: object, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(text_file(json.dumps(answer), "answer.json"), "gios")


def test_a_plain_table_is_refused_as_gios(text_file: Write) -> None:
    with pytest.raises(DataError, match="no dated rows under names of pollutants"):
        read(text_file("date,load\n2024-01-01 01:00,1\n2024-01-01 02:00,2\n"), "gios")


def test_a_gzip_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "archive.csv"
    path.write_bytes(gzip.compress(ARCHIVE.encode()))
    assert len(read(path)) == 3
