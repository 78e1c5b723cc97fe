"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
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
    return OutputError(f"Cannot write {path}: {reason}.", cure=f"{cure} What stood there before is unchanged.")


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file; a reader sees the former file or the whole new one, also after a crash in between.

    Args:
        path: where to; folders on the way are made, a link is followed.
        content: bytes, or text that is written in UTF-8.

    Raises:
        OutputError: it cannot be written; the former file is unchanged, and no partial file remains.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        _make_rename_durable(target.parent)
    except OSError as error:
        raise _refusal(target, error) from error
    finally:
        # The original error is already being raised.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _make_rename_durable(folder: Path) -> None:
    """Flush the folder itself, without which a power cut may undo the renaming; not every file system can."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
