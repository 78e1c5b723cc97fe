"""Time labels in one form: dates, seconds, integers or text; ordered and free of duplicates where they can be."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from nurt.errors import DataError

__all__ = ["are_ordered", "as_labels", "refuse_missing"]


def as_labels(values: Any, *, what: str = "time") -> np.ndarray:
    """Bring time labels of any kind into one of four forms.

    Dates (and datetimes that all fall on midnight) become ``datetime64[D]``, other datetimes ``datetime64[s]``
    (``[us]`` only where fractions of a second would be lost), whole numbers int64. Text of one date form is parsed;
    other text stays as it is, and has no order.

    Args:
        values: an array or sequence, shape (T,).
        what: name of the column, for messages.

    Raises:
        DataError: a label is missing, or the labels are of no such kind.
    """
    labels = np.asarray(values)
    if labels.ndim != 1:
        raise DataError(f"{what}: time labels must have one axis.", expected="shape (T,)", got=str(labels.shape))
    if labels.dtype == object:
        labels = _of_objects(labels, what)
    if labels.dtype.kind == "U":
        labels = _of_text(labels, what)
    if labels.dtype.kind == "M":
        refuse_missing(np.isnat(labels), what)
        return _coarsest(labels)
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        refuse_missing(np.isnan(labels), what)
        whole = labels.astype(np.int64)
        if np.array_equal(whole, labels):
            return whole
    if labels.dtype.kind == "U":
        return labels
    raise DataError(
        f"{what}: these values cannot label time.",
        expected="dates, datetimes, whole numbers or text",
        got=f"{labels.dtype} such as {labels[0]!r}" if labels.size else str(labels.dtype),
        cure="Choose another time column.",
    )


def are_ordered(labels: np.ndarray) -> bool:
    """Tell whether labels have an order at all: text does not ("week 10" is before "week 2")."""
    return labels.dtype.kind in "Mi"


def _of_objects(labels: np.ndarray, what: str) -> np.ndarray:
    refuse_missing(np.array([_is_missing(label) for label in labels]), what)
    if all(isinstance(label, datetime.datetime | datetime.date | np.datetime64) for label in labels):
        if any(getattr(label, "tzinfo", None) is not None for label in labels):
            labels = _in_utc(labels, what)
        return labels.astype("datetime64[us]")
    if all(isinstance(label, int | np.integer) for label in labels):
        return labels.astype(np.int64)
    return labels.astype(str)


def _in_utc(labels: np.ndarray, what: str) -> np.ndarray:
    if any(label.tzinfo is None for label in labels):
        raise DataError(f"{what}: some times carry an offset from UTC and others do not.", cure="Write all in UTC.")
    return np.array([label.astimezone(datetime.UTC).replace(tzinfo=None) for label in labels], dtype=object)


def _of_text(labels: np.ndarray, what: str) -> np.ndarray:
    from nurt.data.readers.dates import form_of, parse_dates

    if not labels.size or form_of(str(labels[0])) is None:
        return labels
    import polars as pl

    parsed = parse_dates(pl.Series(what, labels.tolist()), lambda row: f"{what}, row {row + 1}")
    return parsed.values.to_numpy()


def _is_missing(label: object) -> bool:
    """None, and what differs from itself (NaN, NaT) or refuses to say so (pandas.NA)."""
    try:
        return label is None or bool(label != label)
    except TypeError:
        return True


def refuse_missing(missing: np.ndarray, what: str) -> None:
    """Refuse time labels of which some are missing.

    Args:
        missing: True where a label is missing, bool (T,).
        what: name of the column, for messages.

    Raises:
        DataError: any is missing.
    """
    if missing.any():
        raise DataError(
            f"{what}: {int(missing.sum())} time label(s) are missing, the first in row {int(missing.argmax()) + 1}.",
            cure="Fill in these labels or remove the rows.",
        )


def _coarsest(labels: np.ndarray) -> np.ndarray:
    unit = np.datetime_data(labels.dtype)[0]
    if unit in ("D", "W", "M", "Y"):
        return labels.astype("datetime64[D]")
    days = labels.astype("datetime64[D]")
    if np.array_equal(days.astype(labels.dtype), labels):
        return days
    seconds = labels.astype("datetime64[s]")
    if np.array_equal(seconds.astype(labels.dtype), labels):
        return seconds
    return labels.astype("datetime64[us]")
