"""Exchange rates of Narodowy Bank Polski, table A: yearly archives and answers of its web service.

An archive quotes some currencies per 100 or 10000 units (``100JPY``). Both ``100JPY`` (as published, rescaled where a
file quotes another unit) and ``JPY`` (per one unit) can be selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from nurt.data.readers.dates import form_of, parse_dates
from nurt.data.readers.nbp_archive import Year, code_share, read_archive
from nurt.data.readers.nbp_checks import TABLE_NUMBER
from nurt.data.readers.sheet import trimmed
from nurt.data.readers.source import Source
from nurt.data.readers.stacking import stack
from nurt.data.table import Table
from nurt.errors import DataError

__all__ = ["read", "recognises"]

_ENCODING = "cp1250"
_LARGEST_CHANGE = 0.5
_LONGEST_GAP_DAYS = 7


def recognises(source: Source) -> bool:
    """Tell whether a file is table A: codes in a row, the codes of the footer, or numbers like 001/A/NBP/2021.

    One sign suffices, so that a file that lost its header is refused by this reader rather than misread by another.
    """
    if source.kind == "json":
        return _is_answer(source.json)
    if source.kind == "parquet":
        return False
    rows = source.sheet.rows
    edges = [*rows[:12], *rows[-6:]]
    if any(code_share(row) > 0.5 or (row[0].lower() == "kod iso" and len(trimmed(row)) > 2) for row in edges):
        return True
    numbered = sum(any(TABLE_NUMBER.fullmatch(cell) for cell in row[-3:]) for row in rows)
    return numbered > 0 and 2 * numbered >= sum(form_of(row[0]) is not None for row in rows)


def read(sources: Sequence[Source]) -> Table:
    """Read archives or service answers; rates of several files are joined by currency code.

    Raises:
        DataError: a file is not table A, or its structure is damaged.
    """
    years = [_read_answer(source) if source.kind == "json" else read_archive(source.sheet) for source in sources]
    units: dict[str, set[int]] = {}
    for year in years:
        for code, unit in year.units.items():
            units.setdefault(code, set()).add(unit)
    table = stack([_with_published_names(year, units) for year in years])
    rescaled = tuple(
        f"{code} is quoted per {' and per '.join(map(str, sorted(found)))} units in different files; rescaled to each."
        for code, found in units.items()
        if len(found) > 1
    )
    # The archives are published in this encoding: recognising it was no guess that anyone need hear of.
    notes = tuple(note for note in table.notes if f"read as {_ENCODING}," not in note)
    doubts, gaps = _doubts(table), _gaps(table)
    return replace(table, notes=(*notes, *rescaled, *doubts, *gaps), concerns={**table.concerns, **doubts})


def _is_answer(value: object) -> bool:
    return isinstance(value, dict) and {"code", "rates"} <= value.keys()


def _read_answer(source: Source) -> Year:
    """Read an answer of ``/api/exchangerates/rates/A/{code}/…``; the service quotes one unit of the currency."""
    answer = source.json
    if not _is_answer(answer):
        raise DataError(
            f"{source.file}: this JSON is not an answer of the NBP service.",
            expected="an object with 'code' and 'rates', as /api/exchangerates/rates/A/USD/ gives",
            cure="Fetch one currency of table A, with ?format=json.",
        )
    code, rates = str(answer["code"]), answer["rates"]
    for index, rate in enumerate(rates):
        if not isinstance(rate, dict) or not isinstance(rate.get("mid"), int | float) or "effectiveDate" not in rate:
            raise DataError(
                f"{source.file}: rate {index + 1} has no 'mid' and 'effectiveDate'.",
                got=repr(rate)[:80],
                cure="Fetch table A; tables B and C have other fields.",
            )
    if not rates:
        raise DataError(f"{source.file}: the answer holds no rates.", cure="Ask for a range that has quotations.")
    written = pl.Series("time", [str(rate["effectiveDate"]) for rate in rates])
    dates = parse_dates(written, lambda row: f"{source.file}, rate {row + 1}")
    values = pl.Series(code, [float(rate["mid"]) for rate in rates], dtype=pl.Float64)
    table = Table(
        frame=pl.DataFrame([dates.values, values]),
        columns=(code,),
        format="nbp",
        sources=(source.file,),
        time="time",
        lines=np.arange(1, len(rates) + 1),
    )
    return Year(table, {code: 1}, {code: str(answer.get("currency", ""))})


def _with_published_names(year: Year, units: dict[str, set[int]]) -> Table:
    """Name the columns by unit and code, ``1USD``; where a code is quoted for many units, add it per one as ``JPY``."""
    frame, table = year.table.frame, year.table
    published: list[pl.Series] = []
    per_one: list[pl.Series] = []
    aliases = dict(table.aliases)
    labels: dict[str, str] = {}
    for code, unit in year.units.items():
        for target in sorted(units[code]):
            rescaled = frame[code] if target == unit else frame[code] * target / unit
            published.append(rescaled.alias(f"{target}{code}"))
            labels[f"{target}{code}"] = _label(target, code, year.names[code])
        if 1 in units[code]:
            aliases[code] = (f"1{code}",)
        else:
            per_one.append((frame[code] / unit).alias(code))
            labels[code] = _label(1, code, year.names[code])
    extra = [frame[name] for name in frame.columns if name not in year.units and name != "time"]
    return replace(
        table,
        frame=pl.DataFrame([frame["time"], *published, *per_one, *extra]),
        columns=tuple(column.name for column in (*published, *per_one)),
        units=labels,
        aliases=aliases,
    )


def _label(unit: int, code: str, name: str) -> str:
    return f"PLN per {unit} {code}" + (f" ({name})" if name else "")


def _doubts(table: Table) -> dict[str, tuple[str, ...]]:
    """Name quotations that ended and implausible changes from one to the next: note → the columns it concerns."""
    notes: dict[str, tuple[str, ...]] = {}
    order = table.frame.sort("time", maintain_order=True)
    last = order["time"][-1]
    for name in (name for name in table.columns if name[0].isdigit()):
        about = (name, name.lstrip("0123456789"))
        quoted = order.select("time", name).drop_nulls()
        if quoted.height and quoted["time"][-1] != last:
            notes[f"{name} was quoted last on {quoted['time'][-1]}; missing after that."] = about
        change = quoted[name] / quoted[name].shift(1) - 1
        large = quoted.filter((change.abs() > _LARGEST_CHANGE).fill_null(value=False))
        if large.height:
            notes[f"{name} changes by more than half on {large['time'][0]}; check this quotation."] = about
    return notes


def _gaps(table: Table) -> tuple[str, ...]:
    """Name the longest gap between days with quotations, if it is longer than holidays are."""
    days = table.frame["time"].unique().sort()
    gaps = days.diff().dt.total_days()
    if not (gaps > _LONGEST_GAP_DAYS).any():
        return ()
    row = int(gaps.arg_max() or 0)
    return (f"The longest gap between quotations is {gaps[row]} days, up to {days[row]}.",)
