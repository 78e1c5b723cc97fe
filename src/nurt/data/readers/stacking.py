"""Several tables of one format put under each other: columns matched by name, rows in file order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from nurt.data.table import Table
from nurt.errors import DataError

__all__ = ["stack"]


def stack(tables: Sequence[Table]) -> Table:
    """Return the outer union of tables: what a file does not have is missing there.

    Raises:
        DataError: the files label time, or tell series apart, in different ways.
    """
    if len(tables) == 1:
        return replace(tables[0], origin=np.zeros(len(tables[0]), dtype=np.int64))
    _refuse_difference(tables, "time", [table.time for table in tables])
    _refuse_difference(tables, "series", [table.series for table in tables])
    frame = pl.concat(_with_common_types([table.frame for table in tables]), how="diagonal_relaxed")
    offered = list(dict.fromkeys(name for table in tables for name in table.columns))
    aliases: dict[str, tuple[str, ...]] = {}
    for table in tables:
        for alias, names in table.aliases.items():
            aliases[alias] = tuple(dict.fromkeys((*aliases.get(alias, ()), *names)))
    absent = _absent(tables, offered)
    return Table(
        frame=frame,
        columns=tuple(name for name in offered if frame[name].dtype.is_numeric()),
        format=tables[0].format,
        sources=tuple(source for table in tables for source in table.sources),
        time=tables[0].time,
        series=tables[0].series,
        units={name: unit for table in tables for name, unit in table.units.items()},
        aliases=aliases,
        notes=tuple(dict.fromkeys((*(note for table in tables for note in table.notes), *absent))),
        concerns=absent | {note: about for table in tables for note, about in table.concerns.items()},
        lines=np.concatenate([table.lines for table in tables]),
        origin=np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
    )


def _with_common_types(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Turn a column that is numbers or dates in one file and something else in another into text."""
    kinds: dict[str, set[str]] = {}
    for frame in frames:
        for column in frame.iter_columns():
            kind = "time" if column.dtype.is_temporal() else "number" if column.dtype.is_numeric() else "text"
            kinds.setdefault(column.name, set()).add(kind)
    mixed = [name for name, found in kinds.items() if len(found) > 1]
    return [
        frame.with_columns(pl.col(name).cast(pl.String) for name in mixed if name in frame.columns) for frame in frames
    ]


def _refuse_difference(tables: Sequence[Table], what: str, names: Sequence[str | None]) -> None:
    if len(set(names)) > 1:
        other = next(index for index, name in enumerate(names) if name != names[0])
        raise DataError(
            f"{tables[other].sources[0]} cannot be put under {tables[0].sources[0]}: their {what} columns differ.",
            expected=f"{names[0]!r}" if names[0] else f"no {what} column",
            got=f"{names[other]!r}" if names[other] else f"no {what} column",
            cure="Give the columns the same names in all files, or read the files one by one.",
        )


def _absent(tables: Sequence[Table], offered: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return a note for every file that lacks columns of the others, and which columns these are."""
    notes = {}
    for table in tables:
        absent = [name for name in offered if name not in table.frame.columns]
        if absent:
            shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
            notes[f"{table.sources[0]} has no column {shown}: missing there."] = tuple(absent)
    return notes
