"""Small files written on the spot: text in any encoding, and workbooks without a library to write them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

Cell = str | float | None

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def _sheet(rows: Sequence[Sequence[Cell]], dated: Sequence[int]) -> str:
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = []
        for column, value in enumerate(row):
            place = f'r="{chr(65 + column)}{number}"'
            if isinstance(value, str):
                cells.append(f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>')
            elif value is not None:
                style = ' s="1"' if column in dated else ""
                cells.append(f"<c {place}{style}><v>{value!r}</v></c>")
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes sheets of cells; columns in ``dated`` are styled as dates."""

    def write(*sheets: Sequence[Sequence[Cell]], dated: Sequence[int] = ()) -> Path:
        numbers = range(1, len(sheets) + 1)
        names = "".join(f'<sheet name="S{number}" sheetId="{number}" r:id="r{number}"/>' for number in numbers)
        targets = "".join(
            f'<Relationship Id="r{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in numbers
        )
        path = tmp_path / "book.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", _TYPES)
            archive.writestr(
                "_rels/.rels",
                f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
                'Target="xl/workbook.xml"/></Relationships>',
            )
            archive.writestr(
                "xl/workbook.xml",
                f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
            )
            archive.writestr(
                "xl/_rels/workbook.xml.rels",
                f'<Relationships xmlns="{_PACKAGE}">{targets}'
                f'<Relationship Id="s" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
            )
            archive.writestr(
                "xl/styles.xml",
                f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
                '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
            )
            for number, rows in zip(numbers, sheets, strict=True):
                archive.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(rows, dated))
        return path

    return write


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes text as it is, line ends included."""

    def write(text: str, name: str = "data.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write
