"""Compiled readers of workbooks and Parquet, run by :mod:`nurt.data.readers.guarded` as a program with limits.

A damaged file can make them ask for any amount of memory, which ends the process, or panic. The program imports
nothing of nurt, because it is started for every such file. It reads the file from standard input and writes one line
of JSON, then the table as an Arrow file. What goes wrong ends it, and the last line of standard error says why.

Usage: python native.py workbook|parquet BYTES_OF_MEMORY SECONDS
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

_UNPACKED_FREELY = 64 << 20
_MOST_EXPANSION = 50
_MOST_CELLS = 10_000_000
_LARGEST_TABLE = 256 << 20
Read = tuple[dict[str, Any], "pl.DataFrame | None"]


def workbook(data: bytes) -> Read:
    """Return the first sheet that holds cells, as text, with its name and the number of such sheets."""
    import fastexcel

    if data.startswith(b"PK"):
        _check_parts(data)
    book = fastexcel.read_excel(data)
    sheets = [book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string") for name in book.sheet_names]
    filled = [sheet for sheet in sheets if sheet.height]
    facts: dict[str, Any] = {"filled": len(filled)}
    if not filled:
        return facts, None
    cells = filled[0].height * filled[0].width
    if cells > _MOST_CELLS:
        raise ValueError(f"its sheet has {cells} cells, more than {_MOST_CELLS}")
    return facts | {"name": filled[0].name}, filled[0].to_polars()


def parquet(data: bytes) -> Read:
    """Return the table of a Parquet file."""
    import polars as pl

    frame = pl.read_parquet(io.BytesIO(data))
    size = int(frame.estimated_size())
    if size > _LARGEST_TABLE:
        raise ValueError(f"its table takes {size >> 20} MiB, more than {_LARGEST_TABLE >> 20} MiB")
    return {}, frame


def _check_parts(data: bytes) -> None:
    """Refuse an archive that expands without end, or whose parts do not have their check sums."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    expanded = sum(part.file_size for part in archive.infolist())
    if expanded > max(_UNPACKED_FREELY, _MOST_EXPANSION * len(data)):
        raise ValueError(f"it expands from {len(data)} to {expanded} bytes")
    # The reader stops at the last cell, before the check sum that follows.
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"its part {damaged} is damaged")


def limit(memory: int, seconds: int) -> None:
    """Limit memory and processor time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            # A lower limit is in force already.
            continue


def main(kind: str, memory: str, seconds: str) -> None:
    """Read standard input, write standard output."""
    limit(int(memory), int(seconds))
    facts, frame = (workbook if kind == "workbook" else parquet)(sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n")
    if frame is not None:
        stream = io.BytesIO()
        frame.write_ipc(stream)
        sys.stdout.buffer.write(stream.getbuffer())


if __name__ == "__main__":
    main(*sys.argv[1:])
