"""From the data options of a command to series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nurt.cli.options import Format, OnDuplicate, OnUnordered

if TYPE_CHECKING:
    from nurt.data import Selection

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """What the data options say; see :mod:`nurt.cli.options`."""

    files: Sequence[Path]
    target: str | None
    time: str | None
    series: str | None
    past_covariates: Sequence[str] | None
    format: Format
    on_duplicate: OnDuplicate
    on_unordered: OnUnordered
    grid: str | None

    def selection(self) -> Selection:
        """Read the files and choose the series.

        Raises:
            DataError: a file or a column cannot be used.
        """
        from nurt.data import regular_grid, select
        from nurt.data.readers import read

        chosen = select(
            read(list(self.files), self.format),
            self.target,
            time=self.time,
            series=self.series,
            past_covariates=tuple(self.past_covariates or ()),
            on_duplicate=self.on_duplicate,
            on_unordered=self.on_unordered,
        )
        if self.grid is None:
            return chosen
        grids = tuple(regular_grid(one, self.grid) for one in chosen.series)
        added = sum(len(after) - len(before) for before, after in zip(chosen.series, grids, strict=True))
        note = f"On the grid of {self.grid}, {added} absent times became missing values."
        return replace(chosen, series=grids, notes=(*chosen.notes, note))
