"""The time of a row where a file spreads it over several columns: year and month, quarter or week; date and hour."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import polars as pl

from nurt.errors import DataError
from nurt.wording import quoted

__all__ = ["compose_time"]

Place = Callable[[int], str]
_PARTS = {
    "year": ("year", "rok"),
    "month": ("month", "miesiąc", "miesiac"),
    "day": ("day", "dzień", "dzien"),
    "hour": ("hour", "godzina", "godz"),
    "minute": ("minute", "minuta"),
    "quarter": ("quarter", "kwartał", "kwartal"),
    "week": ("week", "tydzień", "tydzien"),
}
_WHOLE = re.compile(r"[0-9]+(?:\.0)?")
_CLOCK = r"^[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?$"


def compose_time(frame: pl.DataFrame, place: Callable[[int], str]) -> tuple[pl.DataFrame, str | None, tuple[str, ...]]:
    """Add a column of times where a file spreads them over several columns.

    Args:
        frame: typed columns.
        place: returns file and line of a row, for messages.

    Returns:
        the frame (the composed column first), the name of that column or None, and notes.

    Raises:
        DataError: the parts of a row do not form a date.
    """
    parts = {part: column for part, names in _PARTS.items() if (column := _whole_numbers(frame, names)) is not None}
    partial = {part: column for part, names in _PARTS.items() if (column := _nearly_whole(frame, names)) is not None}
    dates = [column for column in frame.iter_columns() if column.dtype == pl.Date and not column.null_count()]
    if any(column.dtype == pl.Datetime for column in frame.iter_columns()):
        return frame, None, ()
    if not dates and "month" not in parts and {"year"} < parts.keys() & {"year", "quarter", "week"}:
        names = tuple(column.name for part, column in parts.items() if part in ("year", "quarter", "week"))
        return _composed(frame, _calendar_of_periods(parts), names, place)
    if not dates and {"year", "month"} <= parts.keys() | partial.keys():
        _refuse_wrong_part(partial, place)
        return _composed(frame, _calendar(parts), tuple(column.name for column in parts.values()), place)
    if len(dates) == 1 and dates[0].is_duplicated().any():
        date = dates[0].cast(pl.Datetime("us"))
        if "hour" in parts.keys() | partial.keys():
            _refuse_wrong_part({part: partial[part] for part in ("hour", "minute") if part in partial}, place)
            used = {part: column for part, column in parts.items() if part in ("hour", "minute")}
            names = (date.name, *(column.name for column in used.values()))
            return _composed(frame, date + _time_of_day(used), names, place)
        for column in frame.iter_columns():
            if column.dtype == pl.String and not column.null_count() and column.str.contains(_CLOCK).all():
                return _composed(frame, date + _clock(column), (date.name, column.name), place)
    return frame, None, ()


def _whole_numbers(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series | None:
    for column in frame.iter_columns():
        if column.name.lower() in names and column.dtype == pl.Float64 and not column.null_count():
            whole = column.cast(pl.Int64, strict=False)
            if (whole == column).all():
                return whole
    return None


def _nearly_whole(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.Series | None:
    """Return a column of these names in which most cells, but not all, are whole numbers, as text."""
    for column in frame.iter_columns():
        if column.name.lower() in names and column.dtype in (pl.Float64, pl.String):
            cells = column.cast(pl.String).fill_null("")
            whole = sum(bool(_WHOLE.fullmatch(cell)) for cell in cells)
            if len(cells) > whole > len(cells) / 2:
                return cells
    return None


def _refuse_wrong_part(partial: dict[str, pl.Series], place: Place) -> None:
    for part, column in partial.items():
        row = next(row for row, cell in enumerate(column) if not _WHOLE.fullmatch(cell))
        raise DataError(
            f"{place(row)}: {quoted(column[row])} in column {column.name!r} is not the {part} of a date.",
            expected="a whole number, as in most rows of the column",
            cure="Correct the cell; every row needs its time.",
        )


def _calendar(parts: dict[str, pl.Series]) -> pl.Series:
    days = parts["day"] if "day" in parts else pl.repeat(1, len(parts["year"]), dtype=pl.Int64, eager=True)
    text = parts["year"].cast(pl.String) + "-" + parts["month"].cast(pl.String) + "-" + days.cast(pl.String)
    dates = text.str.strptime(pl.Date, "%Y-%m-%d", strict=False)
    if "hour" not in parts:
        return dates
    return dates.cast(pl.Datetime("us")) + _time_of_day(parts)


def _calendar_of_periods(parts: dict[str, pl.Series]) -> pl.Series:
    """Return the first day of the quarter, or of the ISO week; null where there is no such one."""
    of_year = zip(parts["year"], parts["week"] if "week" in parts else parts["quarter"], strict=True)
    days = [_first_of_week(*one) if "week" in parts else _first_of_quarter(*one) for one in of_year]
    return pl.Series("time", days, dtype=pl.Date)


def _first_of_week(year: int, week: int) -> datetime.date | None:
    try:
        return datetime.date.fromisocalendar(year, week, 1)
    except ValueError:
        return None


def _first_of_quarter(year: int, quarter: int) -> datetime.date | None:
    quarters = range(1, 5)
    return datetime.date(year, 3 * quarter - 2, 1) if quarter in quarters and 1 <= year <= datetime.MAXYEAR else None


def _time_of_day(parts: dict[str, pl.Series]) -> pl.Series:
    """Return the time since midnight; null where an hour or minute is out of range."""
    hours = parts["hour"]
    minutes = parts["minute"] if "minute" in parts else hours * 0
    valid = hours.is_between(0, 23) & minutes.is_between(0, 59)
    microseconds = (hours * 60 + minutes) * 60_000_000
    return pl.select(pl.when(valid).then(microseconds)).to_series().cast(pl.Duration("us"))


def _clock(column: pl.Series) -> pl.Series:
    whole = column.zip_with(column.str.count_matches(":") == 2, column + ":00")
    times = whole.str.strptime(pl.Time, "%H:%M:%S", strict=False)
    return (times.cast(pl.Int64) // 1000).cast(pl.Duration("us"))


def _composed(
    frame: pl.DataFrame, times: pl.Series, names: tuple[str, ...], place: Callable[[int], str]
) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    if times.null_count():
        row = int(times.is_null().arg_max() or 0)
        raise DataError(
            f"{place(row)}: the columns {', '.join(names)} do not make a date that exists.",
            got=", ".join(str(frame[name][row]) for name in names),
            cure="Correct these cells; hours run from 0 to 23.",
        )
    name = "time"
    while name in frame.columns:
        name += "_"
    note = f"The time of each row was put together from the columns {', '.join(names)}."
    return frame.insert_column(0, times.alias(name)), name, (note,)
