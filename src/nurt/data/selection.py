"""From a table to series: choose target, time and covariates by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from nurt.data.assembly import Columns, OnDuplicate, OnUnordered, Selection, assemble
from nurt.data.labels import as_labels
from nurt.data.table import Table
from nurt.errors import DataError

__all__ = ["select"]

_LISTED = 40


def select(
    table: Table,
    target: str | Sequence[str] | None = None,
    *,
    time: str | None = None,
    series: str | None = None,
    past_covariates: Sequence[str] = (),
    on_duplicate: OnDuplicate = "refuse",
    on_unordered: OnUnordered = "sort",
) -> Selection:
    """Choose the series to forecast out of a table.

    Args:
        table: what a reader gave.
        target: the column to forecast; several columns become one series each; None where the table has only one
            column of numbers.
        time: the column of time labels; None for the one the reader found.
        series: the column that tells several series apart; None for the one the reader found.
        past_covariates: columns known up to the moment of the forecast.
        on_duplicate: what to do with rows of one series that carry the same stamp but contradict each other:
            "refuse", or keep the "first", the "last", or the "mean". Rows that do not contradict each other
            (equal values, or one of them missing) become one in any case, and this is noted.
        on_unordered: "sort" rows that are not in order of time, and note it, or "refuse" them.

    Returns:
        the series, oldest observation first, and notes on what was done.

    Raises:
        DataError: a name is unknown or ambiguous, a cell is no number, or the rows cannot be put in order.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"day": [1, 2, 3], "load": [5.0, None, 7.0]})
        >>> table = Table(frame, ("load",), "table", ("load.csv",), time="day")
        >>> select(table, "load").series[0].values
        array([ 5., nan,  7.])
    """
    targets = _targets(table, target)
    covariates = tuple(_resolve(table, name) for name in past_covariates)
    for names, role in ((targets, "target"), (covariates, "covariate")):
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated:
            raise DataError(f"The column {repeated!r} is named twice as {role}.", cure="Name it once.")
    time = _resolve(table, time) if time is not None else table.time
    series = _resolve(table, series) if series is not None else table.series
    for name, role in ((time, "time"), (series, "series")):
        if name is not None and name in (*targets, *covariates):
            raise DataError(
                f"The column {name!r} cannot be the {role} column and a column of values.",
                cure="Choose another column.",
            )
    columns = Columns(
        values={name: _numbers(table, name) for name in (*targets, *covariates)},
        time=None if time is None else as_labels(table.frame[time].to_numpy(), what=f"column {time!r}"),
        series=None if series is None else _identifiers(table, series),
        place=table.place,
        origin=table.origin if len(table.sources) > 1 else None,
    )
    chosen = assemble(columns, targets, covariates, on_duplicate=on_duplicate, on_unordered=on_unordered)
    return replace(chosen, notes=(*table.notes_on((*targets, *covariates)), *chosen.notes), sources=table.sources)


def _targets(table: Table, target: str | Sequence[str] | None) -> tuple[str, ...]:
    if target is None:
        if len(table.columns) == 1:
            return table.columns
        raise DataError(
            f"{table.sources[0]}: no target was named, and there are {len(table.columns)} columns of numbers.",
            cure=f"Name the target, one of: {_listing(table.columns)}." if table.columns else _no_numbers(table),
        )
    names = (target,) if isinstance(target, str) else tuple(target)
    if not names:
        raise DataError("No target was named.", cure=f"Name one of: {_listing(table.columns)}.")
    return tuple(_resolve(table, name) for name in names)


def _no_numbers(table: Table) -> str:
    text = [name for name in table.frame.columns if name not in (table.time, table.series)]
    return f"Columns that hold text among their numbers: {_listing(text)}. Name one to see the first such cell."


def _resolve(table: Table, name: str) -> str:
    """Return the column that a name stands for: a column of that name, or else its only alias."""
    if name in table.frame.columns:
        return name
    meant = table.aliases.get(name, ())
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise DataError(
            f"{table.sources[0]}: the name {name!r} is ambiguous.",
            expected=f"one of {_listing(meant)}",
            got=repr(name),
            cure="Use one of these names.",
        )
    known = (*table.frame.columns, *table.aliases)
    folded = {candidate.casefold(): candidate for candidate in reversed(known)}
    close = get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(repr(folded[match]) for match in close)}? " if close else ""
    raise DataError(
        f"{table.sources[0]}: there is no column {name!r}.", cure=f"{hint}Columns: {_listing(table.frame.columns)}."
    )


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _numbers(table: Table, name: str) -> np.ndarray:
    column = table.frame[name]
    if not column.dtype.is_numeric():
        raise _not_numbers(table, name)
    values = column.to_numpy().astype(np.float64)
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise DataError(
            f"{table.place(row)}: {int(infinite.sum())} infinite value(s) in column {name!r}, the first here.",
            expected="finite numbers, or empty cells where a value is missing",
            got=str(values[row]),
            cure="Correct the cell, or leave it empty if the value is unknown.",
        )
    return values


def _not_numbers(table: Table, name: str) -> DataError:
    from nurt.data.readers.numbers import is_number

    column = table.frame[name]
    if column.dtype.is_temporal():
        return DataError(
            f"The column {name!r} holds times, not numbers.", cure=f"Choose one of: {_listing(table.columns)}."
        )
    wrong = [row for row, cell in enumerate(column) if cell is not None and not is_number(cell)]
    share = f"{len(wrong)} of {column.len() - column.null_count()} cells are not numbers"
    return DataError(
        f"{table.place(wrong[0])}: {column[wrong[0]]!r} in column {name!r} is not a number ({share}).",
        cure="Correct the cell (empty, NA or null say that a value is missing), or choose another column.",
    )


def _identifiers(table: Table, name: str) -> np.ndarray:
    column = table.frame[name]
    if column.null_count():
        row = int(column.is_null().arg_max() or 0)
        raise DataError(
            f"{table.place(row)}: the column {name!r} does not say which series the row belongs to.",
            cure="Fill in the cell or remove the row.",
        )
    if column.dtype.is_numeric() and (column % 1 == 0).all():
        return column.to_numpy().astype(np.int64).astype(str)
    return np.array([str(cell) for cell in column])
