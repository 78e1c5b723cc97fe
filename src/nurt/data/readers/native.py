"""Compiled readers of workbooks and Parquet, run by :mod:`nurt.data.readers.guarded` as a program with limits.

A damaged file can make them ask for any amount of memory, which ends the process, or panic. The program imports
nothing of nurt, because it is started for every such file. It reads the file from standard input and writes one line
of JSON, then the table as an Arrow file. What goes wrong ends it, and the last line of standard error says why.

Usage: python native.py workbook|parquet BYTES_OF_MEMORY SECONDS
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Read = tuple[dict[str, Any], "pl.DataFrame | None"]


def workbook(data: bytes) -> Read:
    """Return the first sheet that holds cells, as text, with its name and the number of such sheets."""
    import fastexcel

    if data.startswith(b"PK"):
        # The reader stops at the last cell, before the check sum that follows.
        damaged = zipfile.ZipFile(io.BytesIO(data)).testzip()
        if damaged is not None:
            raise ValueError(f"its part {damaged} is damaged")
    book = fastexcel.read_excel(data)
    sheets = [book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string") for name in book.sheet_names]
    filled = [sheet for sheet in sheets if sheet.height]
    facts: dict[str, Any] = {"filled": len(filled)}
    if not filled:
        return facts, None
    return facts | {"name": filled[0].name}, filled[0].to_polars()


def parquet(data: bytes) -> Read:
    """Return the table of a Parquet file."""
    import polars as pl

    return {}, pl.read_parquet(io.BytesIO(data))


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
    # Every thread reserves memory of its own, which would count.
    os.environ["POLARS_MAX_THREADS"] = "1"
    facts, frame = (workbook if kind == "workbook" else parquet)(sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n")
    if frame is not None:
        stream = io.BytesIO()
        frame.write_ipc(stream)
        sys.stdout.buffer.write(stream.getbuffer())


if __name__ == "__main__":
    main(*sys.argv[1:])
