"""What stands above and between the rows of a plain table: comments, and lines of an export before the header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nurt.data.dates import TIME_NAMES
from nurt.data.readers.separators import kind_of
from nurt.data.readers.sheet import Sheet, trimmed
from nurt.wording import quoted

__all__ = ["without_preamble"]

_LONGEST = 60
_SAMPLED_ROWS = 200
_COUNTED_ROWS = 2000


def without_preamble(sheet: Sheet) -> Sheet:
    """Return the sheet from its header on, without lines of comment, and with notes on what was left out.

    A line of comment begins with ``#`` and has fewer cells than the table; the first lines of a file need only begin
    with it. Other lines before the header are left out where the file makes the header certain: rows of data follow
    it, it has a cell for each of their columns, and the lines above it have fewer, or an empty line ends them.

    Raises:
        DataError: there are only comments.
    """
    sheet = _without_comments(sheet)
    width = _width(sheet)
    start = _first_data_row(sheet, width) if width > 1 else None
    if not start:
        return sheet
    top = start
    while top > 0 and _is_full(sheet, top - 1, width) and (top == start or _adjoin(sheet, top - 1)):
        top -= 1
    if top in (0, start):
        return sheet
    seen = (sheet.separator or " ").join(trimmed(sheet.rows[0]))
    note = (
        f"{sheet.file}: {top} line(s) before the header in line {sheet.lines[top]} were skipped, the first is "
        f"{quoted(seen)} (line {sheet.lines[0]})."
    )
    return replace(sheet, rows=sheet.rows[top:], lines=sheet.lines[top:], notes=(*sheet.notes, note))


def _without_comments(sheet: Sheet) -> Sheet:
    rows, lines = sheet.rows, sheet.lines
    first = next((index for index, row in enumerate(rows) if not row[0].startswith("#")), len(rows))
    if first == len(rows):
        raise sheet.refusal(0, "there are only comment lines", "Give a file with rows of data.")
    width = _width(sheet)
    notes: tuple[str, ...] = ()
    if first and width > 1:
        names = [rows[first - 1][0].lstrip("# "), *rows[first - 1][1:]]
        if len(trimmed(names)) == width and any(name.lower() in TIME_NAMES for name in names):
            # Some programs write the header itself as a comment.
            first -= 1
            rows = [*rows[:first], names, *rows[first + 1 :]]
    if first:
        notes = (f"{sheet.file}: {first} comment line(s) before the table were skipped.",)
    within = [
        index
        for index in range(first, len(rows))
        if rows[index][0].startswith("#") and len(trimmed(rows[index])) < width
    ]
    if within:
        left_out = set(within)
        kept = [index for index in range(first, len(rows)) if index not in left_out]
        notes = (
            *notes,
            f"{sheet.file}, line {lines[within[0]]}: {len(within)} comment line(s) within the table were skipped.",
        )
        return replace(
            sheet,
            rows=[rows[index] for index in kept],
            lines=[lines[index] for index in kept],
            notes=(*sheet.notes, *notes),
        )
    return replace(sheet, rows=rows[first:], lines=lines[first:], notes=(*sheet.notes, *notes))


def _width(sheet: Sheet) -> int:
    """Return the number of cells of most rows; a separator that ends them all makes none."""
    rows = sheet.rows[:_COUNTED_ROWS]
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    same = [row for row in rows if len(row) == usual]
    while usual > 1 and all(not row[usual - 1] for row in same):
        usual -= 1
    return usual


def _first_data_row(sheet: Sheet, width: int) -> int | None:
    """Return the index of the first of two rows whose cells are of the kinds of their columns, None without one."""
    rows = sheet.rows
    below = rows[min(_LONGEST, len(rows) // 2) :][:_SAMPLED_ROWS]
    kinds = [_commonest([kind_of(row[column]) for row in below if column < len(row)]) for column in range(width)]
    if not {"number", "date"} & set(kinds):
        return None
    last = len(rows) - 1
    for index in range(min(_LONGEST, last) + 1):
        if _is_data(rows[index], kinds) and _is_data(rows[min(index + 1, last)], kinds):
            return index
    return None


def _commonest(kinds: Sequence[str]) -> str:
    counts = Counter(kinds)
    counts.pop("missing", None)
    return counts.most_common(1)[0][0] if counts else "missing"


def _is_data(row: Sequence[str], kinds: Sequence[str]) -> bool:
    typed = [(kind_of(cell), kind) for cell, kind in zip(row, kinds, strict=False) if kind in ("number", "date")]
    if any(kind == "date" and found != "date" for found, kind in typed):
        return False
    fitting = sum(found == kind for found, kind in typed)
    return fitting > sum(found == "text" for found, _ in typed)


def _is_full(sheet: Sheet, index: int, width: int) -> bool:
    """Whether a row names every column, or all but the first, which pandas leaves out."""
    cells = trimmed(sheet.rows[index])
    return len(cells) >= width - (width > 2) and sum(not cell for cell in cells) <= 1


def _adjoin(sheet: Sheet, index: int) -> bool:
    """Whether no empty line stands below a row."""
    ends = sheet.lines[index] + sum(cell.count("\n") for cell in sheet.rows[index])
    return sheet.lines[index + 1] - ends <= 1
