"""The step of a time axis is found where labels are regular, and told in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data.steps import Step, find_step, step_of

UNITS = [(1, "us"), (1_000_000, "us"), (900_000_000, "us"), (1, "D"), (7, "D"), (1, "M"), (3, "M"), (12, "M")]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.arange("2020-01-01T00", "2020-01-02T00", dtype="datetime64[h]").astype("datetime64[s]"), "1 hour"),
        (np.arange("2020-01-01T00:00", "2020-01-01T03:00", 15, dtype="datetime64[m]"), "15 minutes"),
        (np.arange("2020-01-01", "2020-02-01", dtype="datetime64[D]"), "1 day"),
        (np.arange("2020-01-01", "2020-03-01", 7, dtype="datetime64[D]"), "1 week"),
        (np.arange("2020-01-01", "2020-03-01", 14, dtype="datetime64[D]"), "2 weeks"),
        (np.arange("2020-01", "2020-12", dtype="datetime64[M]").astype("datetime64[D]"), "1 month"),
        (np.arange("2018-01", "2020-12", 3, dtype="datetime64[M]").astype("datetime64[D]"), "1 quarter"),
        (np.arange("2010", "2020", dtype="datetime64[Y]").astype("datetime64[D]"), "1 year"),
        (np.arange("2010", "2020", 2, dtype="datetime64[Y]").astype("datetime64[D]"), "2 years"),
        (np.busday_offset("2021-01-04", np.arange(9)), "business days"),
        (np.arange(1880, 1890), "1"),
        (np.array(["a", "b", "c"]), None),
        (np.array([1, 2]), None),
        (np.array([], dtype="datetime64[D]"), None),
        (np.array([1, 2, 4]), None),
        (np.array([3, 2, 1]), None),
        (np.array(["2020-01-01", "2020-01-02", "2020-01-05"], dtype="datetime64[D]"), None),
        (np.array(["2020-01-30", "2020-02-29", "2020-03-31"], dtype="datetime64[D]"), None),
        (np.array(["2020-01-01T00:00:00.5", "2020-01-01T00:00:01", "2020-01-01T00:00:01.5"], "datetime64[us]"),
         "0.5 seconds"),
    ],
)  # fmt: skip
def test_steps_are_told_in_words(labels: np.ndarray, words: str | None) -> None:
    assert step_of(labels) == words


@given(step=st.sampled_from(UNITS), day=st.integers(0, 20000), count=st.integers(4, 40))
def test_what_follows_goes_on_as_before(step: tuple[int, str], day: int, count: int) -> None:
    start = np.datetime64("1970-01-01") + day
    labels = Step(*step).after(np.array([start]).astype("datetime64[us]"), count + 3)
    found = find_step(labels[:count])
    # A few working days in a row, and a step that months make by chance, are no proof.
    if found is not None:
        np.testing.assert_array_equal(found.after(labels[:count], 3), labels[count:])
    else:
        assert step[1] in ("D", "M")


@given(start=st.integers(0, 20000), count=st.integers(6, 30))
def test_working_days_never_fall_on_a_weekend(start: int, count: int) -> None:
    first = np.busday_offset(np.datetime64("1970-01-01") + start, 0, roll="forward")
    labels = np.busday_offset(first, np.arange(count))
    following = find_step(labels).after(labels, 7)
    assert np.is_busday(following).all()
    np.testing.assert_array_equal(following, np.busday_offset(first, count + np.arange(7)))
