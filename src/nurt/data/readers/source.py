"""One file: opened, unpacked and recognised by its first bytes, or refused with one clear message."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nurt.data.readers.sheet import Sheet, sheet_of_workbook
from nurt.data.readers.text import decode, sheet_of_text
from nurt.errors import DataError

__all__ = ["Source", "load"]

Kind = Literal["text", "json", "workbook", "parquet"]

_FOREIGN = {
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
}
_READABLE = "a CSV, TSV or JSON text (also .gz), an Excel workbook or a Parquet file"


@dataclass(frozen=True)
class Source:
    """The unpacked bytes of one file, read as text, JSON or cells on demand.

    Args:
        file: the path as it was given, for messages.
        data: the bytes, after gzip.
        kind: what the bytes are.
    """

    file: str
    data: bytes
    kind: Kind

    @cached_property
    def sheet(self) -> Sheet:
        """The file as rows of text cells, at least one.

        Raises:
            DataError: there is no cell, or the text or workbook is damaged.
        """
        if self.kind == "workbook":
            sheet = sheet_of_workbook(self.data, self.file)
        else:
            text, note = decode(self.data, self.file)
            sheet = sheet_of_text(text, self.file, notes=(note,) if note else ())
        if not sheet.rows:
            raise _empty(self.file)
        return sheet

    @cached_property
    def json(self) -> Any:
        """The file as a JSON value.

        Raises:
            DataError: the text is not valid JSON.
        """
        text, _ = decode(self.data, self.file)
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.file}, line {error.lineno}: begins like JSON but is damaged: {error.msg}.",
                got=repr(text[max(0, error.pos - 20) : error.pos + 20]),
                cure="Fetch or save the file again; it may have been cut short.",
            ) from None


def load(path: str | Path) -> Source:
    """Open one file.

    Args:
        path: a file; ``.gz`` is unpacked, whatever its name.

    Raises:
        DataError: the file is missing, empty, a folder, damaged, or of a kind that holds no table.
    """
    file = str(path)
    data = _unpack(_bytes(Path(path), file), file)
    if not data.strip():
        raise _empty(file)
    return Source(file, data, _kind(data, file))


def _empty(file: str) -> DataError:
    return DataError(f"{file}: the file is empty.", cure="Give a file with a header line and rows of data.")


def _bytes(path: Path, file: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file.", cure=_similar_files(path)) from None
    except IsADirectoryError:
        raise DataError(
            f"{file}: this is a folder, not a file.", cure=f"Name the files in it, for example {file.rstrip('/')}/*.csv"
        ) from None
    except OSError as error:
        raise DataError(
            f"{file}: the file cannot be opened ({error.strerror}).", cure="Check the path and the permissions."
        ) from None


def _similar_files(path: Path) -> str:
    from difflib import get_close_matches

    if path.parent.is_dir():
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
        close = get_close_matches(path.name, names, n=3)
        if close:
            return f"Did you mean {' or '.join(close)} in the same folder?"
    return "Check the path."


def _unpack(data: bytes, file: str) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise DataError(
            f"{file}: the gzip file is damaged or cut short.", cure="Copy or download the file again."
        ) from None


def _kind(data: bytes, file: str) -> Kind:
    for magic, name in _FOREIGN.items():
        if data.startswith(magic):
            raise DataError(
                f"{file}: this is {name}, not a table.", expected=_READABLE, cure="Unpack or export it first."
            )
    if data.startswith(b"PK\x03\x04"):
        if b"xl/" in data:
            return "workbook"
        raise DataError(
            f"{file}: this is a zip archive, not a table.",
            expected=_READABLE,
            cure="Unpack it and name the files in it.",
        )
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "workbook"
    if data.startswith(b"PAR1"):
        return "parquet"
    beginning = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(
            f"{file}: this is a web page or XML, not a table.",
            expected=_READABLE,
            cure="A download probably gave an error page: open it in a browser, then fetch the data again.",
        )
    return "json" if beginning.startswith((b"{", b"[")) else "text"
