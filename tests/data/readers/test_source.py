"""One clear message for every file that is none."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from nurt.data.readers import read
from nurt.data.readers.source import load
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
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match="cannot be opened"):
        load(tmp_path / "secret.csv")


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
