"""A table as it was read: typed columns, the origin of each row, and notes; several tables stacked into one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from nurt.data.clock import LocalClock
from nurt.data.identifiers import joined_text, names_of_series, notes_on_names
from nurt.data.notation import ANY_NUMBERS, NumberNotation
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Table", "stack"]

_LISTED = 40
# Text under these names labels rows.
_LABEL_NAMES = frozenset({"date", "time", "ds", "timestamp", "datetime", "data", "czas", "name", "id", "series"})


@dataclass(frozen=True)
class Table:
    """Rows in file order; nothing sorted, dropped or filled in yet.

    Args:
        frame: every usable column. Numbers are Float64 with null for *missing*, times are Date or Datetime, all
            else (a column with one word among the numbers too) stays text.
        columns: names that can be chosen as target or covariate.
        format: which reader read it: "nbp", "gios" or "table".
        sources: the files, as they were given.
        time: name of the column of time labels, or None.
        offset: of the times from UTC as the file writes it, which the labels leave out; "UTC" where they are instants
            in UTC; "" where none is written.
        clock: where the times are instants in UTC and the file writes local time: the offsets that it writes.
        period: the kind of period that each time names, shown in its place; None where they are days, times or numbers.
        unread: name of a column of text that is named as a time and is in no known form, where there is no other one.
        series: name of the column that identifies the series, or None.
        notation: how numbers are written, where that was said.
        written: the text of columns of numbers that may be names of series, such as 007.
        units: unit of a column, where the file states it.
        aliases: further names, and the columns each one refers to. A name for several columns is ambiguous.
        notes: what was skipped, repaired or uncertain, as sentences.
        concerns: the notes that apply to some columns only, with these columns.
        lines: line (or row) number within its file, per row of ``frame``.
        origin: index into ``sources``, per row of ``frame``.
    """

    frame: pl.DataFrame
    columns: tuple[str, ...]
    format: str
    sources: tuple[str, ...]
    time: str | None = None
    offset: str = ""
    clock: LocalClock | None = None
    period: str | None = None
    unread: str | None = None
    series: str | None = None
    notation: NumberNotation = ANY_NUMBERS
    written: Mapping[str, pl.Series] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    concerns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    origin: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return self.frame.height

    def notes_on(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the notes that apply to these columns."""
        return tuple(note for note in self.notes if set(self.concerns.get(note, columns)) & set(columns))

    def place(self, row: int) -> str:
        """Return file and line of row ``row`` of the frame, for messages."""
        if row >= len(self.lines):
            return f"{self.sources[0]}, row {row + 1}"
        return f"{self.sources[int(self.origin[row])]}, line {int(self.lines[row])}"

    def column(self, name: str) -> str:
        """Return the column that a name refers to: a column of that name, or else its only alias.

        Raises:
            DataError: the name is unknown or ambiguous.
        """
        if name in self.frame.columns:
            return name
        meant = self.aliases.get(name, ())
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise DataError(
                f"{self.sources[0]}: the name {quoted(name)} is ambiguous.",
                expected=f"one of {_listing(meant)}",
                got=quoted(name),
                cure="Use one of these names.",
            )
        known = (*self.frame.columns, *self.aliases)
        folded = {candidate.casefold(): candidate for candidate in reversed(known)}
        close = get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(quoted(folded[match]) for match in close)}? " if close else ""
        raise DataError(
            f"{self.sources[0]}: there is no column {quoted(name)}.",
            cure=f"{hint}Columns: {_listing(self.frame.columns)}.",
        )

    def targets(self, names: str | Sequence[str] | None, taken: Collection[str] = ()) -> tuple[str, ...]:
        """Return the columns to forecast; None means the only column of numbers.

        Args:
            names: as a person gives them.
            taken: columns that have another role, so that they cannot be meant.

        Raises:
            DataError: a name is unknown or ambiguous, or there is none although several columns could be meant.
        """
        if names is None:
            free = tuple(name for name in self.columns if name not in taken)
            if len(free) == 1:
                return free
            damaged = [] if self.columns else self._damaged()
            if len(damaged) == 1:
                raise self._not_numbers(damaged[0])
            raise DataError(
                f"{self.sources[0]}: no target was named, and there are {len(self.columns)} columns of numbers.",
                cure=f"Name the target, one of: {_listing(self.columns)}; or all (--target all)."
                if self.columns
                else self._text_columns(),
            )
        chosen = (names,) if isinstance(names, str) else tuple(names)
        if not chosen:
            raise DataError("No target was named.", cure=f"Name one of: {_listing(self.columns)}.")
        return tuple(self.column(name) for name in chosen)

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as float64, NaN where missing, shape (rows,).

        Raises:
            DataError: a cell is not a number, or infinite.
        """
        column = self.frame[name]
        if not column.dtype.is_numeric():
            raise self._not_numbers(name)
        values = column.to_numpy().astype(np.float64)
        infinite = np.isinf(values)
        if infinite.any():
            row = int(infinite.argmax())
            raise DataError(
                f"{self.place(row)}: {int(infinite.sum())} infinite value(s) in column {quoted(name)}, the first here.",
                expected="finite numbers, or empty cells where a value is missing",
                got=str(values[row]),
                cure="Correct the cell, or leave it empty if the value is unknown.",
            )
        return values

    def identifiers(self, name: str) -> np.ndarray:
        """Return the series that each row belongs to, as text, shape (rows,).

        Raises:
            DataError: a cell is empty.
        """
        column = self.frame[name]
        if column.null_count():
            row = int(column.is_null().arg_max() or 0)
            raise DataError(
                f"{self.place(row)}: the column {quoted(name)} does not say which series the row belongs to.",
                cure="Fill in the cell or remove the row.",
            )
        return names_of_series(column, self.written.get(name))

    def notes_on_identifiers(self, name: str) -> tuple[str, ...]:
        """Return the note that identifiers differ as text and are equal as numbers, where some are."""
        if name not in self.written:
            return ()
        return notes_on_names(self.identifiers(name), self.frame[name], name)

    def _text_columns(self) -> str:
        text = [name for name in self.frame.columns if name not in (self.time, self.series)]
        if not text:
            return f"Give a table with a column of numbers.{''.join(f' {note}' for note in self.notes[:3])}"
        listed = f"Columns that hold text among their numbers: {_listing(text)}."
        values = self._values_in_text()
        if len(values) != 1:
            return f"{listed} Name one to see the first such cell."
        found = self._not_numbers(values[0])
        return f"{listed}\n{found.what}\n{found.cure}"

    def _not_numbers(self, name: str) -> DataError:
        import polars as pl

        from nurt.data.doubtful import cure_of, reason_against
        from nurt.data.numbers import parse_numbers

        column = self.frame[name]
        if column.dtype.is_temporal():
            return DataError(
                f"The column {quoted(name)} holds times, not numbers.",
                cure=f"Choose one of: {_listing(self.columns)}.",
            )
        plain = parse_numbers([column.cast(pl.String).fill_null("")], self.notation)[0].wrong
        wrong = int(plain.sum())
        if not wrong:
            return DataError(
                f"{self.sources[0]}: the column {quoted(name)} holds text.",
                cure="Choose a column of numbers, or write this one in one notation in all files.",
            )
        row = int(plain.arg_max() or 0)
        cell = str(column[row])
        share = f"{wrong} of {column.len() - column.null_count()} cells cannot be read as numbers"
        return DataError(
            f"{self.place(row)}: {quoted(cell)} in column {quoted(name)} {reason_against(cell)} ({share}).",
            cure=cure_of(cell, self.notation),
        )

    def _values_in_text(self) -> list[str]:
        """The columns of text that are not named as a time or a series."""
        return [
            name
            for name in self.frame.columns
            if name not in (self.time, self.series)
            and not self.frame[name].dtype.is_temporal()
            and name.lower() not in _LABEL_NAMES
        ]

    def is_damaged(self, name: str) -> bool:
        """Return whether a column is text although most of its cells are numbers."""
        from nurt.data.numbers import looks_missing, looks_numeric

        column = self.frame[name]
        if column.dtype.is_temporal():
            return False
        present = [cell for cell in map(str, column.drop_nulls()) if not looks_missing(cell)]
        return 2 * sum(map(looks_numeric, present)) > len(present)

    def _damaged(self) -> list[str]:
        return [name for name in self.frame.columns if name not in (self.time, self.series) and self.is_damaged(name)]


def stack(tables: Sequence[Table]) -> Table:
    """Stack tables of one format: columns are matched by name, absent ones hold missing values, rows keep file order.

    Raises:
        DataError: the files differ in their column of times or of series identifiers.
    """
    if len(tables) == 1:
        return replace(tables[0], origin=np.zeros(len(tables[0]), dtype=np.int64))
    _refuse_difference(tables, "time", [table.time for table in tables])
    _refuse_difference(tables, "series", [table.series for table in tables])
    import polars as pl

    tables, clock, offset_note = _with_one_offset(tables)
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
        offset=tables[0].offset,
        clock=clock,
        period=tables[0].period if len({table.period for table in tables}) == 1 else None,
        unread=tables[0].unread,
        series=tables[0].series,
        notation=tables[0].notation,
        written=joined_text([(table.frame, table.written) for table in tables]),
        units={name: unit for table in tables for name, unit in table.units.items()},
        aliases=aliases,
        notes=tuple(dict.fromkeys((*(note for table in tables for note in table.notes), *absent, *offset_note))),
        concerns=absent | {note: about for table in tables for note, about in table.concerns.items()},
        lines=np.concatenate([table.lines for table in tables]),
        origin=np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
    )


def _with_one_offset(tables: Sequence[Table]) -> tuple[Sequence[Table], LocalClock | None, tuple[str, ...]]:
    """Bring times with different offsets from UTC to UTC.

    Returns:
        the tables, the clock that shows their times in local time, and a note where times were moved.

    Raises:
        DataError: only some files write an offset.
    """
    from nurt.data.dates import offset_minutes

    offsets = {table.offset for table in tables}
    if len(offsets) == 1:
        return tables, _joined_clock(tables), ()
    if "" in offsets:
        without = next(table for table in tables if not table.offset)
        written = next(table for table in tables if table.offset)
        raise DataError(
            f"{without.sources[0]}: its times have no offset from UTC, but those of {written.sources[0]} have one.",
            cure="Write all times in UTC, or all with their offset.",
        )
    import polars as pl

    shifted = []
    for table in tables:
        if table.offset == "UTC":
            shifted.append(table)
            continue
        ahead = offset_minutes(table.offset)
        times = table.frame[str(table.time)].cast(pl.Datetime("us"))
        utc = times - pl.Series([ahead * 60_000_000]).cast(pl.Duration("us"))
        frame = table.frame.with_columns(utc.alias(str(table.time)))
        fixed = LocalClock((utc.to_numpy()[0],), (ahead,))
        shifted.append(replace(table, frame=frame, offset="UTC", clock=fixed))
    clock = _joined_clock(shifted)
    shown = "shown in local time" if clock else "labelled in UTC"
    return shifted, clock, (f"The files differ in their offset from UTC; all times are instants, {shown}.",)


def _joined_clock(tables: Sequence[Table]) -> LocalClock | None:
    if all(table.clock is None for table in tables):
        return None
    return LocalClock.joined(
        [table.clock for table in tables], [table.frame[str(table.time)].to_numpy() for table in tables]
    )


def _with_common_types(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Turn a column that is numbers or dates in one file and something else in another into text."""
    import polars as pl

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
            expected=quoted(str(names[0])) if names[0] else f"no {what} column",
            got=quoted(str(names[other])) if names[other] else f"no {what} column",
            cure="Give the columns the same names in all files, or read the files one by one.",
        )


def _absent(tables: Sequence[Table], offered: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return a note for every file that lacks columns of the others, and which columns these are."""
    notes = {}
    for table in tables:
        absent = [name for name in offered if name not in table.frame.columns]
        if absent:
            shown = ", ".join(map(name_in_words, absent[:5])) + (
                f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            )
            notes[f"{table.sources[0]} has no column {shown}: missing there."] = tuple(absent)
    return notes


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(name_in_words, names[:_LISTED])) + more
