"""Names of series: as they are written, also where they look like numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nurt.wording import quoted

if TYPE_CHECKING:
    import polars as pl

__all__ = ["joined_text", "names_of_series", "notes_on_names"]

_SHOWN = 5


def names_of_series(column: pl.Series, written: pl.Series | None) -> np.ndarray:
    """Return names as text, shape (rows,); whole numbers such as 7.0, as pandas writes them, without their fraction.

    Args:
        column: as it is typed, without missing cells.
        written: its text where that was kept; None where the numbers tell as much.
    """
    if written is None:
        return np.array(_as_text(column).to_list(), dtype=str)
    if (column % 1 == 0).all():
        written = written.str.replace(r"^([0-9]+)\.0+$", "${1}")
    return np.array(written.to_list(), dtype=str)


def notes_on_names(names: np.ndarray, numbers: pl.Series, column: str) -> tuple[str, ...]:
    """Return the note that some names differ as text and are equal as numbers, if some do.

    Args:
        names: of the series of each row, shape (rows,).
        numbers: the same cells as numbers.
        column: its name.
    """
    groups: dict[float, list[str]] = {}
    for name, value in dict(zip(names.tolist(), numbers.to_list(), strict=True)).items():
        groups.setdefault(value, []).append(name)
    same = next((found for found in groups.values() if len(found) > 1), None)
    if same is None:
        return ()
    more = f" and {len(same) - _SHOWN} more" if len(same) > _SHOWN else ""
    return (
        f"The names of series in column {quoted(column)} are taken as they are written: "
        f"{', '.join(map(quoted, same[:_SHOWN]))}{more} are different series.",
    )


def joined_text(files: Sequence[tuple[pl.DataFrame, Mapping[str, pl.Series]]]) -> dict[str, pl.Series]:
    """Return the text of the columns of which at least one file keeps it, for the rows of all files.

    Args:
        files: the columns of each, and the text that it keeps by name.
    """
    import polars as pl

    found = {}
    for name in {name: None for _, written in files for name in written}:
        parts = []
        for frame, written in files:
            if name in written:
                part = written[name]
            elif name in frame.columns:
                part = _as_text(frame[name])
            else:
                part = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
            parts.append(part.alias(name))
        found[name] = pl.concat(parts)
    return found


def _as_text(column: pl.Series) -> pl.Series:
    import polars as pl

    if column.dtype.is_numeric() and (column % 1 == 0).all():
        return column.cast(pl.Int64).cast(pl.String)
    return column if column.dtype == pl.String else pl.Series(column.name, list(map(str, column)), pl.String)
