"""A table of data as it was read: every usable column, where each row came from, and what was doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Table"]


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
        series: name of the column that tells several series apart, or None.
        units: unit of a column, where the file tells it.
        aliases: further names, and the columns each one stands for. A name that stands for several is ambiguous.
        notes: what was skipped, repaired or doubted, in plain sentences.
        concerns: those of the notes that concern some columns only → these columns.
        lines: line (or row) number within its file, per row of ``frame``.
        origin: index into ``sources``, per row of ``frame``.
    """

    frame: pl.DataFrame
    columns: tuple[str, ...]
    format: str
    sources: tuple[str, ...]
    time: str | None = None
    series: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    concerns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    origin: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return self.frame.height

    def notes_on(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the notes that someone who uses only these columns should hear."""
        return tuple(note for note in self.notes if set(self.concerns.get(note, columns)) & set(columns))

    def place(self, row: int) -> str:
        """Return where row ``row`` of the frame stands in its file, for messages."""
        if row >= len(self.lines):
            return f"{self.sources[0]}, row {row + 1}"
        return f"{self.sources[int(self.origin[row])]}, line {int(self.lines[row])}"
