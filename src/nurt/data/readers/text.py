"""From bytes to rows of cells: encoding, separators, quotes; whatever is doubtful is said or refused."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from nurt.data.readers.sheet import Sheet, refusal, trimmed
from nurt.errors import DataError

__all__ = ["decode", "sheet_of_text"]

_SINGLE_BYTE = ("cp1250", "iso-8859-2", "cp852", "iso-8859-1")
_POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")
_KNOWN_WORDS = re.findall(
    r"\w+",
    "pełny amerykański węgry kraków wrocław łódź poznań gdańsk pył węgla wskaźnik uśredniania średni miesiąc dzień "
    "wartość prędkość ciśnienie wilgotność",
)
_IN_KNOWN_WORDS = re.compile("|".join(form(word) for word in _KNOWN_WORDS for form in (str, str.capitalize, str.upper)))
_SEPARATORS = ("\t", ";", "|", ",")
_HEADER_SEPARATORS = (*_SEPARATORS, "*")
_SAMPLED_LINES = 400
_TELLING_BYTES = 20_000
_HEADER_LINES = 12
_SEPARATOR_HINT = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)


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


def _control_share(data: bytes) -> float:
    control = sum(byte < 32 and byte not in b"\t\n\r\x0c" for byte in data)
    return control / max(1, len(data))


def _polish_score(text: str) -> int:
    foreign = [letter for letter in text if not letter.isascii()]
    letters = sum(1 if letter in _POLISH else -1 for letter in foreign)
    return letters + 20 * len(_IN_KNOWN_WORDS.findall(text))


def sheet_of_text(text: str, file: str, *, notes: tuple[str, ...] = ()) -> Sheet:
    """Split a text into rows of cells.

    The separator is the one that splits most lines; a header line that holds none of it but another one (the
    portal writes ``*`` over comma rows) is split by its own.

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
