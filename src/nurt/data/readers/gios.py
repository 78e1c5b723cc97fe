"""Air quality measured by GIOŚ: yearly archives, exports of the portal, answers of the web service.

A value is the mean over the hour that *ends* at its stamp; stamps are kept as they are, so the last hour of a year is
labelled 1 January. Nothing is shifted at the change to daylight-saving time: a lost hour is absent here and becomes a
missing value on a regular grid (:func:`nurt.data.regular_grid`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from nurt.data.dates import form_of, parse_dates, round_to_grid
from nurt.data.doubtful import refuse_mixed_marks
from nurt.data.numbers import parse_numbers
from nurt.data.readers.sheet import Sheet, align, end_of_dated_rows, trimmed
from nurt.data.readers.source import Source
from nurt.data.table import Table, stack
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["read", "recognises"]

_LONGEST_HEADER = 10
_SHORTEST_DATE = 8
_NAMES = {
    "pył zawieszony pm10": "PM10",
    "pył zawieszony pm2.5": "PM2.5",
    "pył zawieszony pm25": "PM2.5",
    "dwutlenek azotu": "NO2",
    "tlenek azotu": "NO",
    "tlenki azotu": "NOx",
    "dwutlenek siarki": "SO2",
    "tlenek węgla": "CO",
    "ozon": "O3",
    "benzen": "C6H6",
}
_FORMULAS = {
    formula.lower(): formula
    for formula in ("PM10", "PM2.5", "NO2", "NO", "NOx", "SO2", "CO", "O3", "C6H6", "toluen", "benzen", "Hg(TGM)")
} | {"pm25": "PM2.5", "pm2,5": "PM2.5"}
_COMPOUND = re.compile(r"[A-Za-z][A-Za-z0-9,]{0,7}\(PM(?:10|2\.5)\)")
_AVERAGING = re.compile(r"[0-9]{1,2} ?[gh]")
_UNIT = re.compile(r"\(?[mµμun]?g/m(?:3|³)\)?", re.IGNORECASE)
_POSITION = re.compile(r"\w+-.+-[0-9]{1,2}[gh]")
_CODE = re.compile(r"[A-Z][\w.]{4,}")
_PORTAL = re.compile(r"(?P<station>.+?) ?\((?P<pollutant>.+?)(?: ?\[(?:jednostka )?(?P<unit>[^\]]+)\])?\)")
_PORTAL_PLAIN = re.compile(r"(?P<station>.+) - (?P<pollutant>.+)")
_HOUR = np.timedelta64(1, "h")
_SHOWN = 5


def recognises(source: Source) -> bool:
    """Return whether a file holds measurements of GIOŚ: hourly rows under the names of pollutants, or its JSON."""
    if source.kind == "json":
        return _is_answer(source.json) or _is_sensor_list(source.json)
    layout = None if source.kind == "parquet" else _layout(source.sheet)
    if layout is None:
        return False
    first, column, _ = layout
    form = form_of(source.sheet.rows[first][column])
    return form is not None and form.clock


def read(sources: Sequence[Source]) -> Table:
    """Read files of measurements; columns of several files are joined by position or by station and pollutant.

    Raises:
        DataError: a file holds no measurements, or its structure is damaged.
    """
    sensors = [source for source in sources if source.kind == "json" and _is_sensor_list(source.json)]
    measured = [source for source in sources if source not in sensors]
    if not measured:
        raise DataError(
            f"{sensors[0].file}: this is a list of sensors, without measurements.",
            got="; ".join(_sensor_notes(sensors[0])),
            cure="Fetch the measurements of a sensor: …/data/getData/<number of the sensor>.",
        )
    table = stack([_read_answer(source) if source.kind == "json" else _read_sheet(source) for source in measured])
    return replace(table, notes=(*table.notes, *(note for source in sensors for note in _sensor_notes(source))))


def _layout(sheet: Sheet) -> tuple[int, int, list[_Measurement]] | None:
    """Return the first data row, the column of dates, and what the columns after it measure.

    The dates are in the first column, or in the second when pandas wrote its row numbers before them.
    """
    for first, row in enumerate(sheet.rows[: _LONGEST_HEADER + 1]):
        column = next((column for column in (0, 1) if column < len(row) and form_of(row[column])), None)
        if column is None or (column == 1 and not row[0].isdigit()):
            continue
        header = [trimmed(cells)[column + 1 :] for cells in sheet.rows[:first]]
        width = max(map(len, header), default=0)
        found = _columns_measured([cells + [""] * (width - len(cells)) for cells in header]) if width else None
        return None if found is None else (first, column, found)
    return None


def _read_sheet(source: Source) -> Table:
    sheet = source.sheet
    layout = _layout(sheet)
    if layout is None:
        raise sheet.refusal(
            0,
            "no dated rows under names of pollutants (PM10, pył zawieszony PM2.5, …) were found",
            "Give a yearly archive or an export of the GIOŚ portal, or use the format 'table'.",
        )
    first, column, measured = layout
    for row in range(first):
        label = sheet.rows[row][column] if column < len(sheet.rows[row]) else ""
        if label[:4].isdigit() and len(label) >= _SHORTEST_DATE:
            raise sheet.refusal(row, f"{quoted(label)} is not a date, but is where the data begin", "Correct the date.")
    nameless = next((index for index, one in enumerate(measured) if not one.name), None)
    if nameless is not None:
        raise sheet.refusal(
            0,
            f"the header does not say what column {column + nameless + 2} measures, and where",
            "Fetch the file again, or remove the column.",
        )
    stop, footnotes = end_of_dated_rows(sheet, first, column)
    rows = align(sheet, first, stop, column + 1 + len(measured))
    rows.refuse_many_short()

    cells = rows.columns
    dates = parse_dates(pl.Series("time", cells[column]), rows.place)
    times, moved = round_to_grid(dates.values) if source.kind == "workbook" else (dates.values, ())
    values = cells[column + 1 :]
    written = [pl.Series(measurement.name, value) for measurement, value in zip(measured, values, strict=True)]
    numbers = parse_numbers(written, sheet.numbers)
    if source.kind != "workbook":
        refuse_mixed_marks(numbers, rows.place, separator=sheet.separator)
    typed = [number.or_text(text) for text, number in zip(written, numbers, strict=True)]
    notes = (*sheet.notes, *dates.notes, *moved, *rows.notes(), *footnotes)
    table = _table(sheet.file, times, typed, measured, notes)
    return replace(table, lines=rows.lines, offset=dates.offset, clock=dates.clock)


def _table(
    file: str, times: pl.Series, values: Sequence[pl.Series], measured: Sequence[_Measurement], notes: Sequence[str]
) -> Table:
    names = [measurement.name for measurement in measured]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise DataError(
            f"{file}: two columns hold {quoted(repeated)}.",
            cure="Remove one of them, or fetch the file again.",
        )
    aliases: dict[str, tuple[str, ...]] = {}
    for measurement in measured:
        for alias in measurement.aliases:
            aliases[alias] = (*aliases.get(alias, ()), measurement.name)
    frame = pl.DataFrame([times.alias("time"), *values])
    return Table(
        frame=frame,
        columns=tuple(column.name for column in values if column.dtype == pl.Float64),
        format="gios",
        sources=(file,),
        time="time",
        units={measurement.name: measurement.unit for measurement in measured if measurement.unit},
        aliases=aliases,
        notes=(*notes, *_averaging_note(file, measured), *_clock_notes(file, times), *_negative_notes(file, values)),
        lines=np.arange(1, frame.height + 1),
    )


def _averaging_note(file: str, measured: Sequence[_Measurement]) -> tuple[str, ...]:
    found = {measurement.averaging for measurement in measured if measurement.averaging}
    if found <= {"1g", "1h"}:
        return ("Each value is the mean of the hour that ends at its stamp.",)
    return (f"{file}: averaging time {', '.join(sorted(found))}, as the header says.",)


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and {"key", "values"} <= value.keys()


def _is_sensor_list(value: Any) -> bool:
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(isinstance(row, dict) and "stationId" in row for row in rows)


def _sensor_notes(source: Source) -> list[str]:
    return [
        f"sensor {name_in_words(str(sensor.get('id')))} of station {name_in_words(str(sensor['stationId']))} measures "
        f"{_formula_of(sensor)}"
        for sensor in source.json
    ]


def _formula_of(sensor: dict[str, Any]) -> str:
    param = sensor.get("param")
    formula = param.get("paramFormula") if isinstance(param, dict) else None
    return name_in_words(formula) if isinstance(formula, str) else "an unnamed pollutant"


def _read_answer(source: Source) -> Table:
    """Read an answer of the web service (version 0): ``{"key": "PM10", "values": [{"date": …, "value": …}]}``."""
    answer = source.json
    if not _is_answer(answer):
        raise DataError(
            f"{source.file}: this JSON is not an answer of the GIOŚ service.",
            expected="an object with 'key' and 'values', as …/data/getData/<sensor> gives",
            cure="Fetch the measurements of one sensor.",
        )
    key, rows = answer["key"], answer["values"]
    if not isinstance(key, str) or not key.strip() or key == "time":
        raise DataError(
            f"{source.file}: 'key' does not name a pollutant.",
            expected="a text such as PM10",
            got=name_in_words(repr(key)),
            cure="Fetch it again.",
        )
    whole = isinstance(rows, list) and all(isinstance(row, dict) and {"date", "value"} <= row.keys() for row in rows)
    if not rows or not whole:
        raise DataError(f"{source.file}: the answer holds no rows of 'date' and 'value'.", cure="Fetch it again.")
    written = pl.Series("time", [str(row["date"]) for row in rows])
    dates = parse_dates(written, lambda row: f"{source.file}, value {row + 1}")
    values = [row["value"] for row in rows]
    wrong = next((index for index, value in enumerate(values) if not _is_value(value)), None)
    if wrong is not None:
        raise DataError(
            f"{source.file}, value {wrong + 1}: {name_in_words(repr(values[wrong]))} is not a number.",
            cure="Fetch it again.",
        )
    column = pl.Series(key, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    table = _table(source.file, dates.values, [column], [_Measurement(column.name)], dates.notes)
    return replace(table, offset=dates.offset, clock=dates.clock)


def _is_value(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and not np.isinf(value))


@dataclass(frozen=True)
class _Measurement:
    """One column: what is measured, where and how.

    Args:
        name: the column's own name, "" where the header leaves it out.
        aliases: further names that select it.
        unit: for example "ug/m3"; "" where the file does not state it.
        averaging: for example "1g", one hour; "" where the file does not state it.
    """

    name: str
    aliases: tuple[str, ...] = ()
    unit: str = ""
    averaging: str = ""


def _pollutant_of(text: str) -> str | None:
    """Return the formula of a pollutant given by formula or Polish name, else None."""
    key = text.strip().lower()
    if key in _NAMES:
        return _NAMES[key]
    if key in _FORMULAS:
        return _FORMULAS[key]
    return text.strip() if _COMPOUND.fullmatch(text.strip()) else None


def _columns_measured(header: Sequence[Sequence[str]]) -> list[_Measurement] | None:
    """Read the header rows of a file of measurements.

    Args:
        header: cells of the header rows, without the column of dates; all equally long.

    Returns:
        one measurement per column, or None when the rows do not name pollutants.
    """
    rows = {_role(cells): list(cells) for cells in header}
    if "pollutant" in rows and "code" in rows:
        return _of_archive(rows)
    if "position" in rows:
        return _of_archive({"averaging": [cell.rpartition("-")[2] for cell in rows["position"]]} | _split(rows))
    units = rows.get("unit", [""] * len(header[0]) if header else [])
    for cells in header:
        found = [_of_portal(cell, unit) for cell, unit in zip(cells, units, strict=True)]
        named = [measurement for measurement in found if measurement is not None]
        if found and len(named) == len(found):
            return named
    return None


def _role(cells: Sequence[str]) -> str:
    present = [cell for cell in cells if cell]
    if not present:
        return "blank"
    if all(_AVERAGING.fullmatch(cell) for cell in present):
        return "averaging"
    if all(_UNIT.fullmatch(cell) for cell in present):
        return "unit"
    if all(_pollutant_of(cell) for cell in present):
        return "pollutant"
    if all(_POSITION.fullmatch(cell) for cell in present):
        return "position"
    if len(set(present)) == len(cells) and all(_CODE.fullmatch(cell) for cell in present):
        return "code"
    return "number" if all(cell.isdigit() for cell in present) else "other"


def _split(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    parts = [cell.partition("-") for cell in rows["position"]]
    return rows | {"code": [part[0] for part in parts], "pollutant": [part[2].rpartition("-")[0] for part in parts]}


def _of_archive(rows: dict[str, list[str]]) -> list[_Measurement]:
    """Name each column as GIOŚ names a position, ``MpKrakAlKras-PM10-1g``; the station code alone is an alias."""
    count = len(rows["code"])
    averaging = rows.get("averaging", [""] * count)
    units = rows.get("unit", [""] * count)
    found = []
    for code, pollutant, average, unit in zip(rows["code"], rows["pollutant"], averaging, units, strict=True):
        average = average.replace(" ", "")
        name = "-".join(filter(None, (code, pollutant, average))) if code and pollutant else ""
        found.append(_Measurement(name, (code, f"{code}-{pollutant}"), unit, average))
    return found


def _of_portal(cell: str, unit: str) -> _Measurement | None:
    formula = _pollutant_of(cell)
    if formula is not None:
        return _Measurement(cell, (formula,) if formula != cell else (), unit)
    match = _PORTAL.fullmatch(cell) or _PORTAL_PLAIN.fullmatch(cell)
    formula = _pollutant_of(match["pollutant"]) if match else None
    if match is None or formula is None:
        return None
    unit = match.groupdict().get("unit") or unit
    return _Measurement(f"{match['station'].strip()} {formula}", (formula, match["pollutant"].strip(), cell), unit)


def _clock_notes(file: str, times: pl.Series) -> tuple[str, ...]:
    """Return notes on absent and repeated hours; next to the change of the clock in March a value is uncertain."""
    stamps = np.sort(times.to_numpy().astype("datetime64[s]"))
    steps = np.diff(stamps)
    notes = []
    if len(steps) and np.mean(steps == _HOUR) > 0.9:
        before = np.flatnonzero(steps > _HOUR)
        lost = stamps[before] + _HOUR
        if len(before):
            absent = int(np.sum(steps[before] // _HOUR - 1))
            notes.append(f"{file}: {absent} hour(s) absent in {len(before)} gap(s), first at {_shown(lost)}.")
        spring = np.array([moment for moment in lost if _is_spring_change(moment)], dtype=stamps.dtype)
        if len(spring):
            notes.append(
                f"{file}: the change of the clock lost an hour; the value stamped {_shown(spring + _HOUR)} may belong "
                "to the hour before and is uncertain."
            )
    repeated = stamps[1:][steps == np.timedelta64(0, "s")]
    if len(repeated):
        reason = " The change of the clock is the cause." if any(map(_is_spring_change, repeated - _HOUR)) else ""
        notes.append(f"{file}: {len(repeated)} stamp(s) appear more than once, first {_shown(repeated)}.{reason}")
    return tuple(notes)


def _negative_notes(file: str, values: Sequence[pl.Series]) -> tuple[str, ...]:
    """Return a note on the columns with negative concentrations and their number."""
    counts = {column.name: int((column < 0).sum()) for column in values if column.dtype == pl.Float64}
    negative = [f"{name} ({count})" for name, count in counts.items() if count]
    if not negative:
        return ()
    more = f" and {len(negative) - _SHOWN} more columns" if len(negative) > _SHOWN else ""
    return (f"{file}: negative concentrations, kept as they are: {', '.join(negative[:_SHOWN])}{more}.",)


def _is_spring_change(moment: np.datetime64) -> bool:
    """02:00 of the last Sunday of March, when Polish clocks go forward."""
    stamp = moment.astype("datetime64[s]").item()
    return bool(stamp.month == 3 and stamp.day >= 25 and stamp.weekday() == 6 and stamp.hour == 2)


def _shown(moments: np.ndarray) -> str:
    return ", ".join(str(moment.astype("datetime64[m]")).replace("T", " ") for moment in moments[:_SHOWN])
