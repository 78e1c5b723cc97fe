"""Tables read by compiled code, in a process of its own that a damaged file can end without ending this one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import polars as pl

from nurt.errors import DataError
from nurt.wording import name_in_words

__all__ = ["read_guarded"]

_PROGRAM = Path(__file__).with_name("native.py")
_MEBIBYTE = 1 << 20
_MEMORY = 1536 * _MEBIBYTE
_MEMORY_PER_BYTE = 4
_SECONDS = 8
_BYTES_PER_SECOND = 4 * _MEBIBYTE
_LONGEST_REASON = 200
_PATIENCE = 8
"""The processor time may take so many times as long where other programs share the processor."""
_WORDS = {"workbook": "workbook", "parquet": "Parquet file"}
_CURES = {
    "workbook": "Open it, delete cells that stand far from the others, and save it again; or export it as CSV.",
    "parquet": "Write the file again.",
}


def read_guarded(kind: Literal["workbook", "parquet"], data: bytes, file: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """Read a workbook or a Parquet file.

    Args:
        kind: of the file.
        data: its bytes.
        file: the path, for messages.

    Returns:
        facts on a workbook (see :func:`nurt.data.readers.native.workbook`), and the table.

    Raises:
        DataError: the file is damaged, or asks for more than 1.5 GiB of memory and four times its size, or more than
            8 seconds of processor time and one for every 4 MiB.
    """
    memory = _MEMORY + _MEMORY_PER_BYTE * len(data)
    seconds = _SECONDS + len(data) // _BYTES_PER_SECOND
    command = [sys.executable, "-P", str(_PROGRAM), kind, str(memory), str(seconds)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_PATIENCE * seconds, check=False)
    except subprocess.TimeoutExpired:
        raise _fault(kind, file, f"it takes more than {seconds} s") from None
    if done.returncode != 0:
        raise _fault(kind, file, _reason(done, memory, seconds))
    line, _, table = done.stdout.partition(b"\n")
    return json.loads(line), pl.read_ipc(io.BytesIO(table)) if table else pl.DataFrame()


def _reason(done: subprocess.CompletedProcess[bytes], memory: int, seconds: int) -> str:
    import signal

    if -done.returncode in (signal.SIGKILL, getattr(signal, "SIGXCPU", signal.SIGKILL)):
        return f"it takes more than {seconds} s"
    said = done.stderr.decode(errors="replace").strip()
    if "memory allocation" in said or "MemoryError" in said or "Cannot allocate memory" in said:
        return f"it asks for more than {memory // _MEBIBYTE} MiB of memory"
    kind, _, reason = said.rpartition("\n")[2].partition(": ")
    if done.returncode != 1 or not reason or kind.endswith("PanicException"):
        return "it is damaged, and the reader gave up"
    return name_in_words(reason, _LONGEST_REASON)


def _fault(kind: Literal["workbook", "parquet"], file: str, reason: str) -> DataError:
    return DataError(f"{file}: the {_WORDS[kind]} cannot be read ({reason}).", cure=_CURES[kind])
