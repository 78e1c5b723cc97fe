"""Time labels of any kind come in one of four forms."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from nurt.data.labels import are_ordered, as_labels
from nurt.errors import DataError

NOON = datetime.datetime(2020, 1, 1, 12)


@pytest.mark.parametrize(
    ("given", "dtype", "first"),
    [
        ([datetime.date(2020, 1, 1)], "datetime64[D]", "2020-01-01"),
        ([datetime.datetime(2020, 1, 1)], "datetime64[D]", "2020-01-01"),
        ([NOON], "datetime64[s]", "2020-01-01T12:00:00"),
        ([NOON.replace(microsecond=5)], "datetime64[us]", "2020-01-01T12:00:00.000005"),
        ([NOON.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))], "datetime64[s]", "2020-01-01T10:00:00"),
        (np.array(["2020-01"], dtype="datetime64[M]"), "datetime64[D]", "2020-01-01"),
        (np.array(["2020-01-01T12"], dtype="datetime64[ns]"), "datetime64[s]", "2020-01-01T12:00:00"),
        (["2020-01-01 12:00"], "datetime64[s]", "2020-01-01T12:00:00"),
        (["01.02.2020"], "datetime64[D]", "2020-02-01"),
        ([3], "int64", "3"),
        (np.array([3], dtype=np.uint8), "int64", "3"),
        ([3.0], "int64", "3"),
        (np.array([3], dtype=object), "int64", "3"),
        (["week 3"], "<U6", "week 3"),
    ],
)
def test_labels_take_their_plainest_form(given: Any, dtype: str, first: str) -> None:
    labels = as_labels(given)
    assert labels.dtype == np.dtype(dtype)
    assert str(labels[0]) == first
    assert are_ordered(labels) == (labels.dtype.kind != "U")


@pytest.mark.parametrize(
    "given",
    [[1, None], [1.0, float("nan")], [NOON, None], np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"), ["a", None]],
)
def test_missing_labels_are_refused_with_their_row(given: Any) -> None:
    with pytest.raises(DataError, match=r"when: 1 time label.*row 2"):
        as_labels(given, what="when")


def test_the_missing_mark_of_pandas_is_a_missing_label() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match=r"1 time label.*row 1"):
        as_labels(np.array([pandas.NA, 1], dtype=object))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([1.5], "cannot label time"),
        ([True], "cannot label time"),
        ([[1]], "must have one axis"),
        (["2020-01-01", "02.01.2020"], "date forms are mixed"),
        ([NOON, NOON.replace(tzinfo=datetime.UTC)], "some times carry an offset"),
    ],
)
def test_other_labels_are_refused(given: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        as_labels(given)
