"""One clear message for every file that is none."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from nurt.data.readers import read
from nurt.data.readers.source import decode, load, sheet_of_text
from nurt.errors import DataError


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "rates_2024.csv").write_text("y\n1\n")
    with pytest.raises(DataError, match="there is no such file") as refusal:
        read(tmp_path / "rates_2042.csv")
    assert "Did you mean rates_2024.csv" in str(refusal.value)


def test_a_missing_folder_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read(tmp_path / "nowhere" / "rates.csv")


def test_a_folder_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this is a folder, not a file"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n\n  \r\n", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf", b";;;\n;;;\n"])
def test_an_empty_file_is_named_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"empty\.csv: the file is empty"):
        read(path)


def test_a_file_without_permission_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("y\n1\n2\n")

    def refuse(path: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("nurt.data.readers.opening._without_waiting", refuse)
    with pytest.raises(DataError, match="cannot be opened"):
        load(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"BZh91AY&SY", "a bzip2 archive"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "a binary file"),
        (b"PAR1 but no table", "Parquet file cannot be read"),
    ],
)
def test_foreign_files_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "thing.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=kind) as refusal:
        read(path)
    assert str(path) in str(refusal.value)
    assert refusal.value.cure


def test_an_old_workbook_is_read_as_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel", reason="the extra 'excel' is not installed")
    path = tmp_path / "old.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    with pytest.raises(DataError, match="the workbook cannot be read"):
        read(path)


def test_a_zip_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.csv", "y\n1\n")
    with pytest.raises(DataError, match="zip archive"):
        read(path)


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"date,y\n2020-01-01,1\n" * 100)[:-20])
    with pytest.raises(DataError, match="gzip file is damaged or cut short"):
        read(path)


WORDS = "data;Kraków - pył zawieszony;pełny numer tabeli;wskaźnik\n"


@pytest.mark.parametrize("encoding", ["cp1250", "iso-8859-2", "cp852"])
def test_the_encoding_is_told_by_polish_words(encoding: str) -> None:
    text, note = decode(WORDS.encode(encoding), "f.csv")
    assert text == WORDS
    assert note is not None
    assert "f.csv is not UTF-8" in note


def test_a_known_word_settles_what_single_letters_do_not() -> None:
    """The only letter, ą of cp852, is Ą in cp1250: both are Polish, but only one makes a word."""
    text, note = decode("miesiąc;y\n2020-01;1,5\n".encode("cp852"), "f.csv")
    assert text.startswith("miesiąc;")
    assert note is not None
    assert "cp852" in note


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_needs_no_guess(encoding: str) -> None:
    assert decode(WORDS.encode(encoding), "f.csv") == (WORDS, None)


def test_western_letters_do_not_stop_the_reading() -> None:
    text, note = decode("date;température\n2020-01-01;1,5\n".encode("iso-8859-1"), "f.csv")
    assert "1,5" in text
    assert note is not None


@pytest.mark.parametrize("data", [b"\x00\x01\x02\x03" * 50, bytes(range(1, 32)) * 20])
def test_binary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="binary file"):
        decode(data, "f.csv")


def test_lines_are_numbered_as_in_the_file() -> None:
    sheet = sheet_of_text('\na,b\n\n"x\ny",2\n3,4\n', "f.csv")
    assert sheet.rows == [["a", "b"], ["x\ny", "2"], ["3", "4"]]
    assert sheet.lines == [2, 4, 6]


def test_a_semicolon_goes_before_a_comma() -> None:
    assert sheet_of_text("a;b\n1,5;2,5\n3,5;4,5\n", "f.csv").separator == ";"


def test_a_header_with_its_own_separator_is_split_by_it() -> None:
    sheet = sheet_of_text("a*b*c\n1,2,3,\n4,5,6,\n", "f.csv")
    assert sheet.rows[0] == ["a", "b", "c"]


def test_a_cut_last_line_is_known() -> None:
    assert sheet_of_text("a,b\n1,2", "f.csv").cut
    assert not sheet_of_text("a,b\n1,2\n", "f.csv").cut


def test_an_unclosed_quote_is_refused_with_its_line() -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 3: a quoted cell is damaged"):
        sheet_of_text('a,b\n1,2\n3,"4\n5,6\n', "f.csv")
