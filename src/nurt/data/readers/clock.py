"""One time column out of several: year, month, day and hour in columns of their own, or a date beside a clock."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from nurt.errors import DataError

__all__ = ["COUNTING_NAMES", "TIME_NAMES", "compose_time"]

COUNTING_NAMES = ("ds", "time", "t", "date", "timestamp", "data", "czas", "year", "rok")
TIME_NAMES = (*COUNTING_NAMES, "datetime", "date_time", "month", "day", "miesiąc", "dzień", "czas pomiaru")

_PARTS = {
    "year": ("year", "rok"),
    "month": ("month", "miesiąc", "miesiac"),
    "day": ("day", "dzień", "dzien"),
    "hour": ("hour", "godzina", "godz"),
    "minute": ("minute", "minuta"),
}
_CLOCK = r"^[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?$"


def compose_time(frame: pl.DataFrame, place: Callable[[int], str]) -> tuple[pl.DataFrame, str | None, tuple[str, ...]]:
    """Add a column of times where a file spreads them over several columns.

    Args:
        frame: typed columns.
        place: gives file and line of a row, for messages.

    Returns:
        the frame (the composed column first), the name of that column or None, and notes.

    Raises:
        DataError: the parts of a row make no date.
    """
    parts = {part: column for part, names in _PARTS.items() if (column := _whole_numbers(frame, names)) is not None}
    dates = [column for column in frame.iter_columns() if column.dtype == pl.Date and not column.null_count()]
    if any(column.dtype == pl.Datetime for column in frame.iter_columns()):
        return frame, None, ()
    if not dates and {"year", "month"} <= parts.keys():
        return _composed(frame, _calendar(parts), tuple(column.name for column in parts.values()), place)
    if len(dates) == 1 and dates[0].is_duplicated().any():
        date = dates[0].cast(pl.Datetime("us"))
        if "hour" in parts:
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


def _calendar(parts: dict[str, pl.Series]) -> pl.Series:
    days = parts["day"] if "day" in parts else pl.repeat(1, len(parts["year"]), dtype=pl.Int64, eager=True)
    text = parts["year"].cast(pl.String) + "-" + parts["month"].cast(pl.String) + "-" + days.cast(pl.String)
    dates = text.str.strptime(pl.Date, "%Y-%m-%d", strict=False)
    if "hour" not in parts:
        return dates
    return dates.cast(pl.Datetime("us")) + _time_of_day(parts)


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
