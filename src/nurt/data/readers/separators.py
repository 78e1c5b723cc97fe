"""The separator of a text: the one that splits header and rows to one width, quoted cells left whole; never a guess."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from nurt.data.dates import form_of
from nurt.data.numbers import looks_missing, looks_numeric
from nurt.errors import DataError
from nurt.wording import quoted

__all__ = ["NO_SEPARATOR", "SEPARATORS", "cells_of", "kind_of", "lines_of", "separator_of"]

SEPARATORS = ("\t", ";", "|", ",")
_NAMES = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SAMPLED_ROWS = 2000
_TYPED_ROWS = 200
_TYPED_SHARE = 0.8
# A separator that no text holds leaves every line whole.
NO_SEPARATOR = "\x1f"
# Only what surrounds a cell in files that people align by hand; other white space may belong to a name.
_PADDING = " \t\r\n\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"


def cells_of(row: Sequence[str]) -> list[str]:
    """Return the cells of a row without the white space around them."""
    return [cell.strip(_PADDING) for cell in row]


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text with their ends: LF, CR LF or CR, never one of the other characters Unicode has."""
    return (match.group() for match in _LINE.finditer(text))


def kind_of(cell: str) -> str:
    """Return "missing", "date", "number" or "text"."""
    if looks_missing(cell):
        return "missing"
    if form_of(cell) is not None:
        return "date"
    return "number" if looks_numeric(cell) else "text"


def separator_of(text: str, file: str) -> str | None:
    """Return the separator of a text, None where every row is one cell.

    Args:
        text: the whole file; ends of lines are LF, CR LF or CR.
        file: the path, for messages.

    Raises:
        DataError: two separators split the text equally well.
    """
    read = [_reading(text, separator) for separator in SEPARATORS]
    if not all(reading.rows for reading in read):
        # Rows of nothing but one separator.
        return next(reading.separator for reading in read if not reading.rows)
    whole = [reading for reading in read if reading.is_table]
    if not whole:
        return next((reading.separator for reading in read if reading.splits_most), None)
    unbeaten = [one for one in whole if not any(other.beats(one) for other in whole)]
    if len(unbeaten) == 1 and all(unbeaten[0].beats(other) for other in whole if other is not unbeaten[0]):
        chosen = unbeaten[0]
        if chosen.separator == "," and chosen.is_one_column_with_decimal_commas:
            return None
        _refuse_foreign_header(chosen, file)
        return chosen.separator
    tied = [reading for reading in whole if reading in unbeaten] if len(unbeaten) > 1 else whole
    seen = next(
        (row for row in _rows(text, NO_SEPARATOR) if row and sum(one.separator in row[0] for one in tied) > 1), [""]
    )
    names = " or ".join(f"a {_NAMES[reading.separator]}" for reading in tied)
    widths = " and ".join(str(reading.width) for reading in tied)
    raise DataError(
        f"{file}: the columns may be separated by {names}; these split the rows into {widths} columns.",
        got=quoted(seen[0]),
        cure=f"Name the separator: --separator '{tied[0].separator}' on the command line, separator= in Python. "
        "Or put every cell that contains it in quotes.",
    )


@dataclass(frozen=True)
class _Reading:
    """The first rows of a text as one separator splits them."""

    separator: str
    rows: list[list[str]]

    @cached_property
    def width(self) -> int:
        """Number of columns of most rows; a separator at the end of every row makes no column."""
        usual = Counter(map(len, self.rows)).most_common(1)[0][0] if self.rows else 1
        return usual - all(not row[-1] for row in self.rows if len(row) == usual)

    @cached_property
    def fits(self) -> list[bool]:
        """For each row, whether it has this width."""
        width = self.width
        return [len(row) == width or (len(row) > width and not any(row[width:])) for row in self.rows]

    @property
    def is_table(self) -> bool:
        return self.width >= 2 and 2 * sum(self.fits) > len(self.rows)

    @property
    def splits_most(self) -> bool:
        # A comma in half of the rows may be a decimal mark.
        split = 2 * sum(len(row) >= 2 for row in self.rows)
        return split > len(self.rows) or (split == len(self.rows) and self.separator != ",")

    @cached_property
    def first(self) -> int:
        """Index of the first row of the table: its header, where it has one."""
        return self.fits.index(True)

    @cached_property
    def misfits(self) -> int:
        """Number of rows below the first that have another width."""
        return sum(not fit for fit in self.fits[self.first :])

    @cached_property
    def kinds(self) -> list[str]:
        """For each column below the first row "date" or "number" where its cells are, else "text"."""
        body = [row for row, fit in zip(self.rows, self.fits, strict=True) if fit][1:][:_TYPED_ROWS]
        kinds = []
        for column in range(self.width):
            counts = Counter(kind_of(row[column]) for row in body)
            present = sum(counts.values()) - counts.pop("missing", 0)
            kind, count = counts.most_common(1)[0] if counts else ("number", 0)
            kinds.append(kind if count >= _TYPED_SHARE * present else "text")
        return kinds

    @cached_property
    def has_header(self) -> bool:
        """Whether the first row names columns: words, of which some stand over numbers or dates."""
        found = [kind_of(cell) for cell in self.rows[self.first][: self.width]]
        over = any(cell == "text" and kind != "text" for cell, kind in zip(found, self.kinds, strict=True))
        return over and not {"number", "date"} & set(found)

    @cached_property
    def is_one_column_with_decimal_commas(self) -> bool:
        """A header without any separator over rows like ``4,05``."""
        header = self.rows[0]
        return (
            self.width == 2
            and len(header) == 1
            and self.first == 1
            and not header[0][:1].isdigit()
            and (all(_is_decimal(row) for row in self.rows[1:]))
        )

    def joined(self, row: int) -> str:
        """Return a row as it was written, but for quotes."""
        return self.separator.join(self.rows[row])

    def beats(self, other: _Reading) -> bool:
        """Return whether this reading explains the text and the other one does not.

        It does by its first row, the header that the other one leaves standing above its rows as it would a title;
        or by its cells, when they are numbers and dates where the other one has pieces of them.
        """
        if self is other:
            return False
        ours = sum(kind != "text" for kind in self.kinds)
        theirs = sum(kind != "text" for kind in other.kinds)
        if ours and not theirs:
            return True
        if self.first < other.first and (
            (self.has_header and not other.has_header) or (self.misfits <= other.misfits and theirs)
        ):
            return True
        decisive = "date" in self.kinds or not (self.has_header or other.has_header)
        return decisive and ours > theirs and self.width - ours <= other.width - theirs


def _refuse_foreign_header(reading: _Reading, file: str) -> None:
    """Refuse rows without a header below a line that another separator splits to just as many names."""
    if reading.first == 0 or reading.has_header:
        return
    for row in reading.rows[: reading.first]:
        for other in (other for other in SEPARATORS if other in row[0] and len(row) == 1):
            names = cells_of(next(csv.reader([row[0]], delimiter=other)))
            if len(names) == reading.width and all(kind_of(name) == "text" for name in names):
                raise DataError(
                    f"{file}: the header has a {_NAMES[other]} between its names, but the rows have a "
                    f"{_NAMES[reading.separator]} between their cells.",
                    expected="one separator for header and rows",
                    got=f"{quoted(row[0])} above {quoted(reading.joined(reading.first))}",
                    cure="Correct the header, or export the file again.",
                )


def _is_decimal(row: Sequence[str]) -> bool:
    """Whether a row split at commas was one number."""
    return len(row) <= 2 and all(part.isdigit() for part in (row[0].lstrip("+-"), *row[1:]))


def _reading(text: str, separator: str) -> _Reading:
    rows = [cells for row in _rows(text, separator) if any(cells := cells_of(row))]
    first = next((index for index, row in enumerate(rows) if not row[0].startswith("#")), len(rows))
    return _Reading(separator, rows[first:])


def _rows(text: str, separator: str) -> list[list[str]]:
    """Return the first rows; where a cell is too long for the reader, the rows before it."""
    rows: list[list[str]] = []
    reader = csv.reader(lines_of(text), delimiter=separator)
    try:
        rows.extend(itertools.islice(reader, _SAMPLED_ROWS))
    except csv.Error:
        # The reader that reads all rows says where and why.
        return rows
    return rows
