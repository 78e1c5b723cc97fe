"""From a table to series: columns chosen by name, rows sorted by time, duplicates resolved, everything noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nurt.data.clock import LocalClock
from nurt.data.columns import Columns, Roles
from nurt.data.covariates import CodedColumn, categories, constant_of
from nurt.data.duplicates import OnDuplicate, without_duplicates
from nurt.data.sentinels import sentinel_notes
from nurt.data.series import Series
from nurt.data.table import Table
from nurt.data.time_axis import are_ordered, as_labels, labels_after, labels_and_period
from nurt.data.zones import instants_in, instants_of, zone_clock
from nurt.errors import DataError, NurtValueError
from nurt.wording import name_in_words, quoted

__all__ = ["ALL", "OnUnordered", "Selection", "assemble", "select"]

ALL = "all"
OnUnordered = Literal["sort", "refuse"]
_LISTED = 5
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
    future_covariates: Sequence[str] = (),
    static: Sequence[str] = (),
    timezone: str | None = None,
    on_duplicate: OnDuplicate = "refuse",
    on_unordered: OnUnordered = "sort",
) -> Selection:
    """Select the series to forecast from a table.

    Args:
        table: as returned by a reader.
        target: the column to forecast; several columns become one series each, and "all" stands for every column of
            numbers without another role; None where there is only one such column.
        time: the column of time labels; None for the one the reader found.
        series: the column that identifies the series; None for the one the reader found.
        past_covariates: columns known up to the forecast origin. A column of text is taken as categories.
        future_covariates: columns known for the steps ahead too. Rows after the last target hold these values.
        static: columns with one value per series, numbers or text.
        timezone: name of the zone, such as "Europe/Warsaw", of local times without an offset from UTC: they are
            instants then, shown in local time. Instants that are given in UTC are shown in local time as well.
        on_duplicate: what to do with rows of one series that have the same time stamp but different values:
            "refuse", or keep the "first", the "last", or the "mean". Rows without a conflict (equal
            values, or one of them missing) are always merged, with a note.
        on_unordered: "sort" rows that are not in order of time, and note it, or "refuse" them.

    Returns:
        the series, oldest observation first, and notes on what was done. Rows at the end without any target are the
        future: no observations, but where they hold future covariates these are kept in ``Series.ahead``.

    Raises:
        DataError: a name is unknown or ambiguous, a cell is not a number, or the rows cannot be put in order.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"day": [1, 2, 3], "load": [5.0, None, 7.0]})
        >>> table = Table(frame, ("load",), "table", ("load.csv",), time="day")
        >>> select(table, "load").series[0].values
        array([ 5., nan,  7.])
    """
    past, future, fixed = (tuple(map(table.column, names)) for names in (past_covariates, future_covariates, static))
    time = table.column(time) if time is not None else table.time
    series = table.column(series) if series is not None else table.series
    taken = {name for name in (time, series, *past, *future, *fixed) if name is not None}
    targets, target_notes = _targets(table, target, taken)
    roles = Roles(targets, past, future, fixed, time, series)
    coded = {name: _coded(table, name) for name in roles.covariates}
    axis, period = None, None
    if time is not None:
        axis, period = labels_and_period(table.frame[time].to_numpy(), what=f"column {quoted(time)}")
    elif table.unread is not None:
        _refuse_unread(table, table.unread)
    identifiers = None if series is None else table.identifiers(series)
    clock = table.clock if time == table.time else None
    zone_notes: tuple[str, ...] = ()
    if timezone is not None:
        axis, clock, zone_notes = _in_zone(table, timezone, time, axis, identifiers)
    text_note = (*zone_notes, *_order_of_file(time, axis))
    columns = Columns(
        values={name: table.numbers(name) for name in targets} | {name: one.values for name, one in coded.items()},
        time=axis,
        period=table.period if time == table.time else period,
        series=identifiers,
        place=table.place,
        origin=table.origin if len(table.sources) > 1 else None,
        clock=clock,
        levels={name: one.levels for name, one in coded.items() if one.levels is not None},
        static={name: _static(table, name) for name in fixed},
    )
    chosen = assemble(columns, roles, on_duplicate=on_duplicate, on_unordered=on_unordered)
    notes = (
        *sentinel_notes(
            {name: columns.values[name] for name in (*targets, *roles.covariates) if name not in columns.levels}
        ),
        *table.notes_on((*targets, *roles.covariates, *fixed)),
        *(() if series is None else table.notes_on_identifiers(series)),
        *target_notes,
        *text_note,
        *chosen.notes,
    )
    return replace(chosen, notes=notes, sources=table.sources)


def _refuse_unread(table: Table, name: str) -> None:
    cells = table.frame[name].drop_nulls()
    raise DataError(
        f"{table.sources[0]}: the column {quoted(name)} is named as a time, but its cells, such as "
        f"{quoted(str(cells[0]))}, are in no known form, so the order of the rows is not certain.",
        expected="dates, times or periods such as 2021-03-25, 25.03.2021 14:00, 2021-Q1, 2021-W12 or Jan-21",
        cure=f"Say how they are written, as --time-format '%d %b %Y' (time_format= in Python); name another column by "
        f"--time; or take the rows in the order of the file by --time {name_in_words(name)}.",
    )


def _in_zone(
    table: Table, zone: str, time: str | None, labels: np.ndarray | None, series: np.ndarray | None
) -> tuple[np.ndarray, LocalClock | None, tuple[str, ...]]:
    """Return times as instants in UTC and the clock that shows them in local time."""
    if time is None or labels is None or labels.dtype.kind != "M" or table.period is not None:
        raise DataError(
            f"The rows of {table.sources[0]} have no times of day that a time zone could apply to.",
            cure="Leave out --timezone (timezone= in Python), or name the column of times by --time.",
        )
    offset = table.offset if time == table.time else ""
    if offset:
        return as_labels(instants_of(labels, offset)), zone_clock(zone, instants_of(labels, offset)), ()
    instants, notes = instants_in(zone, labels, series, table.place)
    return as_labels(instants), zone_clock(zone, instants), notes


def _order_of_file(time: str | None, labels: np.ndarray | None) -> tuple[str, ...]:
    if time is None or labels is None or are_ordered(labels):
        return ()
    return (f"The labels of column {quoted(time)} are text without an order: rows are in the order of the file.",)


def _targets(
    table: Table, target: str | Sequence[str] | None, taken: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns to forecast, and notes on those that "all" left out."""
    named = (target,) if isinstance(target, str) else target
    if named is None or list(named) != [ALL] or ALL in table.frame.columns:
        return table.targets(target, taken), ()
    free = [name for name in table.columns if name not in taken]
    found = tuple(name for name in free if table.frame[name].null_count() < len(table))
    if not found:
        raise DataError(
            f"{table.sources[0]}: no column of numbers is left that could be a target.",
            cure=f"Columns of numbers: {', '.join(map(name_in_words, table.columns)) or 'none'}.",
        )
    empty = [name_in_words(name) for name in free if name not in found]
    more = f" and {len(empty) - _LISTED} more" if len(empty) > _LISTED else ""
    return found, (f"Left out, as they hold no value: {', '.join(empty[:_LISTED])}{more}.",) if empty else ()


def _coded(table: Table, name: str) -> CodedColumn:
    """Return a covariate as numbers; text is categories, unless most cells are numbers and one of them is damaged."""
    column = table.frame[name]
    if column.dtype.is_numeric() or column.dtype.is_temporal() or table.is_damaged(name):
        return CodedColumn(table.numbers(name))
    return categories(column.to_list(), name, table.sources[0])


def _static(table: Table, name: str) -> np.ndarray:
    column = table.frame[name]
    if column.dtype.is_numeric():
        return table.numbers(name)
    return np.array(["" if cell is None else str(cell) for cell in column])


def assemble(columns: Columns, roles: Roles, *, on_duplicate: OnDuplicate, on_unordered: OnUnordered) -> Selection:
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
        kept, values, duplicate_note = without_duplicates(
            columns, ordered, (*roles.targets, *roles.covariates), on_duplicate=on_duplicate
        )
        stop = _end_of_observations([values[target] for target in roles.targets])
        time = None if columns.time is None else columns.time[kept]
        covariates = np.stack([values[one] for one in roles.covariates], axis=1) if roles.covariates else _EMPTY
        ahead = covariates[stop:, len(roles.past) :] if roles.future else np.empty((len(kept) - stop, 0))
        fixed = {
            one: constant_of(cells, rows, one, name or roles.targets[0], columns.place)
            for one, cells in columns.static.items()
        }
        own: list[Series] = []
        for target in roles.targets:
            series = Series(
                values=values[target][:stop],
                name=_name(name, target, several=len(roles.targets) > 1),
                target=target,
                time=None if time is None else time[:stop],
                covariates=covariates[:stop],
                covariate_names=roles.covariates,
                clock=columns.clock,
                ahead=ahead,
                ahead_names=roles.future,
                ahead_time=None if time is None or stop == len(kept) else time[stop:],
                static=fixed,
                levels=columns.levels,
                period=columns.period,
            )
            _refuse_unobserved(series)
            own.append(series)
        missing = (note for one in own for note in _missing_notes(one))
        notes.extend(of + note for note in (*order_note, *duplicate_note, *_future_note(own[0]), *missing))
        found.extend(own)
    return Selection(tuple(found), tuple(_condensed(notes)))


def _end_of_observations(targets: Sequence[np.ndarray]) -> int:
    """Return the number of rows up to the last one that holds a target; all of them where none does."""
    observed = np.zeros(len(targets[0]), dtype=bool)
    for values in targets:
        observed |= np.isfinite(values)
    return int(np.flatnonzero(observed)[-1]) + 1 if observed.any() else len(observed)


def _future_note(series: Series) -> tuple[str, ...]:
    count = len(series.ahead)
    if not count:
        return ()
    labels = labels_after(series, 1)
    known = f", with values of {', '.join(map(name_in_words, series.ahead_names))}" if series.ahead_names else ""
    starts = "after the last value" if series.time is None else f"after {series.label(len(series) - 1)}"
    starts = f"at {labels[0]}" if labels else starts
    rows = "1 row after the last value holds" if count == 1 else f"{count} rows after the last value hold"
    return (f"{rows} no target{known}; the forecast starts {starts}.",)


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
            got=f"{columns.shown(row)} after {columns.shown(int(rows[first]))}",
            cure='Sort the rows, or allow it with on_unordered="sort".',
        )
    if np.all(time[1:] <= time[:-1]):
        return in_order, ("The rows were newest first and were reversed.",)
    return in_order, (
        f"The rows were not in order of time and were sorted ({int(back.sum())} step(s) back, "
        f"first at {columns.shown(row)}).",
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
