"""Exchange rates of Narodowy Bank Polski, table A: yearly archives and answers of its web service.

An archive quotes some currencies per 100 or 10000 units (``100JPY``). Both ``100JPY`` (as published, rescaled where a
file quotes another unit) and ``JPY`` (per one unit) can be selected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from nurt.data.dates import form_of, parse_dates
from nurt.data.doubtful import refuse_mixed_marks
from nurt.data.numbers import is_number, missing, parse_numbers
from nurt.data.readers.sheet import DataRows, Sheet, align, trimmed
from nurt.data.readers.source import Source
from nurt.data.table import Table, stack
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["read", "recognises"]

_ENCODING = "cp1250"
_LARGEST_CHANGE = 0.5
_LONGEST_HOLIDAY_DAYS = 7
_CODE = re.compile(r"([1-9][0-9]*) ?([A-Z]{3})")
_LONGEST_HEADER = 12
_TABLE_NUMBER = re.compile(r"([0-9]{1,3})/A/NBP/([0-9]{4})")
_LONGEST_GAP_DAYS = 10
_CURE_ANSWER = "Fetch one currency of table A, with ?format=json."
_LARGEST_RATE = 1e9
_CURE = "Fetch the yearly archive again."
_SHIFTED = "the row of codes names another field where the rows have their table number"


def recognises(source: Source) -> bool:
    """Return whether a file is table A: codes in a row, the codes of the footer, or numbers like 001/A/NBP/2021.

    One sign suffices, so that a file that lost its header is refused by this reader rather than misread by another.
    """
    if source.kind == "json":
        return _is_answer(source.json)
    if source.kind == "parquet":
        return False
    rows = source.sheet.rows
    edges = [*rows[:12], *rows[-6:]]
    if any(_code_share(row) > 0.5 or (row[0].lower() == "kod iso" and len(trimmed(row)) > 2) for row in edges):
        return True
    numbered = sum(any(_TABLE_NUMBER.fullmatch(cell) for cell in row[-3:]) for row in rows)
    return numbered > 0 and 2 * numbered >= sum(form_of(row[0]) is not None for row in rows)


def read(sources: Sequence[Source]) -> Table:
    """Read archives or service answers; rates of several files are joined by currency code.

    Raises:
        DataError: a file is not table A, or its structure is damaged.
    """
    years = [_read_answer(source) if source.kind == "json" else _read_archive(source.sheet) for source in sources]
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
    # The archives are published in this encoding, so its detection needs no note.
    notes = tuple(note for note in table.notes if f"read as {_ENCODING}," not in note)
    doubtful, gaps = _quotation_notes(table), _gap_notes(table)
    return replace(table, notes=(*notes, *rescaled, *doubtful, *gaps), concerns={**table.concerns, **doubtful})


def _is_answer(value: object) -> bool:
    return isinstance(value, dict) and {"code", "rates"} <= value.keys()


def _read_answer(source: Source) -> _Year:
    """Read an answer of ``/api/exchangerates/rates/A/{code}/…``; the service quotes one unit of the currency."""
    answer = source.json
    if not _is_answer(answer):
        raise DataError(
            f"{source.file}: this JSON is not an answer of the NBP service.",
            expected="an object with 'code' and 'rates', as /api/exchangerates/rates/A/USD/ gives",
            cure=_CURE_ANSWER,
        )
    code, rates = answer["code"], answer["rates"]
    if not isinstance(code, str) or not re.fullmatch("[A-Z]{3}", code):
        raise DataError(
            f"{source.file}: 'code' is not that of a currency.",
            expected="three capital letters such as USD",
            got=name_in_words(repr(code)),
            cure=_CURE_ANSWER,
        )
    if not isinstance(rates, list) or not rates:
        raise DataError(f"{source.file}: the answer holds no rates.", cure="Fetch a range that has quotations.")
    for index, rate in enumerate(rates):
        if not isinstance(rate, dict) or not _is_rate(rate.get("mid")) or not rate.get("effectiveDate"):
            raise DataError(
                f"{source.file}: rate {index + 1} has no 'mid' that is a rate, or no 'effectiveDate'.",
                got=name_in_words(repr(rate)),
                cure="Fetch table A; tables B and C have other fields.",
            )
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
    return _Year(table, {code: 1}, {code: str(answer.get("currency", ""))})


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value < _LARGEST_RATE


def _with_published_names(year: _Year, units: dict[str, set[int]]) -> Table:
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


def _quotation_notes(table: Table) -> dict[str, tuple[str, ...]]:
    """Return notes on discontinued quotations and implausible changes, each with the columns it applies to."""
    notes: dict[str, tuple[str, ...]] = {}
    order = table.frame.sort("time", maintain_order=True)
    last = order["time"][-1]
    for name in (name for name in table.columns if name[0].isdigit()):
        about = (name, name.lstrip("0123456789"))
        found = order.select("time", name).drop_nulls()
        if found.height and found["time"][-1] != last:
            notes[f"{name} was quoted last on {found['time'][-1]}; missing after that."] = about
        change = found[name] / found[name].shift(1) - 1
        large = found.filter((change.abs() > _LARGEST_CHANGE).fill_null(value=False))
        if large.height:
            notes[f"{name} changes by more than half on {large['time'][0]}; check this quotation."] = about
    return notes


def _gap_notes(table: Table) -> tuple[str, ...]:
    """Return a note on the longest gap between days with quotations, if it is longer than holidays are."""
    days = table.frame["time"].unique().sort()
    gaps = days.diff().dt.total_days()
    if not (gaps > _LONGEST_HOLIDAY_DAYS).any():
        return ()
    row = int(gaps.arg_max() or 0)
    return (f"The longest gap between quotations is {gaps[row]} days, up to {days[row]}.",)


@dataclass(frozen=True)
class _Quote:
    """One quoted currency: ISO code, units it is quoted for, column in the sheet, Polish name."""

    code: str
    unit: int
    column: int
    name: str = ""


@dataclass(frozen=True)
class _Year:
    """The rates of one file.

    Args:
        table: its rates, each column named by the ISO code alone.
        units: how many units of a currency its rate is for, by code.
        names: Polish name of the currency by code.
    """

    table: Table
    units: dict[str, int]
    names: dict[str, str]


def _code_share(row: Sequence[str]) -> float:
    """Return the share of cells after the first that are codes such as 1USD and 100JPY."""
    cells = trimmed(row)[1:]
    return sum(_CODE.fullmatch(cell) is not None for cell in cells) / max(1, len(cells))


def _read_archive(sheet: Sheet) -> _Year:
    """Read one archive.

    Raises:
        DataError: codes, rows and footer do not agree, or a cell is not a rate.
    """
    top, quotes = _quotes(sheet)
    above = next((row for row in range(top) if form_of(sheet.rows[row][0])), None)
    if above is not None:
        raise sheet.refusal(above, "a dated row stands above the currency codes", _CURE)
    first = next((row for row in range(top + 1, len(sheet.rows)) if form_of(sheet.rows[row][0])), None)
    if first is None:
        raise sheet.refusal(top, "no row below the currency codes begins with a date", "Fetch the archive again.")
    for row in range(top + 1, first):
        if any(is_number(cell) for cell in sheet.rows[row][1:]):
            raise sheet.refusal(
                row, f"{quoted(sheet.rows[row][0])} is not a date, but rates follow it", "Correct the date."
            )
    stop = next((row for row in range(first, len(sheet.rows)) if not form_of(sheet.rows[row][0])), len(sheet.rows))
    footer_note = _check_footer(sheet, stop, [(quote.code, quote.unit) for quote in quotes])
    header = trimmed(sheet.rows[top])
    _refuse_repeated_names(sheet, top, header, quotes)
    rows = align(sheet, first, stop, len(header))
    rows.refuse_many_short()

    cells = [pl.Series(name, column) for name, column in zip(header, rows.columns, strict=True)]
    dates = parse_dates(cells[0].alias("time"), rows.place)
    _refuse_damaged_rows(rows, dates.values, sheet.refusal(top, _SHIFTED, _CURE))
    rates = _rates(quotes, cells, rows)
    of_rates = {0, *(quote.column for quote in quotes)}
    table = Table(
        frame=pl.DataFrame(
            [dates.values, *rates, *(cells[index] for index in range(len(header)) if index not in of_rates)]
        ),
        columns=tuple(quote.code for quote in quotes),
        format="nbp",
        sources=(sheet.file,),
        time="time",
        aliases={header[0]: ("time",)} if header[0] else {},
        notes=(*sheet.notes, *dates.notes, *rows.notes(), *footer_note),
        lines=rows.lines,
    )
    return _Year(table, {quote.code: quote.unit for quote in quotes}, {quote.code: quote.name for quote in quotes})


def _quotes(sheet: Sheet) -> tuple[int, list[_Quote]]:
    """Find the row of codes, and the Polish names in an undated row below it."""
    head = sheet.rows[:_LONGEST_HEADER]
    top = next((index for index, row in enumerate(head) if _code_share(row) > 0 and not form_of(row[0])), None)
    if top is None:
        raise sheet.refusal(
            0,
            "no row of currency codes such as 1USD;100JPY was found, so the columns of this table A cannot be named",
            "Fetch the yearly archive again; its first line holds the codes.",
        )
    below = sheet.rows[top + 1] if top + 1 < len(sheet.rows) else []
    names = below if below and not form_of(below[0]) else []
    quotes = []
    for column, cell in enumerate(trimmed(sheet.rows[top])):
        match = _CODE.fullmatch(cell)
        if match:
            name = names[column] if column < len(names) else ""
            quotes.append(_Quote(match.group(2), int(match.group(1)), column, name))
    within = sheet.rows[top][quotes[0].column : quotes[-1].column + 1]
    stranger = next((cell for cell in within if not _CODE.fullmatch(cell)), None)
    if stranger is not None:
        raise sheet.refusal(top, f"{quoted(stranger)} stands between the currencies and is none", _CURE)
    codes = [quote.code for quote in quotes]
    repeated = next((code for code in codes if codes.count(code) > 1), None)
    if repeated:
        raise sheet.refusal(top, f"the currency {repeated} appears in two columns", _CURE)
    return top, quotes


def _refuse_repeated_names(sheet: Sheet, top: int, header: Sequence[str], quotes: Sequence[_Quote]) -> None:
    """Refuse a header that names two columns alike; the codes are also read as 1USD and USD, and the dates as time."""
    coded = {quote.column for quote in quotes}
    taken = {"time", *(quote.code for quote in quotes), *(f"{quote.unit}{quote.code}" for quote in quotes)}
    for column, name in enumerate(header):
        if column == 0 or column in coded:
            continue
        if name in taken:
            reason = f"two columns are named {quoted(name)}" if name else "two columns have no name"
            raise sheet.refusal(top, reason, _CURE)
        taken.add(name)


def _rates(quotes: Sequence[_Quote], cells: Sequence[pl.Series], rows: DataRows) -> list[pl.Series]:
    numbers = parse_numbers([cells[quote.column].alias(quote.code) for quote in quotes], rows.sheet.numbers)
    refuse_mixed_marks(numbers, rows.place, separator=rows.sheet.separator)
    for quote, number in zip(quotes, numbers, strict=True):
        # What is missing elsewhere, such as b.d., is damage in an archive that leaves such cells empty.
        strange = number.marked & ~missing(cells[quote.column])
        strange &= ~cells[quote.column].is_in(list(rows.sheet.numbers.missing))
        wrong = (
            number.wrong | strange | ~number.values.is_between(0, _LARGEST_RATE, closed="none").fill_null(value=True)
        )
        if wrong.any():
            row, name = int(wrong.arg_max() or 0), f"{quote.unit}{quote.code}"
            raise DataError(
                f"{rows.place(row)}: {quoted(cells[quote.column][row])} under {name} is not an exchange rate.",
                expected="a positive number such as 3,6998, or an empty cell",
                cure="Correct the cell, or fetch the yearly archive again.",
            )
    return [number.values for number in numbers]


def _check_footer(sheet: Sheet, stop: int, quotes: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Compare the codes and units repeated below the data with those of the header; a difference means damage.

    Args:
        sheet: the archive.
        stop: index of the first row after the data.
        quotes: code and unit of each currency, in the order of the header.

    Returns:
        a note when there is no footer.

    Raises:
        DataError: they differ, or dated rows follow.
    """
    dated = next((row for row in range(stop, len(sheet.rows)) if form_of(sheet.rows[row][0])), None)
    if dated is not None:
        raise sheet.refusal(
            stop,
            f"{quoted(sheet.rows[stop][0])} is not a date, but dated rows follow (line {sheet.lines[dated]})",
            "Correct this row. If years were written into one file, give each yearly file by itself; "
            "they are joined by currency code.",
        )
    for row in range(stop, len(sheet.rows)):
        cells = trimmed(sheet.rows[row])[1:]
        codes = bool(cells) and all(re.fullmatch("[A-Z]{3}", cell) for cell in cells)
        units = bool(cells) and all(re.fullmatch("[1-9][0-9]*", cell) for cell in cells)
        expected = [code if codes else str(unit) for code, unit in quotes]
        if (codes or units) and cells != expected:
            pairs = zip([*expected, ""], [*cells, ""], strict=False)
            header, footer = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
            raise sheet.refusal(
                row,
                f"the footer does not repeat the header: {len(cells)} entries for {len(quotes)} currencies, "
                f"{quoted(footer)} where the header says {quoted(header)}",
                "Columns seem to have been moved or lost; fetch the yearly archive again.",
            )
    return () if stop < len(sheet.rows) else (f"{sheet.file} has no footer to cross-check its columns with.",)


def _refuse_damaged_rows(rows: DataRows, dates: pl.Series, shifted: DataError) -> None:
    """Refuse rows whose table number (001/A/NBP/2021, last in the row) is in another column or does not fit the date.

    A cell lost inside a row shifts all rates after it. Text lost across a line break merges two rows; then the
    numbers, one per business day, advance faster or slower than the dates.

    Args:
        rows: the data rows of the archive.
        dates: the date of each.
        shifted: raised where the header names its last field elsewhere.

    Raises:
        DataError: a row is damaged, or the header has a field more or less than the rows before the table number.
    """
    found = [_table_number(row) for row in rows.cells]
    columns = [column for column, *_ in filter(None, found)]
    if not columns:
        return
    usual = max(set(columns), key=columns.count)
    for index, number in enumerate(found):
        if number is not None and number[0] != usual:
            reason = "a field is missing or added inside the row, so its rates are under the wrong currencies"
            raise rows.refusal(index, reason, _CURE)
        if number is None and index < len(found) - 1:
            raise rows.refusal(index, "the row ends before its table number", _CURE)
    if usual != len(rows.cells[0]) - 1:
        raise shifted
    for index in range(1, len(found)):
        before, now = found[index - 1], found[index]
        if before is None or now is None or before[2] != now[2]:
            continue
        days, advance = (dates[index] - dates[index - 1]).days, now[1] - before[1]
        if (days > 0 and advance > days) or (days > _LONGEST_GAP_DAYS and advance == 1):
            reason = f"table numbers advance by {advance} in {days} day(s): rows were lost or run together near here"
            raise rows.refusal(index, reason, _CURE)


def _table_number(row: Sequence[str]) -> tuple[int, int, int] | None:
    """Return column, number and year of the table number in a row."""
    for column, cell in enumerate(row):
        match = _TABLE_NUMBER.fullmatch(cell)
        if match:
            return column, int(match.group(1)), int(match.group(2))
    return None
