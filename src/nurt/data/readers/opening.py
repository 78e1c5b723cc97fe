"""The bytes of a file: regular files only, unpacked from gzip, never more than a stated size."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from pathlib import Path

from nurt.errors import DataError
from nurt.wording import name_in_words, path_in_words

__all__ = ["bytes_of"]

_MEBIBYTE = 1 << 20
LARGEST = 512 * _MEBIBYTE
"""Bytes of a file, as it is and unpacked."""
_UNPACKED_FREELY = 2 * _MEBIBYTE
_MOST_EXPANSION = 100
_CHUNK = _MEBIBYTE
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def bytes_of(path: Path, file: str) -> bytes:
    """Return the bytes of a file, unpacked where it is a gzip file.

    A gzip file may expand to 2 MiB, beyond that to 100 times its size; 512 MiB are the limit for every file.

    Args:
        path: the file.
        file: as it is named in messages.

    Raises:
        DataError: the file is missing, a folder, a pipe or device, not readable, damaged, or beyond a limit.
    """
    return _unpacked(_read(path, file), file)


def _read(path: Path, file: str) -> bytes:
    try:
        # Opening a pipe would wait for its writer, reading a device may never end.
        found = path.stat()
        kind = _KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is not None:
            raise DataError(
                f"{file}: this is {kind}, not a file.",
                expected="a regular file, which can be read more than once",
                cure="Save the data to a file and name that.",
            )
        if found.st_size > LARGEST:
            raise _too_large(file)
        # What has nothing to read yet, as a log of the system, must not be waited for. (Path.open() takes no opener.)
        with open(path, "rb", opener=_without_waiting) as stream:
            data: bytes | None = stream.read(LARGEST + 1)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file.", cure=_similar_files(path)) from None
    except IsADirectoryError:
        raise DataError(
            f"{file}: this is a folder, not a file.", cure=f"Name the files in it, for example {file.rstrip('/')}/*.csv"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path_in_words(file)}: the file cannot be opened ({reason}).", cure="Check the path and the permissions."
        ) from None
    if data is None:
        raise DataError(f"{file}: this file gives no data now.", cure="Save the data to a file and name that.")
    if len(data) > LARGEST:
        raise _too_large(file)
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _too_large(file: str) -> DataError:
    return DataError(
        f"{file}: the file is larger than {LARGEST // _MEBIBYTE} MiB.",
        cure="Give a part of it: the columns or the years that are needed.",
    )


def _similar_files(path: Path) -> str:
    from difflib import get_close_matches

    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except OSError:
        names = []
    close = [name_in_words(name) for name in get_close_matches(path.name, names, n=3)]
    return f"Did you mean {' or '.join(close)} in the same folder?" if close else "Check the path."


def _unpacked(data: bytes, file: str) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    limit = min(LARGEST, max(_UNPACKED_FREELY, _MOST_EXPANSION * len(data)))
    unpacked = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while chunk := stream.read(_CHUNK):
                unpacked.write(chunk)
                if unpacked.tell() > limit:
                    raise DataError(
                        f"{file}: the gzip file of {len(data)} bytes expands to more than {limit // _MEBIBYTE} MiB.",
                        expected=f"at most {_MOST_EXPANSION} times its size",
                        cure="If this is a table of data, unpack it and name the unpacked file.",
                    )
    except (OSError, EOFError, zlib.error):
        raise DataError(
            f"{file}: the gzip file is damaged or cut short.", cure="Copy or download the file again."
        ) from None
    return unpacked.getvalue()
