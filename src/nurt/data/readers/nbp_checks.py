"""Signs of damage inside an archive of NBP table A, found in what the file says twice: codes, units, table numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from nurt.data.readers.body import Body
from nurt.data.readers.dates import form_of
from nurt.data.readers.sheet import Sheet, trimmed

__all__ = ["TABLE_NUMBER", "check_footer", "refuse_damaged_rows"]

TABLE_NUMBER = re.compile(r"([0-9]{1,3})/A/NBP/([0-9]{4})")
_LONGEST_GAP_DAYS = 10
_CURE = "Fetch the yearly archive again."


def check_footer(sheet: Sheet, stop: int, quotes: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Compare the codes and units repeated below the data with those of the header; a difference means damage.

    Args:
        sheet: the archive.
        stop: index of the first row after the data.
        quotes: code and unit of each currency, in the order of the header.

    Returns:
        a note when there is no footer.

    Raises:
        DataError: they differ, or dated rows follow.
    """
    dated = next((row for row in range(stop, len(sheet.rows)) if form_of(sheet.rows[row][0])), None)
    if dated is not None:
        raise sheet.refusal(
            stop,
            f"{sheet.rows[stop][0]!r} is not a date, but dated rows follow (line {sheet.lines[dated]})",
            "Correct this row. If years were written into one file, give each yearly file by itself; "
            "they are joined by currency code.",
        )
    for row in range(stop, len(sheet.rows)):
        cells = trimmed(sheet.rows[row])[1:]
        codes = bool(cells) and all(re.fullmatch("[A-Z]{3}", cell) for cell in cells)
        units = bool(cells) and all(re.fullmatch("[1-9][0-9]*", cell) for cell in cells)
        expected = [code if codes else str(unit) for code, unit in quotes]
        if (codes or units) and cells != expected:
            pairs = zip([*expected, ""], [*cells, ""], strict=False)
            header, footer = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
            raise sheet.refusal(
                row,
                f"the footer does not repeat the header: {len(cells)} entries for {len(quotes)} currencies, "
                f"{footer!r} where the header says {header!r}",
                "Columns seem to have been moved or lost; fetch the yearly archive again.",
            )
    return () if stop < len(sheet.rows) else (f"{sheet.file} has no footer to cross-check its columns with.",)


def refuse_damaged_rows(sheet: Sheet, body: Body, dates: pl.Series) -> None:
    """Refuse rows whose table number (001/A/NBP/2021, last in the row) stands elsewhere or does not fit the date.

    A cell lost inside a row shifts all rates after it. A piece lost across rows runs two of them together; then the
    numbers, one per business day, advance faster or slower than the dates.

    Args:
        sheet: the archive.
        body: its data rows.
        dates: the date of each.

    Raises:
        DataError: a row is damaged.
    """
    found = [_table_number(row) for row in body.rows]
    columns = [column for column, *_ in filter(None, found)]
    if not columns:
        return
    usual = max(set(columns), key=columns.count)
    for index, number in enumerate(found):
        if number is not None and number[0] != usual:
            reason = "a field is missing or added inside the row, so its rates stand under wrong currencies"
            raise sheet.refusal(body.first + index, reason, _CURE)
        if number is None and index < len(found) - 1:
            raise sheet.refusal(body.first + index, "the row ends before its table number", _CURE)
    for index in range(1, len(found)):
        before, now = found[index - 1], found[index]
        if before is None or now is None or before[2] != now[2]:
            continue
        days, advance = (dates[index] - dates[index - 1]).days, now[1] - before[1]
        if (days > 0 and advance > days) or (days > _LONGEST_GAP_DAYS and advance == 1):
            reason = f"table numbers advance by {advance} in {days} day(s): rows were lost or run together near here"
            raise sheet.refusal(body.first + index, reason, _CURE)


def _table_number(row: Sequence[str]) -> tuple[int, int, int] | None:
    """Return column, number and year of the table number in a row."""
    for column, cell in enumerate(row):
        match = TABLE_NUMBER.fullmatch(cell)
        if match:
            return column, int(match.group(1)), int(match.group(2))
    return None
