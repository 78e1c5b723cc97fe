"""From the files a person gives to one series."""

from __future__ import annotations

from collections.abc import Sequence

from nurt.data import Series, select
from nurt.data.readers import read
from nurt.errors import DataError

__all__ = ["one_series"]


def one_series(files: Sequence[str], target: str) -> Series:
    """Return the series of a column; with one column of numbers its name does not matter.

    Args:
        files: paths of one format.
        target: the name of the column, or a part that only one name holds.

    Raises:
        DataError: the files cannot be read, or the column is not there or not alone.
    """
    table = read(list(files))
    if len(table.columns) == 1:
        return select(table).series[0]
    found = [target] if target in table.columns else [name for name in table.columns if target in name]
    if len(found) != 1:
        raise DataError(
            f"{len(found)} columns of {', '.join(table.sources)} hold {target!r} in their name.",
            expected="one",
            got=", ".join(found or table.columns[:10]),
            cure="Give a file with the one column.",
        )
    return select(table, found[0]).series[0]
