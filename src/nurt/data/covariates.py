"""Covariates and static attributes: text as categories, what is known ahead, and what must be known for a forecast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nurt.data.series import Series
from nurt.data.time_axis import labels_after
from nurt.errors import DataError
from nurt.wording import name_in_words, quoted

__all__ = ["CodedColumn", "categories", "constant_of", "require_known_ahead", "with_levels"]

# A column with as many categories as rows says nothing that could be learnt.
_FEWEST_ALL_DIFFERENT = 20
_LISTED = 5


@dataclass(frozen=True)
class CodedColumn:
    """A column as numbers.

    Args:
        values: float64, NaN where missing; codes where the column held text, shape (rows,).
        levels: the categories, sorted; the code of one is its place. None where the column held numbers.
    """

    values: np.ndarray
    levels: tuple[str, ...] | None = None


def categories(cells: Sequence[str | None], name: str, source: str) -> CodedColumn:
    """Return a column of text as codes.

    Args:
        cells: None or "" where missing.
        name: of the column, for messages.
        source: where the column stands, for messages.

    Raises:
        DataError: the column holds nothing, or another text in every row.
    """
    text = np.array(["" if cell is None else str(cell) for cell in cells], dtype=object)
    present = text != ""
    levels, codes = np.unique(text[present].astype(str), return_inverse=True)
    if not levels.size:
        raise DataError(
            f"{source}: the column {quoted(name)} has no value at all.", cure="Leave it out, or choose another column."
        )
    if len(levels) == present.sum() >= _FEWEST_ALL_DIFFERENT:
        raise DataError(
            f"{source}: the column {quoted(name)} holds another text in every row, such as {quoted(str(levels[0]))}.",
            expected="numbers, or categories that repeat",
            cure="Choose another column; a column of times is named by --time (time= in Python).",
        )
    values = np.full(len(text), np.nan)
    values[present] = codes
    return CodedColumn(values, tuple(levels.tolist()))


def constant_of(
    cells: np.ndarray, rows: np.ndarray, column: str, series: str, place: Callable[[int], str]
) -> str | float:
    """Return the one value that a static column has in a series.

    Args:
        cells: of the whole column: float64 with NaN, or text with "" where missing, shape (rows of the table,).
        rows: those of the series.
        column: its name, for messages.
        series: its name, for messages.
        place: returns file and line of a row.

    Returns:
        the value; NaN or "" where every cell of the series is missing.

    Raises:
        DataError: the value changes within the series.
    """
    own = cells[rows]
    numeric = own.dtype.kind == "f"
    present = np.isfinite(own) if numeric else own != ""
    if not present.any():
        return float("nan") if numeric else ""
    first = int(np.argmax(present))
    other = present & (own != own[first])
    if other.any():
        at = int(np.argmax(other))
        raise DataError(
            f"The static column {quoted(column)} changes within the series {quoted(series)}: it is {own[first]} at "
            f"{place(int(rows[first]))} and {own[at]} at {place(int(rows[at]))}.",
            expected="one value per series",
            cure="A column that changes over time is a covariate: --past-covariate, or --future-covariate where it is "
            "known ahead.",
        )
    return float(own[first]) if numeric else str(own[first])


def require_known_ahead(series: Series, horizon: int) -> None:
    """Refuse a series whose future covariates are not known for every step of the forecast.

    Args:
        series: with A rows of ``ahead``.
        horizon: F, steps that will be forecast.

    Raises:
        DataError: a value is missing; the message names the column, the series and the first missing step.
    """
    steps, names = len(series.ahead), series.ahead_names
    if not names:
        return
    known = np.zeros((horizon, len(names)), dtype=bool)
    known[:steps] = np.isfinite(series.ahead[:horizon])
    if known.all():
        return
    step, column = (int(index) for index in np.argwhere(~known)[0])
    labels = labels_after(series, horizon)
    when = f" ({labels[step]})" if labels else ""
    whole = int(known.all(axis=1).argmin())
    raise DataError(
        f"The future covariate {quoted(names[column])} of series {quoted(series.name)} is not known for step "
        f"{step + 1} of {horizon}{when}.",
        expected=f"a value for each of the {horizon} steps after {series.label(len(series) - 1)}",
        got=f"values for the first {whole}" if whole else "no value after the last observation",
        cure="Add rows after the last observation that hold the future covariates and no target, forecast fewer steps "
        "(--horizon), or name the column as --past-covariate.",
    )


def with_levels(series: Series, levels: Mapping[str, tuple[str, ...]]) -> Series:
    """Return a series whose categories are coded as another one's are, such as those a model was fitted with.

    Args:
        series: its categorical covariates have the names of ``levels``.
        levels: the categories of each column in the order of their codes.

    Raises:
        DataError: a column is categorical here and not there, or a category occurs that is not among the levels.
    """
    if dict(series.levels) == dict(levels):
        return series
    differing = sorted(set(series.levels) ^ set(levels))
    if differing:
        text, numbers = ("text", "numbers") if differing[0] in series.levels else ("numbers", "text")
        raise DataError(
            f"The covariate {quoted(differing[0])} of series {quoted(series.name)} holds {text}, but held {numbers} "
            "before.",
            cure="Give the column as it was when the model was fitted.",
        )
    covariates, ahead = series.covariates.copy(), series.ahead.copy()
    for name, wanted in levels.items():
        own = series.levels[name]
        codes = np.array([wanted.index(level) if level in wanted else np.nan for level in own])
        places = [covariates[:, series.covariate_names.index(name)]]
        if name in series.ahead_names:
            places.append(ahead[:, series.ahead_names.index(name)])
        for column in places:
            present = np.isfinite(column)
            column[present] = _recoded(column[present].astype(int), codes, own, wanted, (name, series.name))
    return replace(series, covariates=covariates, ahead=ahead, levels=dict(levels))


def _recoded(
    codes: np.ndarray, table: np.ndarray, own: tuple[str, ...], wanted: tuple[str, ...], names: tuple[str, str]
) -> np.ndarray:
    recoded: np.ndarray = table[codes]
    unseen = np.isnan(recoded)
    if unseen.any():
        shown = ", ".join(map(name_in_words, wanted[:_LISTED])) + (", …" if len(wanted) > _LISTED else "")
        raise DataError(
            f"The category {quoted(own[int(codes[int(unseen.argmax())])])} of covariate {quoted(names[0])}, series "
            f"{quoted(names[1])}, was not seen when the model was fitted.",
            expected=f"one of {shown}",
            cure="Correct the cell, leave it empty, or fit the model on data that hold this category.",
        )
    return recoded
