"""One file: opened, unpacked, recognised by its first bytes, decoded and split into rows of cells."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nurt.data.readers.sheet import Sheet, refusal, sheet_of_workbook, trimmed
from nurt.errors import DataError

__all__ = ["Source", "decode", "load", "sheet_of_text"]

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
# Polish files first: of encodings with equal scores the first is chosen.
_SINGLE_BYTE = ("cp1250", "iso-8859-2", "cp852", "iso-8859-1")
_POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")
_KNOWN_WORDS = re.findall(
    r"\w+",
    "pełny amerykański węgry kraków wrocław łódź poznań gdańsk pył węgla wskaźnik uśredniania średni miesiąc dzień "
    "wartość prędkość ciśnienie wilgotność",
)
_IN_KNOWN_WORDS = re.compile("|".join(form(word) for word in _KNOWN_WORDS for form in (str, str.capitalize, str.upper)))
# The comma is last: it may also be the decimal mark of a file separated by one of the others.
_SEPARATORS = ("\t", ";", "|", ",")
_HEADER_SEPARATORS = (*_SEPARATORS, "*")
_SAMPLED_LINES = 400
_TELLING_BYTES = 20_000
_HEADER_LINES = 12
_SEPARATOR_HINT = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """The unpacked bytes of one file, read as text, JSON or cells on demand.

    Args:
        file: the path as it was given, for messages.
        data: the bytes, after gzip.
        kind: recognised by the first bytes.
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


def decode(data: bytes, file: str) -> tuple[str, str | None]:
    """Decode a text file; numbers and codes are ASCII, so a wrong guess can only damage names.

    UTF-8 (with or without a byte-order mark) is tried strictly, then UTF-16 by its mark. Any byte string decodes as
    ISO-8859-1, so the single-byte candidates are scored by the Polish words and letters they give.

    Returns:
        the text, and a note where the encoding had to be guessed.

    Raises:
        DataError: the bytes are not text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), None
    if b"\x00" in data[:4096] or _control_share(data[:4096]) > 0.02:
        raise DataError(
            f"{file}: this is a binary file, not text.",
            expected="a CSV, TSV or JSON text (also .gz), an Excel workbook or a Parquet file",
            got=f"bytes {data[:8]!r}",
            cure="Export the data as CSV.",
        )
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        pass
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_TELLING_BYTES]
    encoding = max(_SINGLE_BYTE, key=lambda candidate: _polish_score(telling.decode(candidate, errors="replace")))
    text = data.decode(encoding, errors="replace")
    note = f"{file} is not UTF-8; read as {encoding}, by the letters in its words. Numbers do not depend on this."
    return text, note


def sheet_of_text(text: str, file: str, *, notes: tuple[str, ...] = ()) -> Sheet:
    """Split a text into rows of cells.

    The separator is the one that splits most lines; a header line with another separator (the portal
    writes ``*`` over comma rows) is split by that one.

    Raises:
        DataError: a quote is never closed.
    """
    hint, text, skipped = _separator_hint(text)
    lines = text.splitlines()
    separator = hint or _separator(lines)
    rows: list[list[str]] = []
    numbers: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator or "\x1f", strict=True)
    before = 0
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append(cells)
                numbers.append(before + 1 + skipped)
            before = reader.line_num
    except csv.Error as error:
        seen = lines[before] if before < len(lines) else ""
        raise refusal(
            file,
            before + 1 + skipped,
            seen,
            f"a quoted cell is damaged ({error})",
            'Close every " that is opened, and double a " that belongs to the text.',
        ) from None
    if separator is not None:
        _split_foreign_headers(rows, separator)
    cut = bool(rows) and not text.endswith(("\n", "\r"))
    if cut:
        notes = (*notes, f"{file} does not end with a line break; check that its last row is whole.")
    return Sheet(file, rows, numbers, separator, notes, cut)


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


def _control_share(data: bytes) -> float:
    control = sum(byte < 32 and byte not in b"\t\n\r\x0c" for byte in data)
    return control / max(1, len(data))


def _polish_score(text: str) -> int:
    foreign = [letter for letter in text if not letter.isascii()]
    letters = sum(1 if letter in _POLISH else -1 for letter in foreign)
    return letters + 20 * len(_IN_KNOWN_WORDS.findall(text))


def _separator_hint(text: str) -> tuple[str | None, str, int]:
    """Spreadsheets may name the separator in a first line ``sep=;``."""
    first, _, rest = text.partition("\n")
    match = _SEPARATOR_HINT.fullmatch(first.rstrip("\r"))
    return (match.group(1), rest, 1) if match else (None, text, 0)


def _separator(lines: list[str]) -> str | None:
    sample = [line for line in lines if line.strip()][:_SAMPLED_LINES]
    for separator in _SEPARATORS:
        widths = Counter(len(row) for row in csv.reader(sample, delimiter=separator))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width >= 2 and 2 * count > len(sample):
            return None if separator == "," and _is_one_decimal_column(sample) else separator
        split = sum(count for width, count in widths.items() if width >= 2)
        if 2 * split > len(sample):
            return separator
    return None


def _is_one_decimal_column(sample: list[str]) -> bool:
    """A header without any separator over rows like ``4,05``: one column with decimal commas."""
    header, body = sample[0], sample[1:]
    if any(separator in header for separator in _HEADER_SEPARATORS) or re.search(r"\d", header[:1]):
        return False
    return bool(body) and all(re.fullmatch(r"\s*[+-]?\d+(,\d+)?\s*", line) for line in body)


def _split_foreign_headers(rows: list[list[str]], separator: str) -> None:
    width = max((len(trimmed(row)) for row in rows[_HEADER_LINES:] or rows), default=1)
    for index, row in enumerate(rows[:_HEADER_LINES]):
        cells = trimmed(row)
        if width < 2 or len(cells) != 1:
            continue
        for other in _HEADER_SEPARATORS:
            if other != separator and other in cells[0]:
                rows[index] = [cell.strip() for cell in cells[0].split(other)]
                break
