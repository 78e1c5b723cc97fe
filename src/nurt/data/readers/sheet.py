"""A sheet: rows of text cells with line numbers, the common form of text files and workbooks, and its data rows."""

from __future__ import annotations

import datetime
import importlib.util
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nurt.data.dates import TIME_NAMES, form_of
from nurt.data.notation import ANY_NUMBERS, NumberNotation
from nurt.data.readers.guarded import read_guarded
from nurt.errors import DataError, MissingExtraError
from nurt.wording import name_in_words, quoted

__all__ = [
    "DataRows",
    "Notation",
    "Sheet",
    "align",
    "end_of_dated_rows",
    "end_without_totals",
    "refusal",
    "sheet_of_workbook",
    "trimmed",
]

_SHORT_SHARE = 0.05
_LONGEST_FOOTER = 20
_ORIGIN = datetime.datetime(1899, 12, 30)
_FRACTION = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d+")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_HEADERS = frozenset({*TIME_NAMES, "kod stacji", "kod stanowiska", "wskaźnik", "czas uśredniania"})
_FEWEST_COMPARED = 3
_TOTAL = re.compile(
    r"(?:(?:grand |sub)?totals?|sum|average|avg\.?|mean|razem|suma|średnia|ogółem|łącznie)\s*:?$|"
    r"(?:notes?|remarks?|sources?|uwag[ai]|źródło)\s*:",
    re.IGNORECASE,
)
_FIRST_SERIAL, _LAST_SERIAL = 10_000.0, 80_000.0


@dataclass(frozen=True)
class Notation:
    """How a file is written, where a person says so.

    Args:
        separator: of the cells of a text, None to find it.
        numbers: decimal mark, thousands separator and marks of missing values.
        skipped: number of lines (of a workbook: rows) above the table.
        time_format: of the times of a plain table, as for ``strptime``, or a word that says what their numbers are
            (:data:`nurt.data.numbered_stamps.FORMATS`). None to find it.
    """

    separator: str | None = None
    numbers: NumberNotation = ANY_NUMBERS
    skipped: int = 0
    time_format: str | None = None


TO_BE_FOUND = Notation()


@dataclass(frozen=True)
class Sheet:
    """Rows of cells, blank rows left out.

    Args:
        file: the path, for messages.
        rows: the cells of each row, stripped; trailing empty cells are kept.
        lines: the line (text) or row (workbook) number of each row, from 1.
        separator: what separates the cells; None in a workbook or where there is one column.
        notes: what had to be guessed so far.
        cut: the text ends without a line break, so its last line may be incomplete.
        numbers: how numbers are written, where that was said.
    """

    file: str
    rows: list[list[str]]
    lines: list[int]
    separator: str | None = None
    notes: tuple[str, ...] = ()
    cut: bool = False
    numbers: NumberNotation = ANY_NUMBERS

    def refusal(self, row: int, reason: str, cure: str) -> DataError:
        """Return the error that refuses the file because of ``rows[row]``."""
        seen = (self.separator or " ").join(trimmed(self.rows[row]))
        return refusal(self.file, self.lines[row], seen, reason, cure)


def trimmed(row: Sequence[str]) -> list[str]:
    """Return the row without its trailing empty cells."""
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return list(row[:end])


def refusal(file: str, line: int, seen: str, reason: str, cure: str) -> DataError:
    """Return the error of a reader: file, line, the text seen, the reason and the cure."""
    return DataError(f"{file}, line {line}: {reason}.", got=f"'{name_in_words(seen)}'", cure=cure)


def sheet_of_workbook(data: bytes, file: str, notation: Notation) -> Sheet:
    """Read the first sheet of an Excel workbook that holds cells; dates come as ISO text, numbers with a point.

    Raises:
        MissingExtraError: the extra ``excel`` is not installed.
        DataError: the workbook is damaged or empty.
    """
    if importlib.util.find_spec("fastexcel") is None:
        raise MissingExtraError(
            f"{file}: reading an Excel workbook needs fastexcel, which is not installed.",
            cure="Install it with: pip install nurt[excel] (or save the sheet as CSV).",
        )
    facts, frame = read_guarded("workbook", data, file)
    if not facts["filled"]:
        raise DataError(f"{file}: the workbook has no cells.", cure="Give a workbook with a header and rows of data.")
    columns = [[(cell or "").strip() for cell in column] for column in frame.iter_columns()]
    columns, date_notes = _readable_dates(columns)
    numbered = [
        (line, list(row))
        for line, row in enumerate(zip(*columns, strict=True), start=1)
        if line > notation.skipped and any(row)
    ]
    notes = date_notes
    if facts["filled"] > 1:
        notes = (
            *notes,
            f"{file} has {facts['filled']} sheets; only the first, {quoted(facts['name'])}, was read.",
        )
    lines = [line for line, _ in numbered]
    return Sheet(file, [row for _, row in numbered], lines, notes=notes, numbers=notation.numbers)


@dataclass(frozen=True)
class DataRows:
    """The rows of data below a header, all of its width.

    Args:
        sheet: the sheet of the rows.
        first: index of the first data row in the sheet.
        cells: the cells of each row.
        short: the rows that had too few fields and were filled with missing values.
        lost: a last cell that seems to be cut short and counts as missing, "" where there is none.
    """

    sheet: Sheet
    first: int
    cells: list[list[str]]
    short: list[int]
    lost: str = ""

    @property
    def lines(self) -> np.ndarray:
        """Line number of each row, int64."""
        return np.asarray(self.sheet.lines[self.first : self.first + len(self.cells)], dtype=np.int64)

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """The cells of each column."""
        return list(zip(*self.cells, strict=True))

    def place(self, row: int) -> str:
        """Return file and line of a row, for messages."""
        return f"{self.sheet.file}, line {self.sheet.lines[self.first + row]}"

    def refusal(self, row: int, reason: str, cure: str) -> DataError:
        """Return the error that refuses the file because of a row."""
        return self.sheet.refusal(self.first + row, reason, cure)

    def refuse_many_short(self) -> None:
        """Refuse a file where more than one row in twenty has too few fields.

        Raises:
            DataError: there are so many.
        """
        if len(self.short) > max(1, _SHORT_SHARE * len(self.cells)):
            raise self.refusal(
                self.short[0],
                f"the field counts match no reading of the header: {len(self.short)} of {len(self.cells)} rows "
                f"have fewer than {len(self.cells[0])} fields",
                "The file seems damaged or its header belongs to another file; fetch or export it again.",
            )

    def notes(self) -> tuple[str, ...]:
        """Return the notes on rows with too few fields and on a last row that may be cut short."""
        notes = []
        if self.short:
            place = self.place(self.short[0])
            notes.append(f"{place}: {len(self.short)} row(s) have too few fields; the absent cells count as missing.")
        last = self.first + len(self.cells) - 1
        if self.sheet.cut and last == len(self.sheet.rows) - 1:
            end = f"{self.place(len(self.cells) - 1)}: the file does not end with a line break"
            if self.lost:
                notes.append(f"{end}; its last cell, {quoted(self.lost)}, seems cut short and was left out.")
            else:
                row = (self.sheet.separator or " ").join(trimmed(self.sheet.rows[last]))
                notes.append(f"{end}; check that its last row is whole: {quoted(row)}.")
        return tuple(notes)


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
    seen = (sheet.separator or " ").join(trimmed(sheet.rows[stop]))
    return stop, (
        f"{sheet.file}, line {sheet.lines[stop]}: {footer} row(s) without a date after the data were skipped, "
        f"the first is {quoted(seen)}.",
    )


def end_without_totals(sheet: Sheet, first: int) -> tuple[int, tuple[str, ...]]:
    """Return where the data end when no column holds dates: before rows that begin with a word like total.

    A word that appears in rows above too is the name of a series.
    """
    stop = len(sheet.rows)
    while stop > first + 1 and _is_total(sheet, first, stop - 1):
        stop -= 1
    if stop == len(sheet.rows):
        return stop, ()
    seen = (sheet.separator or " ").join(trimmed(sheet.rows[stop]))
    return stop, (
        f"{sheet.file}, line {sheet.lines[stop]}: {len(sheet.rows) - stop} row(s) of totals or remarks after the data "
        f"were skipped, the first is {quoted(seen)}.",
    )


def _is_total(sheet: Sheet, first: int, index: int) -> bool:
    cells = sheet.rows[index]
    column = next(column for column, cell in enumerate(cells) if cell)
    if not _TOTAL.match(cells[column]):
        return False
    above = sheet.rows[first:index]
    return all(column >= len(row) or row[column].casefold() != cells[column].casefold() for row in above)


def align(sheet: Sheet, first: int, stop: int, width: int) -> DataRows:
    """Bring the data rows to the width of the header.

    A wider row is refused: its values cannot be assigned to columns. A narrower one is filled with missing values.

    Args:
        sheet: the sheet of the rows.
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
    elif sheet.cut and stop == len(sheet.rows) and 0 < len(last) <= width:
        column = len(last) - 1
        if _seems_cut(last[column], [row[column] for row in aligned[:-1] if row[column]]):
            aligned[-1][column] = ""
            return DataRows(sheet, first, aligned, short, lost=last[column])
    return DataRows(sheet, first, aligned, short)


def _seems_cut(cell: str, others: Sequence[str]) -> bool:
    """Whether the last cell of a file is shorter than all others of its column, and these show how long it should be.

    Numbers do by their decimals, or by their length where they have none; other cells when they are equally long.
    """
    if not cell or len(others) < _FEWEST_COMPARED:
        return False
    decimals = [_decimals(other) for other in others]
    if min(decimals) > _decimals(cell):
        return True
    lengths = set(map(len, others))
    return max(decimals) == 0 and len(lengths) == 1 and len(cell) < min(lengths)


def _decimals(cell: str) -> int:
    mark = max(cell.rfind("."), cell.rfind(","))
    return len(cell) - mark - 1 if mark >= 0 else 0


def _too_wide(sheet: Sheet, row: int, width: int) -> DataError:
    cells = trimmed(sheet.rows[row])
    if sheet.separator == "," and any(cell.isdigit() for cell in cells[1:]):
        return sheet.refusal(
            row,
            f"{len(cells)} fields under a header of {width}: a comma seems to be both separator and decimal mark, "
            "so the numbers are ambiguous",
            "Export again with semicolons between the columns, or with decimal points.",
        )
    return sheet.refusal(
        row,
        f"{len(cells)} fields under a header of {width}",
        "Give every column a name, or put a cell that contains the separator in quotes.",
    )


def _readable_dates(columns: Sequence[list[str]]) -> tuple[list[list[str]], tuple[str, ...]]:
    """Round times to the second, and turn bare serial numbers in a column named as a time into dates.

    Args:
        columns: the cells of each column of a workbook, header included.

    Returns:
        the columns, and a note where serial numbers were turned into dates.
    """
    rounded = [[_rounded(cell) for cell in column] for column in columns]
    found = [_of_serials(column) if _holds_serials(column) else None for column in rounded]
    notes = ("Bare serial numbers of the workbook were read as dates (day 0 is 1899-12-30).",) if any(found) else ()
    return [dates or column for column, dates in zip(rounded, found, strict=True)], notes


def _rounded(cell: str) -> str:
    if not _FRACTION.fullmatch(cell):
        return cell
    return _text(datetime.datetime.fromisoformat(cell))


def _text(moment: datetime.datetime) -> str:
    return (moment + datetime.timedelta(milliseconds=500)).strftime("%Y-%m-%d %H:%M:%S")


def _holds_serials(column: Sequence[str]) -> bool:
    header = next((cell for cell in column if cell), "")
    serials = [float(cell) for cell in column if _NUMBER.fullmatch(cell)]
    others = [cell for cell in column if cell and not _NUMBER.fullmatch(cell)]
    if header.lower() not in _HEADERS or len(serials) < 2 or len(others) > len(serials):
        return False
    ascending = all(earlier < later for earlier, later in itertools.pairwise(serials))
    return ascending and serials[0] > _FIRST_SERIAL and serials[-1] < _LAST_SERIAL


def _of_serials(column: Sequence[str]) -> list[str]:
    return [
        _text(_ORIGIN + datetime.timedelta(days=float(cell))) if _NUMBER.fullmatch(cell) else cell for cell in column
    ]
