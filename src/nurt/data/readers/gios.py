"""Air quality measured by GIOŚ: yearly archives, exports of the portal, answers of the web service.

A value is the mean over the hour that *ends* at its stamp; stamps are kept as they are, so the last hour of a year is
labelled 1 January. Nothing is shifted where the clock changes: a lost hour is absent here and becomes a missing value
on a regular grid (:func:`nurt.data.regular_grid`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from nurt.data.readers.body import align, end_of_dated_rows, refuse_many_short_rows, short_rows_note
from nurt.data.readers.dates import form_of, parse_dates, round_to_grid
from nurt.data.readers.gios_doubts import clock_notes, negative_notes
from nurt.data.readers.gios_header import Measurement, measurements
from nurt.data.readers.numbers import parse_numbers, refuse_mixed_marks
from nurt.data.readers.sheet import Sheet, trimmed
from nurt.data.readers.source import Source
from nurt.data.readers.stacking import stack
from nurt.data.table import Table
from nurt.errors import DataError

__all__ = ["read", "recognises"]

_LONGEST_HEADER = 10
_SHORTEST_DATE = 8


def recognises(source: Source) -> bool:
    """Tell whether a file holds measurements of GIOŚ: hourly rows under the names of pollutants, or its JSON."""
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
        DataError: a file is no file of measurements, or its structure is damaged.
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


def _layout(sheet: Sheet) -> tuple[int, int, list[Measurement]] | None:
    """Return the first data row, the column of dates, and what the columns after it measure.

    The dates stand in the first column, or in the second when pandas wrote its row numbers before them.
    """
    for first, row in enumerate(sheet.rows[: _LONGEST_HEADER + 1]):
        column = next((column for column in (0, 1) if column < len(row) and form_of(row[column])), None)
        if column is None or (column == 1 and not row[0].isdigit()):
            continue
        header = [trimmed(cells)[column + 1 :] for cells in sheet.rows[:first]]
        width = max(map(len, header), default=0)
        found = measurements([cells + [""] * (width - len(cells)) for cells in header]) if width else None
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
            raise sheet.refusal(row, f"{label!r} is not a date, but stands where the data begin", "Correct the date.")
    stop, footnotes = end_of_dated_rows(sheet, first, column)
    width = column + 1 + len(measured)
    body = align(sheet, first, stop, width)
    refuse_many_short_rows(sheet, body, width)

    cells = list(zip(*body.rows, strict=True))
    dates = parse_dates(pl.Series("time", cells[column]), body.place)
    times, moved = round_to_grid(dates.values) if source.kind == "workbook" else (dates.values, ())
    values = cells[column + 1 :]
    written = [pl.Series(measurement.name, value) for measurement, value in zip(measured, values, strict=True)]
    numbers = parse_numbers(written)
    if source.kind != "workbook":
        refuse_mixed_marks(numbers, body.place, separator=sheet.separator)
    typed = [number.or_text(text) for text, number in zip(written, numbers, strict=True)]
    notes = (*sheet.notes, *dates.notes, *moved, *short_rows_note(body), *footnotes)
    table = _table(sheet.file, times, typed, measured, notes)
    return replace(table, lines=np.asarray(body.lines, dtype=np.int64))


def _table(
    file: str, times: pl.Series, values: Sequence[pl.Series], measured: Sequence[Measurement], notes: Sequence[str]
) -> Table:
    names = [measurement.name for measurement in measured]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise DataError(f"{file}: two columns hold {repeated!r}.", cure="Remove one of them, or fetch the file again.")
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
        notes=(*notes, *_averaging_note(file, measured), *clock_notes(file, times), *negative_notes(file, values)),
        lines=np.arange(1, frame.height + 1),
    )


def _averaging_note(file: str, measured: Sequence[Measurement]) -> tuple[str, ...]:
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
        f"sensor {sensor.get('id')} of station {sensor['stationId']} measures "
        f"{(sensor.get('param') or {}).get('paramFormula', 'an unnamed pollutant')}"
        for sensor in source.json
    ]


def _read_answer(source: Source) -> Table:
    """Read an answer of the web service (version 0): ``{"key": "PM10", "values": [{"date": …, "value": …}]}``."""
    answer = source.json
    if not _is_answer(answer):
        raise DataError(
            f"{source.file}: this JSON is not an answer of the GIOŚ service.",
            expected="an object with 'key' and 'values', as …/data/getData/<sensor> gives",
            cure="Fetch the measurements of one sensor.",
        )
    rows = answer["values"]
    if not rows or not all(isinstance(row, dict) and {"date", "value"} <= row.keys() for row in rows):
        raise DataError(f"{source.file}: the answer holds no rows of 'date' and 'value'.", cure="Fetch it again.")
    written = pl.Series("time", [str(row["date"]) for row in rows])
    dates = parse_dates(written, lambda row: f"{source.file}, value {row + 1}")
    values = [row["value"] for row in rows]
    wrong = next((index for index, value in enumerate(values) if not isinstance(value, int | float | None)), None)
    if wrong is not None:
        raise DataError(f"{source.file}, value {wrong + 1}: {values[wrong]!r} is no number.", cure="Fetch it again.")
    column = pl.Series(str(answer["key"]), values, dtype=pl.Float64)
    return _table(source.file, dates.values, [column], [Measurement(column.name)], dates.notes)
