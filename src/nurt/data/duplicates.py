"""Rows of one series that bear the same time stamp: merged where they agree, refused or settled where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nurt.data.columns import Columns
from nurt.data.time_axis import are_ordered
from nurt.errors import DataError
from nurt.wording import quoted

__all__ = ["OnDuplicate", "without_duplicates"]

OnDuplicate = Literal["refuse", "first", "last", "mean"]
_SHOWN = 3


def without_duplicates(
    columns: Columns, rows: np.ndarray, names: Sequence[str], *, on_duplicate: OnDuplicate
) -> tuple[np.ndarray, dict[str, np.ndarray], tuple[str, ...]]:
    """Merge rows of one time stamp.

    Args:
        columns: the table.
        rows: of one series, in order of time.
        names: of the columns of values.
        on_duplicate: what to do with rows that disagree; see :func:`nurt.data.select`.

    Returns:
        the first row of each stamp, the values by name, and notes.

    Raises:
        DataError: rows disagree and this is refused, or cannot be settled.
    """
    values = {name: columns.values[name][rows] for name in names}
    if columns.time is None:
        return rows, values, ()
    starts, counts = _stamps(columns.time[rows])
    if len(starts) == len(rows):
        return rows, values, ()
    if not are_ordered(columns.time):
        raise _duplicates_in_text(columns, rows, starts, counts)
    contradictory = np.zeros(len(starts), dtype=bool)
    for column in values.values():
        smallest = np.fmin.reduceat(column, starts)
        contradictory |= smallest < np.fmax.reduceat(column, starts)
    repeated = counts > 1
    if contradictory.any() and on_duplicate == "refuse":
        raise _contradiction(columns, rows, starts, counts, contradictory)
    if on_duplicate == "mean":
        _refuse_mean_of_words(columns, values, starts)
    collapsed = {name: _collapsed(column, starts, counts, on_duplicate) for name, column in values.items()}
    shown = ", ".join(columns.shown(int(rows[start])) for start in starts[repeated][:_SHOWN])
    note = f"{int(repeated.sum())} stamp(s) appeared more than once (first {shown}); rows that agree were merged"
    if contradictory.any():
        note += f", {int(contradictory.sum())} that disagree were resolved by on_duplicate={on_duplicate!r}"
    return rows[starts], collapsed, (note + ".",)


def _stamps(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each run of equal labels starts, and its length. Text has no order: all rows are compared."""
    if not are_ordered(time):
        _, starts, counts = np.unique(time, return_index=True, return_counts=True)
        return starts, counts
    starts = np.flatnonzero(np.r_[True, time[1:] != time[:-1]])
    return starts, np.diff(np.r_[starts, len(time)])


def _collapsed(column: np.ndarray, starts: np.ndarray, counts: np.ndarray, how: OnDuplicate) -> np.ndarray:
    """Return one value per run: the first, last or mean of those that are not missing; NaN where all are."""
    observed = np.isfinite(column)
    if how == "mean":
        number = np.add.reduceat(observed.astype(np.int64), starts)
        total = np.add.reduceat(np.where(observed, column, 0.0), starts)
        mean = np.full(len(starts), np.nan)
        np.divide(total, number, out=mean, where=number > 0)
        # Equal values must stay equal to the last bit, which a sum and a division do not guarantee.
        alone = np.fmin.reduceat(column, starts)
        return np.where(alone == np.fmax.reduceat(column, starts), alone, mean)
    position = np.arange(len(column))
    if how == "last":
        chosen = np.maximum.reduceat(np.where(observed, position, -1), starts)
        found = chosen >= 0
    else:
        chosen = np.minimum.reduceat(np.where(observed, position, len(column)), starts)
        found = chosen < starts + counts
    return np.where(found, column[np.where(found, chosen, starts)], np.nan)


def _contradiction(
    columns: Columns, rows: np.ndarray, starts: np.ndarray, counts: np.ndarray, contradictory: np.ndarray
) -> DataError:
    assert columns.time is not None
    first = int(np.flatnonzero(contradictory)[0])
    places = [columns.place(int(row)) for row in rows[starts[first] : starts[first] + counts[first]]]
    shown = ", ".join(columns.shown(int(rows[start])) for start in starts[contradictory][:_SHOWN])
    cure = 'Choose what to keep with on_duplicate="first", "last" or "mean"'
    if columns.series is None:
        cure += ", or name the column that identifies the series"
    return DataError(
        f"{int(contradictory.sum())} time stamp(s) appear more than once with different values: {shown}.",
        expected="one row per stamp and series",
        got=" and ".join(places[:3]) + f" for {columns.shown(int(rows[starts[first]]))}",
        cure=cure + ".",
    )


def _duplicates_in_text(columns: Columns, rows: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> DataError:
    assert columns.time is not None
    repeated = np.sort(starts[counts > 1])
    shown = ", ".join(quoted(columns.shown(int(rows[start]))) for start in repeated[:_SHOWN])
    return DataError(
        f"{columns.place(int(rows[repeated[0]]))}: {len(repeated)} time label(s) appear more than once: {shown}.",
        expected="one row per label and series",
        cure="Make the labels unique, or name the column that identifies the series.",
    )


def _refuse_mean_of_words(columns: Columns, values: dict[str, np.ndarray], starts: np.ndarray) -> None:
    for name in columns.levels:
        column = values.get(name)
        if column is not None and (np.fmin.reduceat(column, starts) < np.fmax.reduceat(column, starts)).any():
            raise DataError(
                f"Rows of one time stamp hold different words in column {quoted(name)}, and words have no mean.",
                cure='Choose what to keep with on_duplicate="first" or "last".',
            )
