"""Writing results: whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

from nurt.errors import OutputError

__all__ = ["write_whole"]

REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space, or write to another disk."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or write to another disk."),
    errno.EACCES: ("you may not write there", "Choose a folder of yours, or ask for write permission."),
    errno.EPERM: ("you may not write there", "Choose a folder of yours, or ask for write permission."),
    errno.EROFS: ("the disk is read-only", "Choose another folder."),
    errno.ENOTDIR: ("part of the path is a file, not a folder", "Choose another folder."),
    errno.EEXIST: ("a file of that name is in the way", "Choose another folder, or move the file."),
    errno.EISDIR: ("a folder of that name is in the way", "Choose another name, or move the folder."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
}


def _refusal(path: Path, error: OSError) -> OutputError:
    reason, cure = REASONS.get(error.errno or 0, (error.strerror or str(error), "Choose another place."))
    return OutputError(f"Cannot write {path}: {reason}.", cure=cure)


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in UTF-8; readers see the old file or the new one, never a part.

    Raises:
        OutputError: it cannot be written; nothing half-written is left behind.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        _remove(part)


def _remove(path: Path) -> None:
    """Remove what an attempt may have left; the error that matters is the one already on its way."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
