"""Plain tables: delimited text, Excel sheets and Parquet files, with a column of times and columns of numbers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from nurt.data.clock import LocalClock
from nurt.data.dates import TIME_NAMES, form_of, parse_dates, round_to_grid
from nurt.data.doubtful import refuse_mixed_marks
from nurt.data.numbers import is_missing, may_name_series, missing, notes_on_numbers, parse_numbers
from nurt.data.parts_of_time import compose_time
from nurt.data.readers.guarded import read_guarded
from nurt.data.readers.header import ID_NAMES, find_header, unique_names
from nurt.data.readers.preamble import without_preamble
from nurt.data.readers.sheet import DataRows, Sheet, align, end_of_dated_rows, end_without_totals
from nurt.data.readers.source import Source
from nurt.data.readers.time_column import find_time, numbered_time, told_times, unread_time
from nurt.data.table import Table, stack
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["read", "recognises"]

_FIRST_CELLS = 5
_SAMPLED_ROWS = 500
_FEWEST_STEPS = 8
_LARGEST_EXACT = 2.0**53
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
    sheet = without_preamble(source.sheet)
    header = find_header(sheet)
    stop, footnotes = _end_of_data(sheet, header.first)
    rows = align(sheet, header.first, stop, len(header.names))
    names, aliases, name_notes = unique_names(header.names, sheet.file)

    cells = [pl.Series(name, column) for name, column in zip(names, rows.columns, strict=True)]
    told = told_times(cells, source.notation.time_format, rows.place)
    typed = _typed(cells, sheet, rows.place, workbook=source.kind == "workbook", told=told)
    frame, dropped = _without_empty_and_index(typed.frame, header.names)
    frame, time, time_notes = compose_time(frame, rows.place)
    table, time_notes = _table(frame, source, typed.axes, time if told is None else told.name, time_notes)
    table = replace(
        table,
        notation=sheet.numbers,
        written={name: text for name, text in typed.written.items() if name in frame.columns},
        aliases=aliases,
        notes=(*sheet.notes, *header.notes, *name_notes, *typed.notes, *dropped, *time_notes, *footnotes),
        concerns=typed.concerns,
        lines=rows.lines,
    )
    long = _long_form(table)
    if long is not None:
        return long
    unread, unread_notes = (None, ()) if table.time is not None else unread_time(table.frame, table.series)
    table = replace(table, unread=unread, notes=(*table.notes, *unread_notes))
    return _with_short_rows_checked(table, rows)


class _Axis(NamedTuple):
    """How the times of a column stand to UTC; see :class:`Table`."""

    offset: str = ""
    clock: LocalClock | None = None
    period: str | None = None


class _Typed(NamedTuple):
    """The columns of a table with their types.

    Args:
        frame: the columns.
        axes: how those that hold times stand to UTC.
        written: the text of columns of numbers that may be names of series.
        notes: what was decided.
        concerns: the notes that apply to some columns only, with these columns.
    """

    frame: pl.DataFrame
    axes: dict[str, _Axis]
    written: dict[str, pl.Series]
    notes: tuple[str, ...]
    concerns: dict[str, tuple[str, ...]]


def _table(
    frame: pl.DataFrame,
    source: Source,
    axes: Mapping[str, _Axis],
    time: str | None = None,
    notes: tuple[str, ...] = (),
) -> tuple[Table, tuple[str, ...]]:
    """Return the table, with the column of times that is found where none is known, and notes on it."""
    series = next((name for name in frame.columns if name.lower() in ID_NAMES), None)
    found = numbered_time(frame, series, time or find_time(frame, series), source.notation.time_format)
    axis = axes.get(found.time or "", _Axis(found.offset, None, found.period))
    frame, time = found.frame, found.time
    columns = tuple(name for name in frame.columns if frame[name].dtype.is_numeric() and name not in (time, series))
    table = Table(
        frame,
        columns,
        "table",
        (source.file,),
        time=time,
        offset=axis.offset,
        clock=axis.clock,
        period=axis.period,
        series=series,
        lines=np.arange(1, frame.height + 1),
    )
    return table, (*notes, *found.notes)


def _end_of_data(sheet: Sheet, first: int) -> tuple[int, tuple[str, ...]]:
    head = sheet.rows[first : first + 20]
    for column in range(min(len(row) for row in head)):
        if 2 * sum(form_of(row[column]) is not None for row in head) > len(head):
            return end_of_dated_rows(sheet, first, column)
    return end_without_totals(sheet, first)


def _typed(
    cells: Sequence[pl.Series],
    sheet: Sheet,
    place: Callable[[int], str],
    *,
    workbook: bool = False,
    told: pl.Series | None = None,
) -> _Typed:
    """Give each column its type: dates, numbers, or text where a single cell is neither."""
    axes: dict[str, _Axis] = {}
    typed: dict[str, pl.Series] = {column.name: column for column in cells}
    notes: list[str] = []
    known = "" if told is None else told.name
    dated = [column for column in cells if column.name != known and _holds_dates(column)]
    for column in dated:
        dates = parse_dates(column, place)
        times, moved = round_to_grid(dates.values) if workbook else (dates.values, ())
        typed[column.name] = times
        axes[column.name] = _Axis(dates.offset, dates.clock, dates.period)
        notes.extend((*dates.notes, *moved))
    if told is not None:
        typed[known] = told
    others = [column for column in cells if column.name != known and not any(column is date for date in dated)]
    numbers = parse_numbers(others, sheet.numbers) if others else []
    written = {}
    for column, number in zip(others, numbers, strict=True):
        typed[column.name] = number.or_text(column)
        if not number.wrong.any() and may_name_series(column):
            written[column.name] = column
    numeric = [number for number in numbers if not number.wrong.any()]
    if not workbook:
        refuse_mixed_marks(numeric, place, separator=sheet.separator)
    concerns = notes_on_numbers(numbers, others)
    frame = pl.DataFrame([column.alias(name) for name, column in typed.items()])
    return _Typed(frame, axes, written, tuple(dict.fromkeys((*notes, *concerns))), concerns)


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
    if source.notation.skipped:
        raise DataError(
            f"{source.file}: a Parquet file has no lines above its table.", cure="Leave --skip-lines (skip_lines=) out."
        )
    _, frame = read_guarded("parquet", source.data, source.file)
    if not frame.height:
        raise DataError(f"{source.file}: the table has no rows.", cure="Give a file with rows of data.")
    columns: list[pl.Series] = []
    notes: list[str] = []
    axes: dict[str, _Axis] = {}
    written: dict[str, pl.Series] = {}
    concerns: dict[str, tuple[str, ...]] = {}
    for column in frame.iter_columns():
        dtype = column.dtype
        if dtype.is_numeric() or dtype == pl.Boolean:
            values = column.cast(pl.Float64).fill_nan(None)
            columns.append(_without_named(values, source.notation.numbers.missing_numbers, concerns))
            if dtype.is_integer() and (values.abs() >= _LARGEST_EXACT).any():
                written[column.name] = column.cast(pl.String)
        elif isinstance(dtype, pl.Datetime):
            if dtype.time_zone is not None:
                column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
                axes[column.name] = _Axis("UTC")
                notes.append(f"{source.file}: the times of column {quoted(column.name)} are given in UTC.")
            columns.append(column.cast(pl.Datetime("us")))
        elif dtype.is_nested() or dtype in (pl.Binary, pl.Duration, pl.Object):
            notes.append(
                f"{source.file}: the column {quoted(column.name)} holds {name_in_words(str(dtype))}; it was left out."
            )
        else:
            columns.append(column if dtype == pl.Date else column.cast(pl.String).str.strip_chars().fill_null(""))
    text = [column for column in columns if column.dtype == pl.String]
    if text:
        sheet = Sheet(source.file, [], [], numbers=source.notation.numbers)
        typed = _typed(text, sheet, lambda row: f"{source.file}, row {row + 1}")
        axes |= typed.axes
        written |= typed.written
        concerns |= typed.concerns
        columns = [typed.frame[column.name] if column.dtype == pl.String else column for column in columns]
        notes.extend(typed.notes)
    table, time_notes = _table(pl.DataFrame(columns), source, axes)
    unread, unread_notes = (None, ()) if table.time is not None else unread_time(table.frame, table.series)
    notes.extend((*time_notes, *unread_notes, *concerns))
    return replace(
        table,
        unread=unread,
        notation=source.notation.numbers,
        written=written,
        notes=tuple(dict.fromkeys(notes)),
        concerns=concerns,
    )


def _without_named(values: pl.Series, named: Sequence[float], concerns: dict[str, tuple[str, ...]]) -> pl.Series:
    """Return numbers without those that a person named as missing, and add a note on them."""
    found = values.is_in(list(named)).fill_null(value=False) if named else None
    if found is None or not found.any():
        return values
    concerns[f"{int(found.sum())} cells of column {quoted(values.name)} read as missing, as was said."] = (values.name,)
    return values.zip_with(~found, pl.repeat(None, len(values), dtype=pl.Float64, eager=True))


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
    times, period = _dates(names)
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
        period=period,
        series="series",
        written={},
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


def _dates(names: Sequence[str]) -> tuple[pl.Series | None, str | None]:
    """Return names of columns as times in order, and the kind of period that they name."""
    if any(form_of(name) is None for name in names):
        return None, None
    dates = parse_dates(pl.Series("time", list(names)), lambda row: f"the header, column {quoted(names[row])}")
    return (dates.values, dates.period) if dates.values.is_sorted() else (None, None)
