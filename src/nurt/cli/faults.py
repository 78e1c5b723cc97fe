"""Errors as one message and an exit code: 1 input or data at fault, 130 interrupted."""

from __future__ import annotations

import errno
import os
import shlex
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from nurt.cli import console
from nurt.errors import DataError, ModelFileError, NurtError
from nurt.wording import name_in_words, path_in_words

__all__ = ["ARGUMENTS", "FAILED", "INTERRUPTED", "answering", "answering_output", "blaming"]

# How torch's allocators say that there is none.
_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")
LONGEST_QUOTE = 500
ARGUMENTS = "nurt.arguments"
FAILED = 1
INTERRUPTED = 130


def _nothing() -> Path | None:
    return None


@contextmanager
def answering(context: typer.Context, kept: Callable[[], Path | None] = _nothing) -> Iterator[None]:
    """Turn every error inside the block into a message on standard error and an exit code.

    Args:
        context: of the command, for the words that resume it.
        kept: asked after an interruption: the folder that holds the state of a training, or None.

    Raises:
        typer.Exit: with the code of the fault.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except KeyboardInterrupt as error:
        console.complain(_interruption(context, error, kept()), opening="nurt: ")
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        # The reader of our output has closed it, as `head` does; nobody would read a message.
        console.abandon_output()
        raise typer.Exit(FAILED) from error
    except Exception as error:
        if os.environ.get("NURT_DEBUG", "0") not in ("", "0"):
            traceback.print_exception(error)
        console.complain(_message(error))
        raise typer.Exit(FAILED) from error


@contextmanager
def answering_output() -> Iterator[None]:
    """Turn an output that takes nothing, as on a full disk, into a message; help and version are no command's own.

    Raises:
        SystemExit: with the code of the fault.
    """
    try:
        yield
    except OSError as error:
        console.abandon_output()
        console.complain(_message(error))
        raise SystemExit(FAILED) from error


@contextmanager
def blaming(files: Sequence[str]) -> Iterator[None]:
    """Let an error about data name the files that the data came from, where it names a column or a series alone.

    Raises:
        DataError: as inside the block.
    """
    try:
        yield
    except ModelFileError:
        raise
    except DataError as error:
        shown = [path_in_words(file) for file in files]
        if not shown or any(name in error.what for name in (*files, *shown)):
            raise
        more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
        named = DataError(f"{shown[0]}{more}: {error.what}", expected=error.expected, got=error.got, cure=error.cure)
        raise named from error


def _interruption(context: typer.Context, error: KeyboardInterrupt, kept: Path | None) -> str:
    message = str(error)
    if not message and kept is None:
        return "Interrupted; nothing was kept. Run the same command again to start anew."
    arguments = list(context.meta.get(ARGUMENTS, ()))
    if "--resume" not in arguments:
        # Options may stand after arguments, but not after a bare `--`.
        at = arguments.index("--") if "--" in arguments else len(arguments)
        arguments.insert(at, "--resume")
    command = shlex.join(["nurt", *arguments])
    said = message or f"Interrupted. The state of the training is kept in {kept}."
    return f"{said}\nTo continue where it stopped:\n  {command}"


def _message(error: Exception) -> str:
    if isinstance(error, NurtError):
        return str(error)
    if isinstance(error, OSError):
        return _system_message(error)
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return (
            "There is not enough memory for this.\n"
            "Give a smaller --batch-size, a shorter --look-back, or fewer series at once."
        )
    said = name_in_words(str(error), LONGEST_QUOTE)
    return (
        f"A fault of nurt itself, not of your data: {type(error).__name__}: {said}\n"
        "Please report it. With the environment variable NURT_DEBUG=1 the same command shows where it happened."
    )


def _system_message(error: OSError) -> str:
    place = "the file" if error.filename is None else path_in_words(str(error.filename))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {place} could not be written.\nFree some space, or choose another place with --out."
    if isinstance(error, FileNotFoundError):
        return f"There is no file or folder {place}.\nCheck the name, and the folder the command runs in."
    if isinstance(error, PermissionError):
        return f"You may not use {place}.\nAsk for permission, or choose another place."
    if isinstance(error, IsADirectoryError):
        return f"{place} is a folder.\nName a file in it."
    return f"{place}: {error.strerror or error}."
