"""Blocks that recur are found exactly, against a search by brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.evaluation.forecasts.audits.leakage.repeats import repeated_block


def by_brute_force(rows, size, boundary):
    def usable(start):
        block = rows[start : start + size]
        return np.isfinite(block).all() and (np.diff(block[:, 0]) != 0).any()

    later = [
        second
        for second in range(boundary, len(rows) - size + 1)
        if usable(second)
        and any(
            usable(first) and np.array_equal(rows[first : first + size], rows[second : second + size])
            for first in range(boundary - size + 1)
        )
    ]
    return len(later), (later[0] if later else None)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_it_finds_what_brute_force_finds(data):
    length = data.draw(st.integers(0, 40))
    columns = data.draw(st.integers(1, 3))
    cell = st.sampled_from([0.0, -0.0, 1.0, 2.5, -1e300, np.nan])
    rows = np.array(data.draw(st.lists(cell, min_size=length * columns, max_size=length * columns))).reshape(
        -1, columns
    )
    size = data.draw(st.integers(2, 5))
    boundary = data.draw(st.integers(0, length))
    count, second = by_brute_force(rows, size, boundary)
    found = repeated_block(rows, size, boundary)
    assert (found is None) == (count == 0)
    if found is not None:
        assert (found[0], found[2]) == (count, second)
        assert np.array_equal(rows[found[1] : found[1] + size], rows[found[2] : found[2] + size])


def test_long_series_of_rounded_values_give_no_false_alarm():
    rows = np.random.default_rng(0).integers(0, 50, (20_000, 1)).astype(float)
    assert repeated_block(rows, 8, 12_000) is None


def test_one_copied_block_in_a_long_series_is_found():
    rows = np.random.default_rng(0).integers(0, 50, (20_001, 2)).astype(float)
    rows[19_000:19_030] = rows[77:107]
    assert repeated_block(rows, 30, 12_000) == (1, 77, 19_000)
