"""A sheet: rows of stripped text cells with their line numbers, the common form of text files and workbooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nurt.data.readers.serials import readable_dates
from nurt.errors import DataError, MissingExtraError

__all__ = ["Sheet", "refusal", "sheet_of_workbook", "trimmed"]

_LONGEST_QUOTE = 80


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
    """

    file: str
    rows: list[list[str]]
    lines: list[int]
    separator: str | None = None
    notes: tuple[str, ...] = ()
    cut: bool = False

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
    shown = seen if len(seen) <= _LONGEST_QUOTE else seen[:_LONGEST_QUOTE] + " …"
    return DataError(f"{file}, line {line}: {reason}.", got=repr(shown), cure=cure)


def sheet_of_workbook(data: bytes, file: str) -> Sheet:
    """Read the first sheet of an Excel workbook that holds cells; dates come as ISO text, numbers with a point.

    Raises:
        MissingExtraError: the extra ``excel`` is not installed.
        DataError: the workbook is damaged or empty.
    """
    try:
        import fastexcel
    except ImportError:
        raise MissingExtraError(
            f"{file}: reading an Excel workbook needs fastexcel, which is not installed.",
            cure="Install it with: pip install nurt[excel] (or save the sheet as CSV).",
        ) from None
    try:
        workbook = fastexcel.read_excel(data)
        names = workbook.sheet_names
        sheets = [workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string") for name in names]
    except fastexcel.FastExcelError as error:
        raise DataError(
            f"{file}: the workbook cannot be read ({str(error).splitlines()[0]}).",
            cure="Open it and save it again, or export it as CSV.",
        ) from None
    filled = [sheet for sheet in sheets if sheet.height]
    if not filled:
        raise DataError(f"{file}: the workbook has no cells.", cure="Give a workbook with a header and rows of data.")
    columns = [[(cell or "").strip() for cell in column] for column in filled[0].to_polars().iter_columns()]
    columns, date_notes = readable_dates(columns)
    numbered = [(line, list(row)) for line, row in enumerate(zip(*columns, strict=True), start=1) if any(row)]
    notes = date_notes
    if len(filled) > 1:
        notes = (*notes, f"{file} has {len(filled)} sheets; only the first, {filled[0].name!r}, was read.")
    return Sheet(file, [row for _, row in numbered], [line for line, _ in numbered], None, notes)
