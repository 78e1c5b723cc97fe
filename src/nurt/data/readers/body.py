"""The data rows of a sheet: where they end, and how they are brought to the width of the header."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from nurt.data.readers.dates import form_of
from nurt.data.readers.sheet import Sheet, trimmed
from nurt.errors import DataError

__all__ = ["Body", "align", "end_of_dated_rows", "refuse_many_short_rows", "short_rows_note"]

_SHORT_SHARE = 0.05
_LONGEST_FOOTER = 20


@dataclass(frozen=True)
class Body:
    """Data rows of one width.

    Args:
        file: where they stand.
        rows: the cells, every row equally wide.
        lines: their line numbers.
        short: indices of the rows that had too few fields and were filled up with missing values.
        first: the sheet's index of the first of them.
    """

    file: str
    rows: list[list[str]]
    lines: list[int]
    short: list[int]
    first: int

    def place(self, row: int) -> str:
        """Return file and line of a data row, for messages."""
        return f"{self.file}, line {self.lines[row]}"


def end_of_dated_rows(sheet: Sheet, first: int, column: int) -> tuple[int, tuple[str, ...]]:
    """Return where the data end when every data row has a date in ``column``, and a note on the footer below.

    Raises:
        DataError: so many rows without a date follow that they cannot be a footer.
    """
    stop = len(sheet.rows)
    while stop > first and not (len(sheet.rows[stop - 1]) > column and form_of(sheet.rows[stop - 1][column])):
        stop -= 1
    footer = len(sheet.rows) - stop
    if footer > _LONGEST_FOOTER:
        raise sheet.refusal(stop, f"{footer} rows from here on have no date", "Correct or remove these rows.")
    if not footer:
        return stop, ()
    return stop, (
        f"{sheet.file}, line {sheet.lines[stop]}: {footer} row(s) without a date after the data were skipped.",
    )


def align(sheet: Sheet, first: int, stop: int, width: int) -> Body:
    """Bring the data rows to the width of the header.

    A wider row is refused: its values can no longer be told apart. A narrower one keeps what it has.

    Args:
        sheet: where the rows stand.
        first: index of the first data row.
        stop: index after the last data row.
        width: number of columns the header names.

    Raises:
        DataError: a row has more fields than the header names.
    """
    rows = sheet.rows[first:stop]
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    whole = usual if usual == width + 1 else width
    aligned: list[list[str]] = []
    short: list[int] = []
    for index, row in enumerate(rows):
        if len(row) > max(usual, width + 1) or any(row[width:]):
            raise _too_wide(sheet, first + index, width)
        if len(row) < width or (len(row) < whole and not row[-1]):
            short.append(index)
        aligned.append(row[:width] + [""] * (width - len(row)))
    last = rows[-1]
    if sheet.cut and stop == len(sheet.rows) and len(last) < min(usual, width + 1):
        # A file that breaks off inside a row may break off inside a number: 3,69 of 3,6998 is a wrong number.
        aligned[-1][len(last) - 1] = ""
        short = sorted({*short, len(rows) - 1})
    return Body(sheet.file, aligned, sheet.lines[first:stop], short, first)


def refuse_many_short_rows(sheet: Sheet, body: Body, width: int) -> None:
    """Refuse a file where more than one row in twenty has too few fields."""
    if len(body.short) > max(1, _SHORT_SHARE * len(body.rows)):
        raise sheet.refusal(
            body.first + body.short[0],
            f"the field counts match no reading of the header: {len(body.short)} of {len(body.rows)} rows "
            f"have fewer than {width} fields",
            "The file seems damaged or its header belongs to another file; fetch or export it again.",
        )


def short_rows_note(body: Body) -> tuple[str, ...]:
    """Return the note on rows with too few fields, if there are any."""
    if not body.short:
        return ()
    place = body.place(body.short[0])
    return (f"{place}: {len(body.short)} row(s) have too few fields; what is not there counts as missing.",)


def _too_wide(sheet: Sheet, row: int, width: int) -> DataError:
    cells = trimmed(sheet.rows[row])
    if sheet.separator == "," and any(cell.isdigit() for cell in cells[1:]):
        return sheet.refusal(
            row,
            f"{len(cells)} fields under a header of {width}: a comma seems to be both separator and decimal mark, "
            "so the numbers cannot be told apart",
            "Export again with semicolons between the columns, or with decimal points.",
        )
    return sheet.refusal(
        row,
        f"{len(cells)} fields under a header of {width}",
        "Give every column a name, or put a cell that contains the separator in quotes.",
    )
