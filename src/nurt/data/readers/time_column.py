"""Which column of a plain table holds the times, and columns of numbers or of a form that a person names as times."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from nurt.data.dates import COUNTING_NAMES, TIME_NAMES
from nurt.data.numbered_stamps import FORMATS, NumberedStamps, is_order_alone, stamps_as, stamps_of
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["Numbered", "find_time", "is_time_name", "numbered_time", "told_times", "unread_time"]

_DIGITS = r"^[0-9]{16,19}$"
_ROW_NAMES = ("id", "name", "series", "country", "city", "nazwa", "kraj", "miasto", "index", "key", "code")
_UNITS = (" (utc)", " [utc]", "_utc", " utc", " (gmt)", " (local)", " (cet)", " (s)", " (ms)", "_ms", "_s", "_gmt")


class Numbered(NamedTuple):
    """A table after numbers were read as times; see :class:`nurt.data.Table` for the fields."""

    frame: pl.DataFrame
    time: str | None
    offset: str = ""
    period: str | None = None
    notes: tuple[str, ...] = ()


def is_time_name(name: str) -> bool:
    """Return whether a column has the name of a time, with or without its zone or unit."""
    plain = name.strip().lower()
    stem = next((plain.removesuffix(unit) for unit in _UNITS if plain.endswith(unit)), plain)
    return plain in TIME_NAMES or stem in TIME_NAMES


def find_time(frame: pl.DataFrame, series: str | None) -> str | None:
    """Return the column of dates, else a counting column named as a time.

    Among several columns of dates one with the name of a time goes before the others, then the one with most different
    dates.
    """
    dated = [name for name in frame.columns if frame[name].dtype.is_temporal() and not frame[name].null_count()]
    if dated:
        named = [name for name in dated if is_time_name(name)] or dated
        return named[0] if len(named) == 1 else max(named, key=lambda name: frame[name].n_unique())
    for name in frame.columns:
        column = frame[name]
        if name.lower() in COUNTING_NAMES and column.dtype.is_numeric() and not column.null_count():
            distinct = series is not None or column.is_unique().all()
            if distinct and (column % 1 == 0).all():
                return name
    return None


def told_times(cells: Sequence[pl.Series], form: str | None, place: Callable[[int], str]) -> pl.Series | None:
    """Return the column of times that is written in the form a person names, parsed.

    Args:
        cells: text, one series per column.
        form: as for ``strptime``, or one of the words for numbers, which are no form of text, or None.
        place: returns file and line of a row, for messages.

    Raises:
        DataError: no column is written so.
    """
    if form is None or form in FORMATS:
        return None
    ranked = sorted(cells, key=lambda column: not is_time_name(column.name))
    parsed = [_parsed(column, form) for column in ranked]
    for column, times in zip(ranked, parsed, strict=True):
        if len(column) and not times.null_count():
            return times.alias(column.name)
    best = min(range(len(ranked)), key=lambda index: parsed[index].null_count())
    row = int(parsed[best].is_null().arg_max() or 0)
    raise DataError(
        f"{place(row)}: no column is written in the form {quoted(form)}; the nearest is {quoted(ranked[best].name)}.",
        expected=f"times such as {_example(form)}" if _example(form) else f"the codes of strptime, or {_words()}",
        got=quoted(ranked[best][row] or ""),
        cure="Correct --time-format (time_format= in Python), or the cell.",
    )


def numbered_time(frame: pl.DataFrame, series: str | None, time: str | None, form: str | None) -> Numbered:
    """Read a column of numbers that stands where time stands as times.

    Args:
        frame: typed columns.
        series: the column that identifies the series, or None.
        time: the column of times found so far, or None.
        form: what a person says that the numbers are, or None.

    Raises:
        DataError: a person says what the numbers are, and there is no such column.
    """
    told = form if form in FORMATS else None
    if time is not None and frame[time].dtype.is_temporal():
        if told is None:
            return Numbered(frame, time)
        raise DataError(
            f"The times of column {quoted(time)} are dates, not numbers.",
            cure=f"Leave out --time-format {told} (time_format= in Python).",
        )
    for name in _candidates(frame, series, time):
        numbers = _numbers(frame[name])
        if numbers is None or (series is None and len(np.unique(numbers)) < len(numbers)):
            continue
        if told == "order":
            return Numbered(frame, name)
        named = name == time or is_time_name(name)
        found = stamps_of(numbers, name, named=named) if told is None else stamps_as(numbers, told)
        if found is not None:
            return _with_times(frame, name, numbers, found)
    if told is not None:
        raise DataError(
            f"No column holds numbers that could be the times that --time-format {told} names.",
            expected="a first column of whole numbers, or one named date, time or timestamp, different in every row",
            cure="Name the column date or time, or leave the option out.",
        )
    return Numbered(frame, time, notes=_order_note(frame, time))


def unread_time(frame: pl.DataFrame, series: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return a column of text that stands where time stands and is in no known form, where there are no times.

    Returns:
        the column where it is named as a time and may not be passed over, and a note on a first column of text that is
        different in every row.
    """
    for column in frame.iter_columns():
        if column.name == series or column.dtype != pl.String or column.null_count():
            continue
        distinct = series is not None or column.is_unique().all()
        if is_time_name(column.name) and distinct:
            return column.name, ()
        labels = column.name.lower() in _ROW_NAMES
        if distinct and not labels and column.name == frame.columns[0] and len(column) > 1:
            return None, (
                f"The first column, {quoted(column.name)}, holds no times in a known form ({quoted(column[0])}): the "
                "rows are taken in the order of the file. Where it is the time, name it by --time, or its form by "
                "--time-format (time=, time_format= in Python).",
            )
    return None, ()


def _parsed(column: pl.Series, form: str) -> pl.Series:
    """Return times, null where a cell is not in this form. Forms without a day, such as %b %Y, are Python's to read."""
    clock = any(code in form for code in ("%H", "%I", "%M", "%S", "%T", "%R", "%f", "%z", "%s"))
    try:
        times = column.str.strptime(pl.Datetime("us") if clock else pl.Date, form, strict=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        times = pl.repeat(None, len(column), dtype=pl.Datetime("us"), eager=True)
    if isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone is not None:
        times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if times.null_count() < len(column):
        return times
    found = [_moment(cell, form) for cell in column]
    return pl.Series(column.name, found, dtype=pl.Datetime("us")).cast(pl.Datetime("us") if clock else pl.Date)


def _moment(cell: str, form: str) -> datetime.datetime | None:
    try:
        # An offset, where there is one, is taken into account below.
        moment = datetime.datetime.strptime(cell, form)
    except (ValueError, re.error):
        return None
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _example(form: str) -> str:
    try:
        return datetime.datetime(2021, 3, 25, 14, 30, tzinfo=datetime.UTC).strftime(form)
    except ValueError:
        return ""


def _words() -> str:
    return ", ".join(FORMATS)


def _candidates(frame: pl.DataFrame, series: str | None, time: str | None) -> list[str]:
    """Return the columns that may be times: the one found, those named so, the first where others hold values."""
    if time is not None:
        return [time]
    named = [name for name in frame.columns if is_time_name(name) and name != series]
    first = next((name for name in frame.columns if name != series), None)
    others = sum(frame[name].dtype.is_numeric() for name in frame.columns if name not in (first, series))
    return [*named, *([first] if first is not None and first not in named and others else [])]


def _numbers(column: pl.Series) -> np.ndarray | None:
    if column.dtype == pl.String and len(column) and column.str.contains(_DIGITS).all():
        column = column.cast(pl.Float64)
    if not column.dtype.is_numeric() or column.null_count() or not len(column):
        return None
    numbers = column.to_numpy().astype(np.float64)
    return numbers if np.isfinite(numbers).all() else None


def _with_times(frame: pl.DataFrame, name: str, numbers: np.ndarray, found: NumberedStamps) -> Numbered:
    times = pl.Series(name, found.values)
    first = f"{numbers[0]:.15g}" if numbers[0] % 1 else str(int(numbers[0]))
    note = (
        f"The numbers of column {name_in_words(name)} were read as {found.words}: {first} is {times[0]}. "
        "--time-format order takes them as they are."
    )
    offset = "UTC" if found.utc else ""
    return Numbered(frame.with_columns(times), name, offset, found.period, (note,))


def _order_note(frame: pl.DataFrame, time: str | None) -> tuple[str, ...]:
    if time is None or not is_order_alone(frame[time].to_numpy()):
        return ()
    return (
        f"Of the whole numbers in column {name_in_words(time)}, such as {int(frame[time][0])}, only the order is "
        "known. "
        f"Where they are times, say what they count by --time-format (time_format= in Python): {_words()}, or a form "
        "such as %Y%m%d.",
    )
