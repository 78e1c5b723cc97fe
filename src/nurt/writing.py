"""Writing files whole or not at all, and folders that one program at a time writes into."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nurt.errors import OutputError

__all__ = ["locked_folder", "reason_of", "remove_stale_parts", "write_whole"]

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
_LOCK = ".nurt-lock"
REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space, or write to another disk."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or write to another disk."),
    errno.EACCES: ("you may not write there", "Choose a folder of yours, or ask for write permission."),
    errno.EPERM: ("you may not write there", "Choose a folder of yours, or ask for write permission."),
    errno.EROFS: ("the disk is read-only", "Choose another folder."),
    errno.ENOTDIR: ("part of the path is a file, not a folder", "Choose another folder."),
    errno.EEXIST: ("a file of that name is in the way", "Choose another folder, or move the file."),
    errno.EISDIR: ("a folder of that name is in the way", "Choose another name, or move the folder."),
    errno.EFBIG: ("the file would be larger than allowed", "Raise the limit of this program, or choose another disk."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
}


def reason_of(error: OSError) -> tuple[str, str]:
    """Return why the system refused to write, and the cure, in words."""
    return REASONS.get(error.errno or 0, (error.strerror or str(error), "Choose another place."))


def _refusal(path: Path, error: OSError) -> OutputError:
    reason, cure = reason_of(error)
    return OutputError(f"Cannot write {path}: {reason}.", cure=f"{cure} What stood there before is unchanged.")


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file; a reader sees the former file or the whole new one, also after a crash in between.

    Args:
        path: where to; folders on the way are made, a link is followed. A device such as /dev/stdout or a pipe is
            written into, never replaced.
        content: bytes, or text that is written in UTF-8.

    Raises:
        OutputError: it cannot be written; the former file is unchanged, and no partial file remains.
    """
    target = Path(os.path.realpath(path))
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        if _takes_a_stream(Path(path)):
            with Path(path).open("wb") as stream:
                stream.write(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_part(target, data)
        except FileNotFoundError:
            # Whoever cleans the folder may take a part for a stale one before it is locked.
            _write_part(target, data)
    except OSError as error:
        raise _refusal(target, error) from error


def _takes_a_stream(path: Path) -> bool:
    """Return whether there is something at ``path`` that is no file: moving a file there would take its place.

    Raises:
        FileExistsError: it is nothing that a file could be written into.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return False
    if kind in (stat.S_IFBLK, stat.S_IFSOCK):
        raise FileExistsError(errno.EEXIST, "a disk or a socket", os.fspath(path))
    return kind in (stat.S_IFCHR, stat.S_IFIFO)


def _write_part(target: Path, data: bytes) -> None:
    """Write the file beside its place and move it there; the part is locked, so that it is known not to be stale."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            _lock(file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            part.replace(target)
        _make_rename_durable(target.parent)
    finally:
        # The original error is already being raised.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def remove_stale_parts(folder: Path) -> None:
    """Remove the parts of files that were being written into ``folder`` when their programs were killed.

    What another program is writing right now stays.
    """
    for part in folder.glob(".*.part"):
        if not _PART.fullmatch(part.name):
            continue
        with contextlib.suppress(OSError), part.open("rb") as file:
            if _lock(file.fileno()):
                part.unlink(missing_ok=True)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Make ``folder`` and keep other programs out of the block that writes into it; a killed program holds no lock.

    Where the file system knows no locks, nobody is kept out.

    Raises:
        OutputError: the folder cannot be written to, or another program, or thread, is in such a block.
    """
    path = folder / _LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _opened_lock(path)
    except OSError as error:
        reason, cure = reason_of(error)
        raise OutputError(
            f"The output folder {folder} cannot be written to: {reason}.",
            cure=f"{cure} Another folder can be given with --out.",
        ) from error
    if descriptor is None:
        owner = ""
        with contextlib.suppress(OSError):
            owner = path.read_text(encoding="ascii", errors="replace")
        raise OutputError(
            f"Another run of nurt{f' (process {owner})' if owner.isdigit() else ''} is writing into {folder}.",
            cure="Wait until it ends, or give another folder with --out.",
        )
    try:
        yield
    finally:
        # Removed before it is released: whoever opened it in between finds another file at its place.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _opened_lock(path: Path) -> int | None:
    """Return the descriptor of the locked file at ``path``, or None where somebody else holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if not _lock(descriptor):
            os.close(descriptor)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                break
        os.close(descriptor)
    with contextlib.suppress(OSError):
        # It is the lock that counts; on a full disk the number is missing.
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _lock(descriptor: int) -> bool:
    """Lock an open file for this program, and return False where another has it; without locks it is true."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _make_rename_durable(folder: Path) -> None:
    """Flush the folder itself, without which a power cut may undo the renaming; not every file system can."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
