"""A wide table turned long: one series per row, an identifier first, the values to its right (the form of M4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from nurt.data.readers.dates import form_of, parse_dates
from nurt.data.table import Table

__all__ = ["long_form"]

_FEWEST_STEPS = 8
_NUMBERED = re.compile(r"(.*?)(\d+)")


def long_form(table: Table) -> Table | None:
    """Return the table in long form when it holds one series per row, else None.

    It does when its first column is text, different in every row, all others are numbers, and their names are dates
    in order or one word numbered without a gap (V2, V3, …). Empty cells at the end of a row are padding and are
    dropped; those between values stay missing.
    """
    frame = table.frame
    names = frame.columns[1:]
    if table.time is not None or len(names) < _FEWEST_STEPS or set(names) != set(table.columns):
        return None
    identifiers = frame.to_series(0)
    if identifiers.dtype != pl.String or identifiers.null_count() or not identifiers.is_unique().all():
        return None
    times = _dates(names)
    if times is None and not _is_numbered(names):
        return None
    values = frame.select(names).to_numpy()
    present = np.isfinite(values)
    lengths = np.where(present.any(axis=1), values.shape[1] - present[:, ::-1].argmax(axis=1), 0)
    kept = np.arange(values.shape[1]) < lengths[:, None]
    rows, steps = np.nonzero(kept)
    columns = [identifiers.gather(rows).alias("series"), pl.Series("value", values[kept]).fill_nan(None)]
    if times is not None:
        columns.insert(1, times.gather(steps))
    note = (
        f"{table.sources[0]} holds one series per row: {frame.height} series named by the column {identifiers.name!r}, "
        f"of {lengths.min()} to {lengths.max()} values; empty cells at the end of a row are padding."
    )
    return replace(
        table,
        frame=pl.DataFrame(columns),
        columns=("value",),
        time=None if times is None else "time",
        series="series",
        aliases={},
        notes=(*table.notes, note),
        lines=table.lines[rows],
    )


def _is_numbered(names: Sequence[str]) -> bool:
    matches = [_NUMBERED.fullmatch(name) for name in names]
    if not all(matches):
        return False
    words = {match.group(1) for match in matches if match}
    numbers = [int(match.group(2)) for match in matches if match]
    return len(words) == 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _dates(names: Sequence[str]) -> pl.Series | None:
    if any(form_of(name) is None for name in names):
        return None
    times = parse_dates(pl.Series("time", list(names)), lambda row: f"the header, column {names[row]!r}").values
    return times if times.is_sorted() else None
