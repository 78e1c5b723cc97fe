"""The header of a plain table: its rows and its column names, recognised by the contents of the cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nurt.data.dates import TIME_NAMES
from nurt.data.readers.separators import kind_of
from nurt.data.readers.sheet import Sheet, trimmed
from nurt.wording import name_in_words, quoted

__all__ = ["ID_NAMES", "Header", "find_header", "unique_names"]

ID_NAMES = ("unique_id", "series_id", "item_id")
_LONGEST_HEADER = 10
_SAMPLED_ROWS = 200
_SHOWN = 5
_LABEL_NAMES = frozenset({*ID_NAMES, "id", "series", "name", "country", "date", "ds", "time", "year", "data", "rok"})


@dataclass(frozen=True)
class Header:
    """The header of a table.

    Args:
        names: one per column, stripped; "" where there is none.
        first: index of the first data row in the sheet.
        notes: rows that were set aside.
    """

    names: tuple[str, ...]
    first: int
    notes: tuple[str, ...] = ()


def find_header(sheet: Sheet) -> Header:
    """Find the header of a plain table: the leading rows whose cells differ in kind from the columns below.

    A table without a header gets the names ``column_1``, ``column_2``, …

    Raises:
        DataError: no row looks like data.
    """
    kinds = _column_kinds(sheet)
    if not {"number", "date"} & set(kinds):
        raise sheet.refusal(
            0,
            "no column holds numbers or dates, so this does not look like a table of data",
            "Give a CSV, TSV, Excel or Parquet table with a header line and at least one column of numbers.",
        )
    first = 0
    longest = min(_LONGEST_HEADER, len(sheet.rows))
    while first < longest and _is_header_row(sheet.rows[first], kinds, topmost=first == 0):
        first += 1
    if first == len(sheet.rows):
        raise sheet.refusal(first - 1, "there is a header but no row of data", "Give a file with rows of data.")
    if first == 0:
        _refuse_ambiguous_commas(sheet, kinds)
        width = max(len(trimmed(row)) for row in sheet.rows)
        names = tuple(f"column_{index + 1}" for index in range(width))
        named = f"columns are named {names[0]} … {names[-1]}" if width > 1 else f"column is named {names[0]}"
        return Header(names, 0, (f"{sheet.file} has no header; its {named}.",))
    return _named(sheet, first)


def unique_names(names: Sequence[str], file: str) -> tuple[list[str], dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Make the column names unique.

    Returns:
        the names ("" became ``column_<i>``, repeated ones got a suffix), the new names of each repeated one, and notes.
    """
    counts = Counter(name for name in names if name)
    taken = set(counts)
    unique: list[str] = []
    groups: dict[str, tuple[str, ...]] = {}
    for index, name in enumerate(names, start=1):
        candidate = name or f"column_{index}"
        if not name or counts[name] > 1:
            serial = len(groups.get(name, ())) + 1 if name else index
            candidate = f"{name or 'column'}_{serial}"
            while candidate in taken:
                serial += 1
                candidate = f"{name or 'column'}_{serial}"
            taken.add(candidate)
            if name:
                groups[name] = (*groups.get(name, ()), candidate)
        unique.append(candidate)
    notes = tuple(
        f"{file}: {len(found)} columns are named {quoted(name)}; they were renamed {_listed(found)}."
        for name, found in groups.items()
    )
    return unique, groups, notes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(name_in_words, names[:_SHOWN])) + more


def _named(sheet: Sheet, first: int) -> Header:
    rows = [trimmed(row) for row in sheet.rows[:first]]
    named = max(range(first), key=lambda index: _likeness_to_names(rows[index]))
    notes = tuple(
        f"{sheet.file}, line {sheet.lines[index]}: set aside as a further header row: {quoted(' '.join(row))}."
        for index, row in enumerate(rows)
        if index != named
    )
    return Header(tuple(rows[named]), first, notes)


def _likeness_to_names(row: Sequence[str]) -> tuple[bool, int, int]:
    """A name of a time speaks for a row of names, a date against one; then the number of different cells counts."""
    dates = sum(kind_of(cell) == "date" for cell in row)
    return any(cell.lower() in TIME_NAMES for cell in row), -dates, len({cell for cell in row if cell})


def _column_kinds(sheet: Sheet) -> list[str]:
    """Return the commonest kind of each column, from rows that are surely below any header."""
    surely_below = _LONGEST_HEADER if len(sheet.rows) > 2 * _LONGEST_HEADER else len(sheet.rows) // 2
    sample = sheet.rows[surely_below : surely_below + _SAMPLED_ROWS]
    kinds = []
    for column in range(max(len(row) for row in sample)):
        counts = Counter(kind_of(row[column]) for row in sample if column < len(row))
        counts.pop("missing", None)
        kinds.append(counts.most_common(1)[0][0] if counts else "missing")
    return kinds


def _is_header_row(row: Sequence[str], kinds: Sequence[str], *, topmost: bool) -> bool:
    """Compare a row with the columns below: text over numbers is a name, a date in a column of dates is data."""
    cells = [(cell, kind_of(cell), kind) for cell, kind in zip(row, kinds, strict=False)]
    if any(found == kind == "date" for _, found, kind in cells):
        return False
    against = sum(found == "number" for _, found, kind in cells if kind == "number")
    in_favour = sum(found == "text" for _, found, kind in cells if kind in ("number", "date"))
    if not topmost:
        return in_favour > 0 and against == 0
    if in_favour:
        return in_favour >= against
    if any(cell and found == "missing" for cell, found, kind in cells if kind == "number"):
        return False
    # Numbers may be names too: pandas writes ",0,1,2", a wide table "id,2001,2002".
    labelled = any(cell and cell.lower() in _LABEL_NAMES for cell, _, kind in cells if kind == "text")
    counted = not row[0] and [cell for cell, *_ in cells[1:]] == [str(index) for index in range(len(cells) - 1)]
    return against == 0 or labelled or counted


def _refuse_ambiguous_commas(sheet: Sheet, kinds: Sequence[str]) -> None:
    """Without a header, ``4,05`` may be one number or two."""
    if sheet.separator != ",":
        return
    values = [index for index, kind in enumerate(kinds) if kind in ("number", "missing")]
    if len(values) % 2 or not values:
        return
    whole = re.compile(r"[+-]?\d+")
    for row in sheet.rows:
        cells = [row[index] for index in values if index < len(row)]
        if not all(whole.fullmatch(cell) for cell in cells) or any(not cell.isdigit() for cell in cells[1::2]):
            return
    raise sheet.refusal(
        0,
        "there is no header, and the comma may be the separator or the decimal mark",
        "Add a header line that names the columns, or separate them with semicolons.",
    )
