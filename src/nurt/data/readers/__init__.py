"""Readers: one module per format; a format is recognised by the contents of a file, never by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from nurt.data.notation import NumberNotation
from nurt.data.readers import gios, nbp, table
from nurt.data.readers.forks import refuse_after_fork
from nurt.data.readers.sheet import Notation
from nurt.data.readers.source import Source, load
from nurt.data.table import Table
from nurt.errors import DataError, NurtError, NurtValueError
from nurt.wording import name_in_words, path_in_words

__all__ = ["FORMATS", "read"]


_LISTED = 5


class _Reader(NamedTuple):
    recognises: Callable[[Source], bool]
    read: Callable[[Sequence[Source]], Table]


FORMATS: dict[str, _Reader] = {
    "nbp": _Reader(nbp.recognises, nbp.read),
    "gios": _Reader(gios.recognises, gios.read),
    "table": _Reader(table.recognises, table.read),
}
"""The formats, most specific first; a new one is a module of this package and an entry here."""


def read(
    paths: str | Path | Sequence[str | Path],
    format: str = "auto",
    *,
    separator: str | None = None,
    decimal: str | None = None,
    time_format: str | None = None,
    thousands: str | None = None,
    missing: Sequence[str] = (),
    skip_lines: int = 0,
) -> Table:
    """Read one or several files of one format into a table.

    Args:
        paths: files; text (UTF-8, UTF-16, cp1250, ISO-8859-2 and others), ``.gz``, Excel workbook, Parquet or JSON.
        format: "nbp" (exchange rates, table A), "gios" (air quality), "table" (any table with columns of numbers), or
            "auto" to recognise it.
        separator: of the cells of a text, one character; None to find it.
        decimal: the decimal mark, "." or ","; the other one then separates thousands. None to find it.
        time_format: how the times of a plain table are written, as for ``strptime``; or what their numbers are:
            "epoch-s", "epoch-ms", "epoch-us", "epoch-ns" (since 1970 in UTC), "excel" (days of a spreadsheet), "order"
            (no times). None to find it.
        thousands: the thousands separator: ",", ".", " " (any kind of space) or "'"; None to find it.
        missing: further cells that stand for a missing value in a column of numbers, as text or as a number such as
            -9999.
        skip_lines: number of lines (rows of a workbook) above the table that are not read.

    Returns:
        every usable column, in file order; its ``notes`` list what was skipped, repaired or uncertain.

    Raises:
        DataError: a file is missing, empty, damaged, ambiguous or beyond the limits on size. The message names file,
            line, the text seen, the reason and the cure.
        UnavailableError: this process was forked from one whose reading threads it does not have.
        MissingExtraError: an Excel workbook was given and the extra ``excel`` is not installed.
        NurtValueError: the format, a mark or the number of lines is none.

    Example:
        >>> from nurt.data.readers import read
        >>> read(["archiwum_tab_a_2023.csv", "archiwum_tab_a_2024.csv"]).columns[:3]  # doctest: +SKIP
        ('1THB', '1USD', '1AUD')
    """
    if format != "auto" and format not in FORMATS:
        raise NurtValueError("read: unknown format.", expected=f"one of auto, {', '.join(FORMATS)}", got=repr(format))
    numbers = NumberNotation(decimal, thousands, tuple(missing))
    notation = replace(_notation(separator, numbers, skip_lines), time_format=time_format)
    refuse_after_fork()
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise DataError("read: no file was given.", cure="Name at least one file.")
    try:
        sources = [load(path, notation) for path in given]
        return FORMATS[_recognised(sources) if format == "auto" else format].read(sources)
    except NurtError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        # Files hold what nobody foresaw; whatever it is, the file is named, and the cause is kept for the traceback.
        names = ", ".join(path_in_words(str(path)) for path in given[:_LISTED])
        if isinstance(error, MemoryError):
            raise DataError(
                f"{names}: there is not enough memory to read this.",
                cure="Free some memory, or give a part of the data: the columns or the years that are needed.",
            ) from error
        raise DataError(
            f"{names}: the file cannot be read ({type(error).__name__}: {name_in_words(str(error))}).",
            expected="a table of text, a workbook, a Parquet file, or an answer of the NBP or GIOŚ service",
            cure="Check that the file is whole, or convert it to CSV with a header line.",
        ) from error


def _notation(separator: str | None, numbers: NumberNotation, skip_lines: int) -> Notation:
    if separator is not None and (len(separator) != 1 or separator in '"\r\n' or separator.isalnum()):
        raise NurtValueError(
            "read: this cannot separate cells.", expected="one character, such as ',' or ';'", got=repr(separator)
        )
    if skip_lines < 0:
        raise NurtValueError("read: lines to skip.", expected="a number of at least 0", got=repr(skip_lines))
    return Notation(separator, numbers, skip_lines)


def _recognised(sources: Sequence[Source]) -> str:
    found = [next((name for name, reader in FORMATS.items() if reader.recognises(source)), None) for source in sources]
    for source, name in zip(sources, found, strict=True):
        if name is None:
            raise DataError(
                f"{source.file}: this JSON has an unknown structure.",
                expected="an answer of the NBP service ('code', 'rates') or of GIOŚ ('key', 'values')",
                cure="Convert the file to CSV.",
            )
        if name != found[0]:
            raise DataError(
                f"{source.file} looks like {name}, but {sources[0].file} like {found[0]}.",
                expected="files of one format",
                cure="Read them one by one, or name the format.",
            )
    return str(found[0])
