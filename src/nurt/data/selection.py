"""From a table to series: columns chosen by name, rows sorted by time, duplicates resolved, everything noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nurt.data.clock import LocalClock
from nurt.data.series import Series
from nurt.data.table import Table
from nurt.data.time_axis import are_ordered, as_labels
from nurt.errors import DataError, NurtValueError
from nurt.wording import name_in_words, quoted

__all__ = ["Columns", "OnDuplicate", "OnUnordered", "Selection", "assemble", "select"]

OnDuplicate = Literal["refuse", "first", "last", "mean"]
OnUnordered = Literal["sort", "refuse"]
_SHOWN = 3
_MOST_NOTES = 20
_EMPTY = np.empty((0, 0))


@dataclass(frozen=True)
class Selection:
    """Series ready for windowing.

    Args:
        series: oldest observation first, each time stamp once.
        notes: what was sorted, merged or found missing, as sentences.
        sources: files the series come from.
    """

    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


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
    """Select the series to forecast from a table.

    Args:
        table: as returned by a reader.
        target: the column to forecast; several columns become one series each; None where the table has only one
            column of numbers.
        time: the column of time labels; None for the one the reader found.
        series: the column that identifies the series; None for the one the reader found.
        past_covariates: columns known up to the forecast origin.
        on_duplicate: what to do with rows of one series that have the same time stamp but different values:
            "refuse", or keep the "first", the "last", or the "mean". Rows without a conflict (equal
            values, or one of them missing) are always merged, with a note.
        on_unordered: "sort" rows that are not in order of time, and note it, or "refuse" them.

    Returns:
        the series, oldest observation first, and notes on what was done.

    Raises:
        DataError: a name is unknown or ambiguous, a cell is not a number, or the rows cannot be put in order.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"day": [1, 2, 3], "load": [5.0, None, 7.0]})
        >>> table = Table(frame, ("load",), "table", ("load.csv",), time="day")
        >>> select(table, "load").series[0].values
        array([ 5., nan,  7.])
    """
    targets = table.targets(target)
    covariates = tuple(table.column(name) for name in past_covariates)
    for names, role in ((targets, "target"), (covariates, "covariate")):
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated:
            raise DataError(f"The column {quoted(repeated)} is named twice as {role}.", cure="Name it once.")
    time = table.column(time) if time is not None else table.time
    series = table.column(series) if series is not None else table.series
    for name, role in ((time, "time"), (series, "series")):
        if name is not None and name in (*targets, *covariates):
            raise DataError(
                f"The column {quoted(name)} cannot be the {role} column and a column of values.",
                cure="Choose another column.",
            )
    columns = Columns(
        values={name: table.numbers(name) for name in (*targets, *covariates)},
        time=None if time is None else as_labels(table.frame[time].to_numpy(), what=f"column {quoted(time)}"),
        series=None if series is None else table.identifiers(series),
        place=table.place,
        origin=table.origin if len(table.sources) > 1 else None,
        clock=table.clock if time == table.time else None,
    )
    chosen = assemble(columns, targets, covariates, on_duplicate=on_duplicate, on_unordered=on_unordered)
    return replace(chosen, notes=(*table.notes_on((*targets, *covariates)), *chosen.notes), sources=table.sources)


@dataclass(frozen=True)
class Columns:
    """The chosen columns, row by row as given.

    Args:
        values: float64 columns by name, NaN where missing, each of shape (rows,).
        time: labels, shape (rows,), or None: the rows are in order.
        series: identifier of the series of each row as text, shape (rows,), or None: there is one.
        place: returns file and line of a row, for messages.
        origin: index of the file of each row, shape (rows,), or None: there is one.
        clock: where the labels are instants in UTC that are shown in local time.
    """

    values: Mapping[str, np.ndarray]
    time: np.ndarray | None
    series: np.ndarray | None
    place: Callable[[int], str]
    origin: np.ndarray | None = None
    clock: LocalClock | None = None


def assemble(
    columns: Columns,
    targets: Sequence[str],
    covariates: Sequence[str],
    *,
    on_duplicate: OnDuplicate,
    on_unordered: OnUnordered,
) -> Selection:
    """Build one series per identifier and target.

    Raises:
        DataError: rows conflict or are out of order where this is refused, or no value is observed.
    """
    _require("on_duplicate", on_duplicate, ("refuse", "first", "last", "mean"))
    _require("on_unordered", on_unordered, ("sort", "refuse"))
    found: list[Series] = []
    notes: list[str] = []
    for name, rows in _groups(columns):
        of = f"series {quoted(name)}: " if name is not None else ""
        ordered, order_note = _in_order(columns, rows, on_unordered)
        for target in targets:
            kept, values, duplicate_note = _without_duplicates(
                columns, ordered, (target, *covariates), on_duplicate=on_duplicate
            )
            series = Series(
                values=values[target],
                name=_name(name, target, several=len(targets) > 1),
                target=target,
                time=None if columns.time is None else columns.time[kept],
                covariates=np.stack([values[covariate] for covariate in covariates], axis=1) if covariates else _EMPTY,
                covariate_names=tuple(covariates),
                clock=columns.clock,
            )
            _refuse_unobserved(series)
            found.append(series)
            notes.extend(of + note for note in (*order_note, *duplicate_note, *_missing_notes(series)))
    return Selection(tuple(found), tuple(_condensed(notes)))


def _require(argument: str, given: str, allowed: Sequence[str]) -> None:
    if given not in allowed:
        raise NurtValueError(f"Unknown {argument}.", expected=f"one of {', '.join(allowed)}", got=repr(given))


def _groups(columns: Columns) -> Iterator[tuple[str | None, np.ndarray]]:
    """Yield each identifier, in order of appearance, and its rows."""
    if columns.series is None:
        rows = len(next(iter(columns.values.values())))
        yield None, np.arange(rows)
        return
    names, first, codes = np.unique(columns.series, return_index=True, return_inverse=True)
    by_series = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[by_series], np.arange(len(names) + 1))
    for group in np.argsort(first):
        yield str(names[group]), by_series[bounds[group] : bounds[group + 1]]


def _name(identifier: str | None, target: str, *, several: bool) -> str:
    if identifier is None:
        return target
    return f"{identifier} {target}" if several else identifier


def _in_order(columns: Columns, rows: np.ndarray, on_unordered: OnUnordered) -> tuple[np.ndarray, tuple[str, ...]]:
    if columns.time is None or not are_ordered(columns.time):
        return rows, ()
    time = columns.time[rows]
    back = time[1:] < time[:-1]
    if not back.any():
        return rows, ()
    in_order = rows[np.argsort(time, kind="stable")]
    if columns.origin is not None:
        # Files may be given in any order; only a step back within one file means that its rows are out of order.
        back &= columns.origin[rows[1:]] == columns.origin[rows[:-1]]
        if not back.any():
            return in_order, ("Rows of several files were merged in order of time.",)
    first = int(back.argmax())
    row = int(rows[first + 1])
    if on_unordered == "refuse":
        raise DataError(
            f"{columns.place(row)}: the rows are not in order of time.",
            got=f"{columns.time[row]} after {columns.time[rows[first]]}",
            cure='Sort the rows, or allow it with on_unordered="sort".',
        )
    if np.all(time[1:] <= time[:-1]):
        return in_order, ("The rows were newest first and were reversed.",)
    return in_order, (
        f"The rows were not in order of time and were sorted ({int(back.sum())} step(s) back, "
        f"first at {columns.time[row]}).",
    )


def _without_duplicates(
    columns: Columns, rows: np.ndarray, names: Sequence[str], *, on_duplicate: OnDuplicate
) -> tuple[np.ndarray, dict[str, np.ndarray], tuple[str, ...]]:
    """Merge rows of one time stamp; return the first row of each stamp, the values by name, and notes."""
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
    collapsed = {name: _collapsed(column, starts, counts, on_duplicate) for name, column in values.items()}
    shown = ", ".join(str(columns.time[rows[start]]) for start in starts[repeated][:_SHOWN])
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
    shown = ", ".join(str(columns.time[rows[start]]) for start in starts[contradictory][:_SHOWN])
    cure = 'Choose what to keep with on_duplicate="first", "last" or "mean"'
    if columns.series is None:
        cure += ", or name the column that identifies the series"
    return DataError(
        f"{int(contradictory.sum())} time stamp(s) appear more than once with different values: {shown}.",
        expected="one row per stamp and series",
        got=" and ".join(places[:3]) + f" for {columns.time[rows[starts[first]]]}",
        cure=cure + ".",
    )


def _duplicates_in_text(columns: Columns, rows: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> DataError:
    assert columns.time is not None
    repeated = np.sort(starts[counts > 1])
    shown = ", ".join(quoted(str(columns.time[rows[start]])) for start in repeated[:_SHOWN])
    return DataError(
        f"{columns.place(int(rows[repeated[0]]))}: {len(repeated)} time label(s) appear more than once: {shown}.",
        expected="one row per label and series",
        cure="Make the labels unique, or name the column that identifies the series.",
    )


def _refuse_unobserved(series: Series) -> None:
    if not np.isfinite(series.values).any():
        raise DataError(
            f"The target {quoted(series.target)} of series {quoted(series.name)} has no value at all: "
            f"all {len(series)} cells are missing.",
            cure="Choose another target, or check how missing values are written in the file.",
        )


def _missing_notes(series: Series) -> tuple[str, ...]:
    missing = int(np.isnan(series.values).sum())
    return (f"{missing} of {len(series)} values of {name_in_words(series.target)} are missing.",) if missing else ()


def _condensed(notes: Sequence[str]) -> list[str]:
    """Keep a list of hundreds of series readable."""
    if len(notes) <= _MOST_NOTES:
        return list(notes)
    return [*notes[:_MOST_NOTES], f"… and {len(notes) - _MOST_NOTES} more notes of this kind."]
