"""Plain tables: delimited text, Excel sheets and Parquet files, with a column of times and columns of numbers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from nurt.data.clock import LocalClock
from nurt.data.dates import COUNTING_NAMES, TIME_NAMES, compose_time, form_of, parse_dates, round_to_grid
from nurt.data.numbers import is_missing, missing, parse_numbers, per_cent_note, refuse_mixed_marks
from nurt.data.readers.guarded import read_guarded
from nurt.data.readers.header import ID_NAMES, find_header, unique_names
from nurt.data.readers.sheet import DataRows, Sheet, align, end_of_dated_rows, end_without_totals
from nurt.data.readers.source import Source
from nurt.data.table import Table, stack
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["read", "recognises"]

_FIRST_CELLS = 5
_SAMPLED_ROWS = 500
_FEWEST_STEPS = 8
_NUMBERED = re.compile(r"(.*?)(\d+)")


def recognises(source: Source) -> bool:
    """Return whether a file may be a plain table: anything but JSON."""
    return source.kind != "json"


def read(sources: Sequence[Source]) -> Table:
    """Read plain tables; several files are stacked, columns matched by name.

    Raises:
        DataError: a file holds no table, or an ambiguous one.
    """
    return stack([_read_parquet(source) if source.kind == "parquet" else _read_sheet(source) for source in sources])


def _read_sheet(source: Source) -> Table:
    if source.kind == "json":
        raise DataError(
            f"{source.file}: JSON is read only with the structure of the NBP and GIOŚ services.",
            cure="Convert the file to CSV.",
        )
    sheet = _without_comments(source.sheet)
    header = find_header(sheet)
    stop, footnotes = _end_of_data(sheet, header.first)
    rows = align(sheet, header.first, stop, len(header.names))
    names, aliases, name_notes = unique_names(header.names, sheet.file)

    cells = [pl.Series(name, column) for name, column in zip(names, rows.columns, strict=True)]
    frame, axes, type_notes = _typed(cells, sheet, rows.place, workbook=source.kind == "workbook")
    frame, dropped = _without_empty_and_index(frame, header.names)
    frame, time, time_notes = compose_time(frame, rows.place)
    plain = _table(frame, source.file, time)
    axis, unread = axes.get(plain.time or "", _Axis()), _unread_time_notes(plain)
    table = replace(
        plain,
        offset=axis.offset,
        clock=axis.clock,
        decimal=sheet.decimal,
        aliases=aliases,
        notes=(*sheet.notes, *header.notes, *name_notes, *type_notes, *dropped, *time_notes, *unread, *footnotes),
        lines=rows.lines,
    )
    return _long_form(table) or _with_short_rows_checked(table, rows)


class _Axis(NamedTuple):
    """How the times of a column stand to UTC; see :class:`Table`."""

    offset: str = ""
    clock: LocalClock | None = None


def _table(frame: pl.DataFrame, file: str, time: str | None = None) -> Table:
    series = next((name for name in frame.columns if name.lower() in ID_NAMES), None)
    time = time or _time_column(frame, series)
    columns = tuple(name for name in frame.columns if frame[name].dtype.is_numeric() and name not in (time, series))
    return Table(frame, columns, "table", (file,), time=time, series=series, lines=np.arange(1, frame.height + 1))


def _without_comments(sheet: Sheet) -> Sheet:
    first = next((index for index, row in enumerate(sheet.rows) if not row[0].startswith("#")), len(sheet.rows))
    if first == len(sheet.rows):
        raise sheet.refusal(0, "there are only comment lines", "Give a file with rows of data.")
    note = (f"{sheet.file}: {first} comment line(s) before the table were skipped.",) if first else ()
    return replace(sheet, rows=sheet.rows[first:], lines=sheet.lines[first:], notes=(*sheet.notes, *note))


def _end_of_data(sheet: Sheet, first: int) -> tuple[int, tuple[str, ...]]:
    head = sheet.rows[first : first + 20]
    for column in range(min(len(row) for row in head)):
        if 2 * sum(form_of(row[column]) is not None for row in head) > len(head):
            return end_of_dated_rows(sheet, first, column)
    return end_without_totals(sheet, first)


def _typed(
    cells: Sequence[pl.Series], sheet: Sheet, place: Callable[[int], str], *, workbook: bool = False
) -> tuple[pl.DataFrame, dict[str, _Axis], tuple[str, ...]]:
    """Give each column its type: dates, numbers, or text where a single cell is neither.

    Returns:
        the columns, how those that hold times stand to UTC, and notes.
    """
    axes: dict[str, _Axis] = {}
    typed: dict[str, pl.Series] = {column.name: column for column in cells}
    notes: list[str] = []
    dated = [column for column in cells if _holds_dates(column)]
    for column in dated:
        dates = parse_dates(column, place)
        times, moved = round_to_grid(dates.values) if workbook else (dates.values, ())
        typed[column.name] = times
        axes[column.name] = _Axis(dates.offset, dates.clock)
        notes.extend((*dates.notes, *moved))
    others = [column for column in cells if not any(column is date for date in dated)]
    numbers = parse_numbers(others, sheet.decimal) if others else []
    for column, number in zip(others, numbers, strict=True):
        typed[column.name] = number.or_text(column)
    numeric = [number for number in numbers if not number.wrong.any()]
    if not workbook:
        refuse_mixed_marks(numeric, place, separator=sheet.separator)
    notes.extend(per_cent_note(numbers))
    frame = pl.DataFrame([column.alias(name) for name, column in typed.items()])
    return frame, axes, tuple(dict.fromkeys(notes))


def _holds_dates(column: pl.Series) -> bool:
    first = list(itertools.islice((cell for cell in column if not is_missing(cell)), _FIRST_CELLS))
    if not any(form_of(cell) for cell in first):
        return False
    present = column.filter(~missing(column))
    sample = present.gather_every(max(1, len(present) // _SAMPLED_ROWS))
    share = sum(form_of(cell) is not None for cell in sample) / len(sample)
    if first[0].isdigit() and column.name.lower() not in TIME_NAMES:
        # Eight digits may be a plain number; only a column without other cells is read as dates.
        return share == 1.0 and len(present) == len(column)
    return share > 0.5


def _without_empty_and_index(frame: pl.DataFrame, header: Sequence[str]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Drop nameless columns that are empty, and the row numbers that pandas writes before the first column."""
    notes: tuple[str, ...] = ()
    dropped = set()
    for index, (name, given) in enumerate(zip(frame.columns, header, strict=True)):
        column = frame[name]
        if given:
            continue
        if column.null_count() == len(column):
            dropped.add(name)
        elif index == 0 and column.dtype == pl.Float64 and len(column) > 1 and (column.diff().drop_nulls() == 1).all():
            dropped.add(name)
            notes = ("The first column has no name and counts the rows; it was dropped.",)
    # In one step: each one costs as much as the table is wide.
    return pl.DataFrame([column for column in frame.iter_columns() if column.name not in dropped]), notes


def _time_column(frame: pl.DataFrame, series: str | None) -> str | None:
    """Return the column of dates (one with the name of a time before others), else a counting column named so."""
    dated = [name for name in frame.columns if frame[name].dtype.is_temporal() and not frame[name].null_count()]
    named = [name for name in dated if name.lower() in TIME_NAMES]
    if dated:
        return (named or dated)[0]
    for name in frame.columns:
        column = frame[name]
        if name.lower() in COUNTING_NAMES and column.dtype.is_numeric() and not column.null_count():
            distinct = series is not None or column.is_unique().all()
            if distinct and (column % 1 == 0).all():
                return name
    return None


def _unread_time_notes(table: Table) -> tuple[str, ...]:
    """Return a note where a column is named as a time and holds text: the rows then stay in the order of the file."""
    if table.time is not None:
        return ()
    for column in table.frame.iter_columns():
        if column.name.lower() in TIME_NAMES and column.dtype == pl.String and column.null_count() < len(column):
            return (
                f"The column {quoted(column.name)} holds no dates in a known form ({quoted(column.drop_nulls()[0])}): "
                "the rows are taken in the order of the file.",
            )
    return ()


def _with_short_rows_checked(table: Table, rows: DataRows) -> Table:
    if not rows.short:
        return replace(table, notes=(*table.notes, *rows.notes()))
    rows.refuse_many_short()
    if table.time is None:
        raise rows.refusal(
            rows.short[0],
            f"fewer than {len(rows.cells[0])} fields, and no date shows whether the row is complete",
            "Complete the row; an empty cell stands for a missing value.",
        )
    return replace(table, notes=(*table.notes, *rows.notes()))


def _read_parquet(source: Source) -> Table:
    _, frame = read_guarded("parquet", source.data, source.file)
    if not frame.height:
        raise DataError(f"{source.file}: the table has no rows.", cure="Give a file with rows of data.")
    typed: list[pl.Series] = []
    notes: list[str] = []
    axes: dict[str, _Axis] = {}
    for column in frame.iter_columns():
        dtype = column.dtype
        if dtype.is_numeric() or dtype == pl.Boolean:
            typed.append(column.cast(pl.Float64).fill_nan(None))
        elif isinstance(dtype, pl.Datetime):
            if dtype.time_zone is not None:
                column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
                axes[column.name] = _Axis("UTC")
                notes.append(f"{source.file}: the times of column {quoted(column.name)} are given in UTC.")
            typed.append(column.cast(pl.Datetime("us")))
        elif dtype.is_nested() or dtype in (pl.Binary, pl.Duration, pl.Object):
            notes.append(
                f"{source.file}: the column {quoted(column.name)} holds {name_in_words(str(dtype))}; it was left out."
            )
        else:
            typed.append(column if dtype == pl.Date else column.cast(pl.String).str.strip_chars().fill_null(""))
    written = [column for column in typed if column.dtype == pl.String]
    if written:
        sheet = Sheet(source.file, [], [], decimal=source.notation.decimal)
        read, found, read_notes = _typed(written, sheet, lambda row: f"{source.file}, row {row + 1}")
        axes |= found
        typed = [read[column.name] if column.dtype == pl.String else column for column in typed]
        notes.extend(read_notes)
    table = _table(pl.DataFrame(typed), source.file)
    axis = axes.get(table.time or "", _Axis())
    notes.extend(_unread_time_notes(table))
    return replace(table, offset=axis.offset, clock=axis.clock, decimal=source.notation.decimal, notes=tuple(notes))


def _long_form(table: Table) -> Table | None:
    """Return the table in long form when it holds one series per row, else None.

    It does when its first column is text, different in every row, all others are numbers, and their names are dates
    in order or one word numbered without a gap (V2, V3, …). Empty cells at the end of a row are padding and are
    dropped; those between values stay missing.
    """
    frame = table.frame
    names = frame.columns[1:]
    if table.time is not None or len(names) < _FEWEST_STEPS or set(names) != set(table.columns):
        return None
    identifiers = frame.to_series(0)
    if identifiers.dtype != pl.String or identifiers.null_count() or not identifiers.is_unique().all():
        return None
    times = _dates(names)
    if times is None and not _is_numbered(names):
        return None
    values = frame.select(names).to_numpy()
    present = np.isfinite(values)
    lengths = np.where(present.any(axis=1), values.shape[1] - present[:, ::-1].argmax(axis=1), 0)
    kept = np.arange(values.shape[1]) < lengths[:, None]
    rows, steps = np.nonzero(kept)
    columns = [identifiers.gather(rows).alias("series"), pl.Series("value", values[kept]).fill_nan(None)]
    if times is not None:
        columns.insert(1, times.gather(steps))
    note = (
        f"{table.sources[0]} holds one series per row: {frame.height} series named by the column "
        f"{quoted(identifiers.name)}, of {lengths.min()} to {lengths.max()} values; empty cells at the end of a row "
        "are padding."
    )
    return replace(
        table,
        frame=pl.DataFrame(columns),
        columns=("value",),
        time=None if times is None else "time",
        series="series",
        aliases={},
        notes=(*table.notes, note),
        lines=table.lines[rows],
    )


def _is_numbered(names: Sequence[str]) -> bool:
    matches = [_NUMBERED.fullmatch(name) for name in names]
    if not all(matches):
        return False
    words = {match.group(1) for match in matches if match}
    numbers = [int(match.group(2)) for match in matches if match]
    return len(words) == 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _dates(names: Sequence[str]) -> pl.Series | None:
    if any(form_of(name) is None for name in names):
        return None
    times = parse_dates(pl.Series("time", list(names)), lambda row: f"the header, column {quoted(names[row])}").values
    return times if times.is_sorted() else None
