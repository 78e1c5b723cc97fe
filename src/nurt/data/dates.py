"""Dates and times as text: one form per column, recognised by its shape; times in several columns; no guesses."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from nurt.data import two_digit_years
from nurt.data.clock import LocalClock
from nurt.data.numbers import is_missing
from nurt.data.periods import PERIODS, label_of_period, period_of, periods_of
from nurt.data.spellings import respelt
from nurt.errors import DataError
from nurt.wording import quoted

__all__ = [
    "COUNTING_NAMES",
    "TIME_NAMES",
    "DateForm",
    "ParsedDates",
    "form_of",
    "offset_minutes",
    "parse_dates",
    "round_to_grid",
]

Place = Callable[[int], str]
_YEAR = "(?:1[5-9]|2[0-2])[0-9]{2}"
_BODIES = (
    ("YYYYMMDD", _YEAR + "(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])", "%Y%m%d"),
    ("YYYY-MM-DD", _YEAR + "-[0-9]{1,2}-[0-9]{1,2}", "%Y-%m-%d"),
    ("YYYY/MM/DD", _YEAR + "/[0-9]{1,2}/[0-9]{1,2}", "%Y/%m/%d"),
    ("YYYY.MM.DD", _YEAR + r"\.[0-9]{1,2}\.[0-9]{1,2}", "%Y.%m.%d"),
    ("DD.MM.YYYY", r"[0-9]{1,2}\.[0-9]{1,2}\." + _YEAR, "%d.%m.%Y"),
    ("DD/MM/YYYY", "[0-9]{1,2}/[0-9]{1,2}/" + _YEAR, "%d/%m/%Y"),
    ("DD-MM-YYYY", "[0-9]{1,2}-[0-9]{1,2}-" + _YEAR, "%d-%m-%Y"),
    ("two-digit year", two_digit_years.PATTERN, ""),
)
_CLOCKS = (
    ("", "", ""),
    ("HH:MM", "[0-9]{1,2}:[0-9]{2}", "%H:%M"),
    ("HH:MM:SS", "[0-9]{1,2}:[0-9]{2}:[0-9]{2}", "%H:%M:%S"),
    ("HH:MM:SS.f", r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}\.[0-9]+", "%H:%M:%S%.f"),
)
_OFFSET = re.compile(r"(.*[0-9]:[0-9]{2}(?:\.[0-9]+)?) ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)")
_SECOND = 1_000_000
_STEPS = [minutes * 60 * _SECOND for minutes in range(1, 1441) if 1440 % minutes == 0]
_DAY_OR_MONTH = ("DD/MM/YYYY", "DD-MM-YYYY")
COUNTING_NAMES = ("ds", "time", "t", "date", "timestamp", "data", "czas", "year", "rok")
TIME_NAMES = (
    *COUNTING_NAMES,
    *("datetime", "date_time", "date time", "date/time", "time stamp", "time_stamp", "month", "day", "week", "quarter"),
    *("period", "fiscal year", "fiscal_year", "miesiąc", "miesiac", "dzień", "dzien", "tydzień", "tydzien", "kwartał"),
    *("kwartal", "okres", "czas pomiaru", "data pomiaru", "time_period"),
)
_LONGEST = 60


@dataclass(frozen=True)
class DateForm:
    """One format of dates or times.

    Args:
        name: as shown to a person, for example "YYYY-MM-DD HH:MM".
        pattern: a regular expression for the whole cell, understood by Python and polars alike.
        template: the form for ``strptime``.
        clock: True where it holds a time of day.
        period: the kind of period a cell names, see :data:`nurt.data.periods.PERIODS`; "" where it is a day or a time.
    """

    name: str
    pattern: str
    template: str
    clock: bool
    period: str = ""


@dataclass(frozen=True)
class ParsedDates:
    """Parsed times.

    Args:
        values: Date or Datetime (microseconds, no time zone).
        form: of the text.
        notes: what was decided.
        offset: from UTC as written in every cell; "UTC" where it changes and the values were converted, "" without.
        clock: shows values that were converted in local time; None where one instant is written with two offsets.
        period: the kind of the periods, which are shown by :func:`nurt.data.periods.label_of_period`; None for days and
            times.
    """

    values: pl.Series
    form: DateForm
    notes: tuple[str, ...] = ()
    offset: str = ""
    clock: LocalClock | None = None
    period: str | None = None


def form_of(cell: str) -> DateForm | None:
    """Return the form of one cell, or None when it is not a date. A zone offset at its end is allowed."""
    if not any(mark.isdigit() for mark in cell[-_LONGEST:]) or len(cell) > _LONGEST:
        return None
    form = _plain_form(cell)
    if form is not None:
        return form
    kind = period_of(cell)
    if kind is not None:
        return _PERIOD_FORMS[kind]
    other = respelt(cell)
    return _plain_form(other) if other != cell else None


def _plain_form(cell: str) -> DateForm | None:
    offset = _OFFSET.fullmatch(cell) if ":" in cell else None
    match = _ANY.fullmatch(offset.group(1) if offset else cell)
    return _FORMS[int(str(match.lastgroup).removeprefix("form_"))] if match else None


def parse_dates(cells: pl.Series, place: Place) -> ParsedDates:
    """Parse a column of dates that all have the same form.

    Args:
        cells: text; the form is that of its first date.
        place: returns file and line of a row, for messages.

    Returns:
        the times; where their offset from UTC changes, as at the change of the clock, they are instants in UTC.

    Raises:
        DataError: another form appears, a date does not exist, a label is missing, days could be months, or only some
            times have an offset from UTC.
    """
    example = next((cell for cell in cells if form_of(cell)), None)
    form = form_of(example or "")
    if form is None:
        raise DataError(
            f"{place(0)}: {quoted(cells[0] or '')} is not a date.",
            expected="a date such as 2024-01-31 or 2024-01-31 12:00",
            cure="Correct the cell.",
        )
    if form.period:
        return _periods(cells, str(example), place)
    written = cells
    if _plain_form(str(example)) is None:
        cells = pl.Series(cells.name, [respelt(cell or "") for cell in cells], dtype=pl.String)
        example = respelt(str(example))
    cells, offsets = _without_offset(cells, place)
    notes: tuple[str, ...] = ()
    if form.name.startswith("two-digit year"):
        _refuse_misfits(cells, str(example), form, place)
        cells, notes = two_digit_years.with_four_digits(cells, place)
        form = next(one for one in _FORMS if one.name == form.name.replace("two-digit year", "YYYY-MM-DD"))
    _refuse_misfits(cells, str(example), form, place)
    form = _day_first(cells, form, place)
    if form.clock:
        values = cells.str.strptime(pl.Datetime("us"), form.template, strict=False)
    else:
        values = cells.str.strptime(pl.Date, form.template, strict=False)
    if values.null_count():
        row = int(values.is_null().arg_max() or 0)
        raise DataError(
            f"{place(row)}: {quoted(written[row])} is not a date that exists.",
            expected=f"a date of the form {form.name}",
            cure="Correct the date in the file.",
        )
    return _of_offsets(ParsedDates(values, form, notes), offsets)


def round_to_grid(times: pl.Series) -> tuple[pl.Series, tuple[str, ...]]:
    """Remove the rounding error of spreadsheet serial numbers.

    Stamps are rounded to the second, and to the step between them when they miss its multiples by less than 1 %.

    Returns:
        the stamps, and a note when any was moved.
    """
    if times.dtype == pl.Date or len(times) < 3:
        return times, ()
    microseconds = times.to_physical()
    rounded = (microseconds + _SECOND // 2) // _SECOND * _SECOND
    between = statistics.median(microseconds.diff().drop_nulls().to_list())
    step = min(_STEPS, key=lambda candidate: abs(candidate - between))
    on_grid = (microseconds + step // 2) // step * step
    if 100 * max(abs(drift) for drift in on_grid - microseconds) < step:
        rounded = on_grid
    moved = int((rounded != microseconds).sum())
    if not moved:
        return times, ()
    note = f"{moved} time stamps of the workbook carried rounding noise and were moved to the nearest step."
    return rounded.cast(times.dtype), (note,)


def _forms() -> tuple[DateForm, ...]:
    forms = []
    for body in _BODIES:
        for clock in _CLOCKS:
            for joint in (" ", "T") if clock[0] else ("",):
                name, pattern, template = (day + joint + time for day, time in zip(body, clock, strict=True))
                forms.append(DateForm(name, pattern, template, clock=bool(clock[0])))
    return tuple(forms)


_FORMS = _forms()
_PERIOD_FORMS = {kind: DateForm(name, "", "", clock=False, period=kind) for kind, name in PERIODS.items()}
_ANY = re.compile("|".join(f"(?P<form_{index}>{form.pattern})" for index, form in enumerate(_FORMS)))


def _periods(cells: pl.Series, example: str, place: Place) -> ParsedDates:
    """Return the first day of each period, and the note that says how periods are shown."""
    distinct = cells.fill_null("").unique(maintain_order=True).to_list()
    form = _PERIOD_FORMS[str(period_of(example))]
    odd = next((cell for cell in distinct if period_of(cell) is None), None)
    found = periods_of(distinct) if odd is None else None
    if odd is None and found is None:
        odd = next((cell for cell in distinct if periods_of([example, cell]) is None), None)
    if odd is not None:
        raise _misfit(odd, example, form, place(int((cells.fill_null("") == odd).arg_max() or 0)))
    if found is None:
        raise DataError(
            f"{place(0)}: {quoted(example)} may be a month of a year or a day of a month.",
            expected="dates that can be read in one way only",
            cure="Write months as 2021-01, or say how they are written by --time-format (time_format= in Python).",
        )
    kind, days = found
    first = dict(zip(distinct, days, strict=True))
    values = pl.Series(cells.name, [first[cell] for cell in cells], dtype=pl.Date)
    shown = label_of_period(np.datetime64(values[0]), kind)
    notes = () if shown == cells[0] else (f"{PERIODS[kind].capitalize()}: {quoted(cells[0])} is shown as {shown}.",)
    return ParsedDates(values, _PERIOD_FORMS[kind], notes, period=None if kind == "day of week" else kind)


def _without_offset(cells: pl.Series, place: Place) -> tuple[pl.Series, pl.Series | None]:
    """Return the cells without their offsets from UTC, and the offsets, None where there are none."""
    parts = cells.str.extract_groups(f"^{_OFFSET.pattern}$").struct.unnest()
    offsets = parts.to_series(1)
    if offsets.null_count() == len(offsets):
        return cells, None
    if offsets.null_count():
        row = int((offsets.is_null() != offsets.is_null()[0]).arg_max() or 0)
        raise DataError(
            f"{place(row)}: the offset from UTC changes within the column: only some times have one.",
            expected=f"{offsets[0] or 'no offset'} as in {place(0)}",
            got=quoted(cells[row]),
            cure="Write all times in UTC, or all with their offset.",
        )
    return parts.to_series(0), offsets


def _of_offsets(parsed: ParsedDates, offsets: pl.Series | None) -> ParsedDates:
    """Return the times with what their offsets say: labels as written where there is one, instants in UTC otherwise."""
    if offsets is None:
        return parsed
    distinct = offsets.unique(maintain_order=True).to_list()
    minutes = {offset: offset_minutes(offset) for offset in distinct}
    if len(set(minutes.values())) == 1:
        note = f"All times have the offset {distinct[0]}; labels show them as written, without it."
        return replace(parsed, notes=(*parsed.notes, note), offset=distinct[0])
    ahead = pl.Series([minutes[offset] * 60_000_000 for offset in offsets]).cast(pl.Duration("us"))
    instants = parsed.values.cast(pl.Datetime("us")) - ahead
    first, last = int(instants.arg_min() or 0), int(instants.arg_max() or 0)
    local = f"from {parsed.values[first]}{offsets[first]} to {parsed.values[last]}{offsets[last]} in local time"
    clock = LocalClock.of(instants.to_numpy(), np.array([minutes[offset] for offset in offsets]))
    note = (
        f"The offset from UTC changes ({', '.join(distinct[:5])}): the times are instants, {local}; in UTC, "
        f"from {instants[first]} to {instants[last]}. Labels are in {'local time' if clock else 'UTC'}."
    )
    values = instants.alias(parsed.values.name)
    return replace(parsed, values=values, notes=(*parsed.notes, note), offset="UTC", clock=clock)


def offset_minutes(offset: str) -> int:
    """Return an offset from UTC, such as Z, +02, +0530 or -03:00, in minutes."""
    digits = offset[1:].replace(":", "")
    minutes = int(digits[:2] or 0) * 60 + int(digits[2:] or 0)
    return -minutes if offset.startswith("-") else minutes


def _refuse_misfits(cells: pl.Series, example: str, form: DateForm, place: Place) -> None:
    fits = cells.str.contains(f"^(?:{form.pattern})$").fill_null(value=False)
    if not fits.all():
        row = int((~fits).arg_max() or 0)
        raise _misfit(cells[row] or "", example, form, place(row))


def _misfit(cell: str, example: str, form: DateForm, place: str) -> DataError:
    if is_missing(cell):
        reason = "the time label is missing"
    elif (other := form_of(cell)) is not None:
        reason = f"date forms are mixed: {quoted(cell)} is {other.name}"
    else:
        reason = f"{quoted(cell)} is not a date"
    return DataError(
        f"{place}: {reason}.",
        expected=f"the form {form.name}, as {quoted(example)} in another row",
        cure="Write every date of the file in one form; YYYY-MM-DD HH:MM:SS is never ambiguous.",
    )


def _day_first(cells: pl.Series, form: DateForm, place: Place) -> DateForm:
    """The order of day and month around / or - is decided by a number above 12, never guessed."""
    if not form.name.startswith(_DAY_OR_MONTH):
        return form
    first = cells.str.extract(r"^([0-9]+)").cast(pl.Int32)
    second = cells.str.extract(r"^[0-9]+[/-]([0-9]+)").cast(pl.Int32)
    day_first, month_first = (first > 12).any(), (second > 12).any()
    if day_first and not month_first:
        return form
    if month_first and not day_first:
        name = form.name.replace("DD", "").replace("MM", "DD", 1)
        template = form.template.replace("%d", "").replace("%m", "%d")
        return replace(form, name="MM" + name, template="%m" + template)
    if day_first:
        row = int((second > 12).arg_max() or 0)
        raise DataError(
            f"{place(row)}: {quoted(cells[row])} puts the month first, other rows put the day first.",
            cure="Write every date of the file in one form, best YYYY-MM-DD.",
        )
    raise DataError(
        f"{place(0)}: days could be months: no number in dates such as {quoted(cells[0])} is above 12.",
        expected="dates that can be read in one way only",
        cure="Say which by --time-format %d/%m/%Y or %m/%d/%Y (time_format= in Python), or write the dates as "
        "YYYY-MM-DD (or DD.MM.YYYY, which is always day first).",
    )
