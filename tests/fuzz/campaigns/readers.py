"""Damaged, odd and unusual files for every reader: refused in words, or read with every untouched cell as written.

A case writes a small table as CSV, TSV, gzip, workbook, Parquet, or in the forms of NBP and GIOŚ, changes cells or
bytes of it, and reads it. A row whose line is in the changed file as it was written must keep its numbers and its
time, and must not be lost. Flipped bytes within a Parquet page change values that nothing protects; there only the
outcome is checked.
"""

from __future__ import annotations

import datetime
import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
from tests.fuzz.campaign import Campaign, Finding

from nurt.data import Table, select
from nurt.data.readers import read
from nurt.errors import DataError, NurtError

__all__ = ["CAMPAIGN"]

TOKENS = (
    *(
        "",
        " ",
        "NA",
        "null",
        "-",
        "x",
        "total",
        "#",
        "#N/A",
        "=1+1",
        "inf",
        "∞",
        "1e309",
        "1e-400",
        "0x10",
        "1_000",
        "٣",
    ),
    *("½", "--1", "1.2.3", "1,234", "1.234", "1 000", "1'000", "−5", "5%", "5 %", "1e5", "9" * 400, "1" * 5000, "."),
    *("\u2028", "\u0085", "\x0b", "\x0c", "\ufeff", "\u202e", "\x1b[31m", "\x00", "\xa0", '"', "'", '""', "a\nb", "\r"),
    *(",", ";", "|", "\t", "*", "a;b", "1|2", "1,5", "2020-02-30", "2020-01-05", "01.02.20", "13/13/2013", "24:00"),
    *("total,5", "Source: x", "sep=;", "unique_id", "date", "year", "[1]", "{", "<html>", "PAR1", "%PDF", "\ud800"),
)
SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Written:
    """A file and what it says.

    Args:
        data: its bytes.
        names: of the columns of numbers.
        rows: by the line as written, or by the text that stands for the row: time and numbers of a row.
        kind: text, gzip, answer, workbook or parquet.
        checked: whether changed bytes cannot pass as another value.
        odd: whether it holds what may be refused.
    """

    data: bytes
    names: tuple[str, ...]
    rows: dict[bytes, tuple[str | None, tuple[float | None, ...]]]
    kind: str
    checked: bool = True
    odd: bool = False


def case(generator: random.Random, folder: Path) -> str:
    """Write, change and read one file."""
    # Workbooks and Parquet are read by a process of their own, which costs a hundred times as much.
    kind = generator.choices(
        ["text", "gzip", "nbp", "gios", "nbp answer", "gios answer", "workbook", "parquet"],
        [44, 8, 14, 14, 10, 9, 0.5, 0.5],
    )[0]
    written, name = MAKERS[kind](generator), kind.replace(" ", "_")
    changed = written.data if generator.random() < 0.05 else _damaged(generator, written)
    path = folder / name
    path.write_bytes(changed)
    try:
        table = read(path)
    except DataError as error:
        _refuse_foreign(error)
        if changed == written.data and not written.odd:
            raise Finding(f"an intact {kind} is refused: {error}\n{changed[:1500]!r}") from error
        return f"{kind}: refused"
    _compare(table, written, changed)
    _select(table, generator)
    return f"{kind}: {'read intact' if changed == written.data else 'read'}"


def _refuse_foreign(error: NurtError) -> None:
    cause = error.__cause__
    if cause is not None and not isinstance(cause, NurtError):
        raise Finding(f"{type(cause).__name__} inside a reader: {error}") from cause
    shown = str(error)
    if len(shown) > 3000 or "\x1b" in shown or "\u202e" in shown:
        raise Finding(f"a message of {len(shown)} characters: {shown[:500]!r}")


def _select(table: Table, generator: random.Random) -> None:
    for target in (None, *table.frame.columns):
        try:
            select(table, target, on_duplicate=generator.choice(["refuse", "first", "last", "mean"]))
        except DataError as error:
            _refuse_foreign(error)


def _compare(table: Table, written: Written, changed: bytes) -> None:
    """Raise where a row that was not touched is lost or says something else."""
    if not written.checked and changed != written.data:
        return
    by_line = _rows_by_line(table, written, changed)
    # A quote that is opened in one line and closed in another holds the lines between.
    lost_may_be = any(line.count(b'"') % 2 for line in _lines_of(changed))
    numeric = {name: table.frame[name].to_list() for name in written.names if name in table.frame.columns}
    numeric = {name: cells for name, cells in numeric.items() if table.frame[name].dtype == pl.Float64}
    times = None if table.time is None else table.frame[table.time].to_list()
    last = max(by_line, default=0)
    for line, (time, numbers) in by_line.items():
        found = [row for row, place in enumerate(table.lines) if int(place) == line]
        if not found:
            if lost_may_be or any(f"line {line}:" in note or "were skipped" in note for note in table.notes):
                continue
            raise Finding(f"line {line} is lost\n{_shown(table, changed)}")
        for row in found[:1]:
            for name, number in zip(written.names, numbers, strict=True):
                if name not in numeric:
                    continue
                cell = numeric[name][row]
                same = cell == number or (cell is None and number is None)
                if not same and not (
                    cell is None and line == last and any("cut short" in note for note in table.notes)
                ):
                    raise Finding(f"line {line}: {name} is {cell}, written {number}\n{_shown(table, changed)}")
            dated = times is not None and isinstance(times[row], datetime.date)
            if time is not None and dated and str(times[row])[: len(time)] != time:
                raise Finding(f"line {line}: time {times[row]}, written {time}\n{_shown(table, changed)}")


def _rows_by_line(
    table: Table, written: Written, changed: bytes
) -> dict[int, tuple[str | None, tuple[float | None, ...]]]:
    """Return what the untouched rows say, by the number of their line or, in an answer, of their item."""
    if written.kind in ("workbook", "parquet"):
        whole = changed == written.data
        first = 2 if written.kind == "workbook" else 1
        return dict(enumerate(written.rows.values(), start=first)) if whole or written.checked else {}
    if written.kind == "answer" and table.format == "table":
        # Without its first bracket it is a text with commas, and says nothing that can be compared.
        return {}
    if written.kind == "answer":
        found = {}
        labels = [str(label) for label in table.frame[str(table.time)]]
        for text, (time, numbers) in written.rows.items():
            if changed.count(text) == 1 and sum(label[: len(str(time))] == time for label in labels) == 1:
                row = next(row for row, label in enumerate(labels) if label[: len(str(time))] == time)
                found[int(table.lines[row])] = (time, numbers)
        return found
    return {
        number: written.rows[line] for number, line in enumerate(_lines_of(changed), start=1) if line in written.rows
    }


def _lines_of(changed: bytes) -> list[bytes]:
    data = gzip.decompress(changed) if changed.startswith(b"\x1f\x8b") else changed
    return re.split(rb"\r\n|\r|\n", data)


def _shown(table: Table, changed: bytes) -> str:
    return f"{table.frame.head(3)}\n{table.notes}\n{changed[:1200]!r}"


def _damaged(generator: random.Random, written: Written) -> bytes:
    """Return the bytes with a few of them, a line or a cell changed."""
    data = written.data
    unpacked = gzip.decompress(data) if written.kind == "gzip" and generator.random() < 0.5 else None
    if unpacked is not None:
        return gzip.compress(_damaged(generator, replace(written, data=unpacked, kind="text")), mtime=0)
    for _ in range(generator.choice([1, 1, 1, 2, 3, 8])):
        textual = written.kind in ("text", "answer")
        change = generator.choice([_cell, _cell, _line, _bytes] if textual else [_bytes])
        data = change(generator, data)
    return data


def _cell(generator: random.Random, data: bytes) -> bytes:
    """Replace, double or remove what stands between two marks."""
    spans = [match.span() for match in re.finditer(rb'[^,;|\t\r\n:{}\[\]"]+', data)]
    if not spans:
        return data
    start, stop = generator.choice(spans)
    token = generator.choice(TOKENS).encode("utf-8", "surrogatepass")
    kind = generator.randrange(5)
    if kind == 0:
        start = stop
    elif kind == 1:
        token = data[start:stop] + token
    elif kind == 2:
        token, stop = b"", stop + 1
    return data[:start] + token + data[stop:]


def _line(generator: random.Random, data: bytes) -> bytes:
    """Double, remove, move, cut or insert a line; change the marks within it."""
    lines = data.split(b"\n")
    at = generator.randrange(len(lines))
    kind = generator.randrange(8)
    if kind == 0:
        lines.insert(at, lines[at])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines.insert(generator.randrange(len(lines)), lines.pop(at))
    elif kind == 3:
        lines[at] = lines[at][: generator.randrange(len(lines[at]) + 1)]
    elif kind == 4:
        lines.insert(at, generator.choice(TOKENS).encode("utf-8", "surrogatepass"))
    elif kind == 5:
        mark, other = generator.sample([b",", b";", b"|", b"\t", b".", b" "], 2)
        lines[at] = lines[at].replace(mark, other)
    elif kind == 6:
        lines = lines[: at + 1]
    else:
        lines.append(generator.choice([b"total,465", b"Total;1;2", b"Source: somebody", b"# end", b",,,", b"suma"]))
    return b"\n".join(lines)


def _bytes(generator: random.Random, data: bytes) -> bytes:
    """Change bytes anywhere."""
    if not data:
        return data
    at = generator.randrange(len(data))
    kind = generator.randrange(6)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ (1 << generator.randrange(8))]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + bytes([generator.randrange(256)]) + data[at:]
    if kind == 2:
        return data[:at] + data[at + generator.choice([1, 1, 2, 16]) :]
    if kind == 3:
        return data[:at]
    if kind == 4:
        piece = data[at : at + generator.choice([1, 8, 64])]
        to = generator.randrange(len(data))
        return data[:to] + piece + data[to:]
    return data[:at] + generator.choice([b"\x00" * 8, b"\xff" * 4, b"\xff\xff\xff\x7f", b"[" * 2000]) + data[at + 4 :]


@dataclass(frozen=True)
class Plan:
    """A table before it is written: times, words and numbers, all as text with a decimal point."""

    names: tuple[str, ...]
    times: tuple[str, ...] | None
    words: tuple[str, ...] | None
    numbers: tuple[tuple[str, ...], ...]

    def parsed(self, row: int) -> tuple[str | None, tuple[float | None, ...]]:
        """Return time and numbers of a row as they must be read."""
        time = None if self.times is None else self.times[row].replace("T", " ")
        return time, tuple(float(column[row]) if column[row] else None for column in self.numbers)


def _plan(generator: random.Random, *, dated: bool | None = None) -> Plan:
    count = generator.randrange(6, 30)
    names = tuple(generator.sample(["y", "load", "temp", "a b", "żółć", "x1", "value (kW)"], generator.randrange(1, 4)))
    decimals = generator.choice([0, 1, 2, 4])
    numbers = tuple(
        tuple(_number(generator, decimals) if generator.random() > 0.03 else "" for _ in range(count)) for _ in names
    )
    # Every row shall differ from all others, so that a line stands for one row.
    numbers = (tuple(f"{101 + row}.{generator.randrange(10, 100)}11" for row in range(count)), *numbers[1:])
    words = None
    if generator.random() < 0.3:
        words = tuple(generator.choice(["ok", "x y", "n/a?", "a;b", "p|q", "u\u2028v", "µ"]) for _ in range(count))
    start = datetime.datetime(2020, 1, 1)
    step = generator.choice([datetime.timedelta(days=1), datetime.timedelta(hours=1)])
    if dated if dated is not None else generator.random() < 0.7:
        clock = step < datetime.timedelta(days=1)
        times = tuple(str(start + row * step if clock else (start + row * step).date()) for row in range(count))
    else:
        times = None
    return Plan(names, times, words, numbers)


def _number(generator: random.Random, decimals: int) -> str:
    value = generator.gauss(0, 10 ** generator.randrange(0, 5))
    return f"{value:.{decimals}f}"


def _text(generator: random.Random) -> Written:
    plan = _plan(generator)
    separator = generator.choice(SEPARATORS)
    comma = separator != "," and generator.random() < 0.4
    header = [*([] if plan.times is None else ["date"]), *([] if plan.words is None else ["remark"]), *plan.names]
    lines, rows = [separator.join(header)], {}
    encoding = generator.choice(["utf-8"] * 6 + ["utf-8-sig", "cp1250"])
    for row in range(len(plan.numbers[0])):
        numbers = [column[row].replace(".", ",") if comma else column[row] for column in plan.numbers]
        word = [] if plan.words is None else [_quoted(plan.words[row], separator)]
        line = separator.join([*([] if plan.times is None else [plan.times[row]]), *word, *numbers])
        lines.append(line)
        rows[line.encode(encoding.removesuffix("-sig"), "replace")] = plan.parsed(row)
    end = generator.choice(["\n", "\n", "\r\n", "\r"])
    text = end.join(lines) + end
    return Written(text.encode(encoding, "replace"), plan.names, rows, "text")


def _quoted(word: str, separator: str) -> str:
    return f'"{word}"' if separator in word else word


def _gzip(generator: random.Random) -> Written:
    written = _text(generator)
    return replace(written, data=gzip.compress(written.data, mtime=0), kind="gzip")


def _nbp(generator: random.Random) -> Written:
    count = generator.randrange(6, 25)
    codes = generator.sample([("1", "USD"), ("1", "EUR"), ("100", "HUF"), ("100", "JPY"), ("1", "CHF")], 3)
    header = ["data", *(unit + code for unit, code in codes), "nr tabeli", "pełny numer tabeli"]
    lines = [";".join(header) + ";", ";".join(["", *("waluta" for _ in codes), "", ""]) + ";"]
    rows = {}
    for row in range(count):
        day = datetime.date(2024, 1, 2) + datetime.timedelta(days=row)
        rates = [f"{generator.uniform(1, 6):.4f}" for _ in codes]
        cells = [f"{day:%Y%m%d}", *(rate.replace(".", ",") for rate in rates), str(row + 1), f"{row + 1:03}/A/NBP/2024"]
        line = ";".join(cells) + ";"
        lines.append(line)
        rows[line.encode("cp1250")] = (str(day), tuple(map(float, rates)))
    lines += [";".join(["kod ISO", *(code for _, code in codes), "", ""]) + ";"]
    lines += [";".join(["liczba jednostek", *(unit for unit, _ in codes), "", ""]) + ";"]
    text = "\r\n".join(lines) + "\r\n"
    return Written(text.encode("cp1250"), tuple(unit + code for unit, code in codes), rows, "text")


def _gios(generator: random.Random) -> Written:
    count = generator.randrange(12, 30)
    stations = generator.sample(["MpKrakAlKras", "MpKrakBuja", "DsWrocKorz", "MzWarAlNiepo"], 2)
    mark = generator.choice([".", ","])
    names = tuple(f"{station}-PM10-1g" for station in stations)
    lines = [";".join(["Nr", "1", "2"]), ";".join(["Kod stacji", *stations]), "Wskaźnik;PM10;PM10"]
    lines += ["Czas uśredniania;1g;1g"]
    rows = {}
    for row in range(count):
        time = str(datetime.datetime(2018, 1, 1, 1) + datetime.timedelta(hours=row))
        numbers = [f"{generator.uniform(1, 90):.2f}" for _ in stations]
        line = ";".join([time, *(number.replace(".", mark) for number in numbers)])
        lines.append(line)
        rows[line.encode()] = (time, tuple(map(float, numbers)))
    return Written(("\n".join(lines) + "\n").encode(), names, rows, "text")


def _nbp_answer(generator: random.Random) -> Written:
    rows, items = {}, []
    for row in range(generator.randrange(4, 20)):
        day = str(datetime.date(2024, 1, 2) + datetime.timedelta(days=row))
        rate = round(generator.uniform(1, 6), 4)
        item = json.dumps({"no": f"{row + 1:03}/A/NBP/2024", "effectiveDate": day, "mid": rate})
        items.append(item)
        rows[item.encode()] = (day, (rate,))
    text = '{"table":"A","currency":"dolar","code":"USD","rates":[' + ",\n".join(items) + "]}"
    return Written(text.encode(), ("1USD",), rows, "answer")


def _gios_answer(generator: random.Random) -> Written:
    rows, items = {}, []
    for row in range(generator.randrange(4, 20)):
        time = str(datetime.datetime(2021, 1, 23, 1) + datetime.timedelta(hours=row))
        value = None if generator.random() < 0.05 else round(generator.uniform(1, 90), 3)
        item = json.dumps({"date": time, "value": value})
        items.append(item)
        rows[item.encode()] = (time, (value,))
    text = '{"key":"PM10","values":[' + ",\n".join(items) + "]}"
    return Written(text.encode(), ("PM10",), rows, "answer")


def _workbook(generator: random.Random) -> Written:
    plan = _plan(generator, dated=True)
    rows: list[Sequence[str]] = [["date", *plan.names]]
    rows += [[plan.times[row], *(column[row] for column in plan.numbers)] for row in range(len(plan.numbers[0]))]
    if generator.random() < 0.2:
        rows.append([generator.choice(TOKENS[:20])] * generator.randrange(1, 4))
    odd = len(rows) > len(plan.numbers[0]) + 1
    sheet = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            for column, cell in enumerate(row)
            if cell and cell.isprintable()
        )
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    if generator.random() < 0.2:
        place = generator.choice(["XFD1048576", "ZZ900000", "XFD1", "A1048576", "A0", "AAAA1"])
        sheet += f'<row r="2000"><c r="{place}"><v>1</v></c></row>'
        return replace(_packed(sheet, plan), checked=False, odd=True)
    return replace(_packed(sheet, plan), odd=odd)


def _packed(sheet: str, plan: Plan) -> Written:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    rows = {str(row).encode(): plan.parsed(row) for row in range(len(plan.numbers[0]))}
    return Written(stream.getvalue(), plan.names, rows, "workbook")


def _parquet(generator: random.Random) -> Written:
    plan = _plan(generator, dated=True)
    rows = {str(row).encode(): plan.parsed(row) for row in range(len(plan.numbers[0]))}
    columns: dict[str, Sequence[object]] = {"date": plan.times}
    for name, column in zip(plan.names, plan.numbers, strict=True):
        columns[name] = [float(cell) if cell else None for cell in column]
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream, compression=generator.choice(["uncompressed", "zstd", "snappy"]))
    return Written(stream.getvalue(), plan.names, rows, "parquet", checked=False)


MAKERS = {
    "text": _text,
    "gzip": _gzip,
    "nbp": _nbp,
    "gios": _gios,
    "nbp answer": _nbp_answer,
    "gios answer": _gios_answer,
    "workbook": _workbook,
    "parquet": _parquet,
}

CAMPAIGN = Campaign("files for all readers, changed in cells and bytes", case, memory_gib=None)
