"""One file: opened, unpacked, recognised by its first bytes, decoded and split into rows of cells."""

from __future__ import annotations

import csv
import itertools
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nurt.data.readers.opening import bytes_of
from nurt.data.readers.separators import NO_SEPARATOR, cells_of, lines_of, separator_of
from nurt.data.readers.sheet import TO_BE_FOUND, Notation, Sheet, refusal, sheet_of_workbook, trimmed
from nurt.errors import DataError
from nurt.wording import quoted

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
_LARGEST_JSON = 32 << 20
_MOST_DIGITS = 18
_TELLING_BYTES = 20_000
_HEADER_LINES = 12
# As many as a sheet of Excel has; each costs time in every step of reading.
_MOST_COLUMNS = 16_384
_LISTED = 20
_SEPARATOR_HINT = re.compile(r"[ ]*sep=([^\r\n\"])[ ]*(?:\r\n|\r|\n)", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """The unpacked bytes of one file, read as text, JSON or cells on demand.

    Args:
        file: the path as it was given, for messages.
        data: the bytes, after gzip.
        kind: recognised by the first bytes.
        notation: what was said about how cells and numbers are written.
    """

    file: str
    data: bytes
    kind: Kind
    notation: Notation = TO_BE_FOUND

    @cached_property
    def sheet(self) -> Sheet:
        """The file as rows of text cells, at least one.

        Raises:
            DataError: there is no cell, or the text or workbook is damaged.
        """
        if self.kind == "workbook":
            sheet = sheet_of_workbook(self.data, self.file, self.notation)
        else:
            text, note = decode(self.data, self.file)
            sheet = sheet_of_text(text, self.file, notes=(note,) if note else (), notation=self.notation)
        if not sheet.rows:
            raise _empty(self.file)
        return sheet

    @cached_property
    def json(self) -> Any:
        """The file as a JSON value.

        Raises:
            DataError: the text is not valid JSON.
        """
        if len(self.data) > _LARGEST_JSON:
            raise DataError(
                f"{self.file}: the JSON is larger than {_LARGEST_JSON >> 20} MiB.",
                cure="Fetch a shorter range, or convert the file to CSV.",
            )
        text, _ = decode(self.data, self.file)
        try:
            value = json.loads(text, parse_int=_whole)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.file}, line {error.lineno}: begins like JSON but is damaged: {error.msg}.",
                got=repr(text[max(0, error.pos - 20) : error.pos + 20]),
                cure="Fetch or save the file again, it may have been cut short; convert JSON of another kind, such as "
                "an object per line, to CSV.",
            ) from None
        except RecursionError:
            raise DataError(
                f"{self.file}: the JSON is nested too deeply to be an answer of a service.",
                got=quoted(text, 40),
                cure="Convert the file to CSV.",
            ) from None
        if "\\ud" in text.lower() and _has_half_characters(value):
            raise DataError(
                f"{self.file}: a text in the JSON holds half of a character (a lone surrogate).",
                cure="Fetch or save the file again.",
            )
        return value


def load(path: str | Path, notation: Notation = TO_BE_FOUND) -> Source:
    """Open one file.

    Args:
        path: a file; ``.gz`` is unpacked, whatever its name.
        notation: what was said about how cells and numbers are written.

    Raises:
        DataError: the file is missing, empty, a folder, damaged, or of a kind that holds no table.
    """
    file = str(path)
    data = bytes_of(Path(path), file)
    if not data.strip():
        raise _empty(file)
    return Source(file, data, _kind(data, file), notation)


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
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file}: the text begins as UTF-16 and is damaged at byte {error.start}.",
                cure="Copy or download the file again, or save it as UTF-8.",
            ) from None
        if "\x00" in text:
            raise _binary(data, file)
        return text, None
    if b"\x00" in data or _control_share(data[:4096]) > 0.02:
        raise _binary(data, file)
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        pass
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_TELLING_BYTES]
    encoding = max(_SINGLE_BYTE, key=lambda candidate: _polish_score(telling.decode(candidate, errors="replace")))
    text = data.decode(encoding, errors="replace")
    note = f"{file} is not UTF-8; read as {encoding}, by the letters in its words. Numbers do not depend on this."
    return text, note


def sheet_of_text(text: str, file: str, *, notes: tuple[str, ...] = (), notation: Notation = TO_BE_FOUND) -> Sheet:
    """Split a text into rows of cells; only LF, CR LF and CR end a line.

    Args:
        text: the whole file.
        file: the path, for messages.
        notes: of what was guessed so far.
        notation: separator and notation of numbers, where they were said, and the lines to skip; see
            :func:`nurt.data.readers.separators.separator_of`.

    Raises:
        DataError: the separator is ambiguous, a quote is never closed, or a cell is too long.
    """
    text = _below(text, notation.skipped)
    hint, text, hinted = _separator_hint(text)
    skipped = notation.skipped + hinted
    separator = notation.separator or hint or separator_of(text, file)
    rows: list[list[str]] = []
    numbers: list[int] = []
    reader = csv.reader(lines_of(text), delimiter=separator or NO_SEPARATOR, strict=True)
    before = 0
    try:
        for row in reader:
            cells = cells_of(row)
            if len(cells) > _MOST_COLUMNS:
                raise refusal(
                    file,
                    before + 1 + skipped,
                    (separator or "").join(row[:_LISTED]),
                    f"{len(cells)} cells in a row; a table may have {_MOST_COLUMNS} columns",
                    "Give one series per row of the file as rows of three columns: series, time and value.",
                )
            if any(cells):
                rows.append(cells)
                numbers.append(before + 1 + skipped)
            before = reader.line_num
    except csv.Error as error:
        raise _damaged_cell(text, file, before, skipped, error) from None
    _split_starred_headers(rows)
    cut = bool(rows) and not text.endswith(("\n", "\r"))
    return Sheet(file, rows, numbers, separator, notes, cut, notation.numbers)


def _below(text: str, skipped: int) -> str:
    """Return the text without so many of its lines."""
    return "".join(itertools.islice(lines_of(text), skipped, None)) if skipped else text


def _damaged_cell(text: str, file: str, before: int, skipped: int, error: csv.Error) -> DataError:
    seen = next(itertools.islice(lines_of(text), before, None), "").rstrip("\r\n")
    if "field limit" in str(error):
        limit = csv.field_size_limit()
        return refusal(
            file,
            before + 1 + skipped,
            seen,
            f"a cell has more than {limit} characters",
            "Remove it; a quote that is opened and never closed may be the cause.",
        )
    return refusal(
        file,
        before + 1 + skipped,
        seen,
        f"a quoted cell is damaged ({error})",
        'Close every " that is opened, and double a " that belongs to the text.',
    )


def _binary(data: bytes, file: str) -> DataError:
    place = max(0, data.find(b"\x00"))
    line = data.count(b"\n", 0, place) + 1
    return DataError(
        f"{file}: this is a binary file, not text.",
        expected=_READABLE,
        got=f"bytes {data[max(0, place - 4) : place + 8]!r} in line {line}",
        cure="Export the data as CSV.",
    )


def _empty(file: str) -> DataError:
    return DataError(f"{file}: the file is empty.", cure="Give a file with a header line and rows of data.")


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


def _whole(digits: str) -> int | float:
    """Return a whole number; one of many digits as a float, which is infinite where it overflows."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _has_half_characters(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _control_share(data: bytes) -> float:
    control = sum(byte < 32 and byte not in b"\t\n\r\x0b\x0c" for byte in data)
    return control / max(1, len(data))


def _polish_score(text: str) -> int:
    foreign = [letter for letter in text if not letter.isascii()]
    letters = sum(1 if letter in _POLISH else -1 for letter in foreign)
    return letters + 20 * len(_IN_KNOWN_WORDS.findall(text))


def _separator_hint(text: str) -> tuple[str | None, str, int]:
    """Spreadsheets may name the separator in a first line ``sep=;``."""
    match = _SEPARATOR_HINT.match(text)
    return (match.group(1), text[match.end() :], 1) if match else (None, text, 0)


def _split_starred_headers(rows: list[list[str]]) -> None:
    """The portal of GIOŚ writes ``*`` between the names above rows separated by commas."""
    starred = [
        index
        for index, row in enumerate(rows[:_HEADER_LINES])
        if len(trimmed(row)) == 1 and "*" in row[0] and any(cells_of(row[0].split("*")))
    ]
    if starred and max(len(trimmed(row)) for row in rows[_HEADER_LINES:] or rows) >= 2:
        for index in starred:
            rows[index] = cells_of(rows[index][0].split("*"))
