"""Codes for missing values among numbers: noticed where they lie far outside, silent where a series reaches them."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.data.sentinels import sentinel_notes, sentinels

FLOW = 50.0 + 10.0 * np.sin(np.arange(100.0))


def with_code(values: np.ndarray, code: float, count: int) -> np.ndarray:
    coded = values.copy()
    coded[3 : 3 + 7 * count : 7] = code
    return coded


@pytest.mark.parametrize("code", [-9999.0, -999.0, -99.0, -999.9, 999.0, 9999.0, 99999.0, -32768.0, 1e20])
@pytest.mark.parametrize("count", [2, 9])
def test_a_code_far_outside_is_noticed(code: float, count: int) -> None:
    assert sentinels(with_code(FLOW, code, count)) == [(code, count)]


def test_a_negative_code_is_noticed_in_a_series_that_never_is_negative() -> None:
    assert sentinels(with_code(np.abs(5000.0 * np.sin(np.arange(100.0))), -999.0, 3)) == [(-999.0, 3)]


def test_a_negative_code_beside_one_constant_is_noticed() -> None:
    assert sentinels(np.r_[np.zeros(30), -9999.0, -9999.0]) == [(-9999.0, 2)]


def test_two_codes_are_noticed() -> None:
    both = with_code(FLOW, -9999.0, 4)
    both[1:3] = -999.0
    assert sentinels(both) == [(-9999.0, 4), (-999.0, 2)]


SILENT = {
    "no code at all": FLOW,
    "a code once": with_code(FLOW, -9999.0, 1),
    "a series that reaches 999": np.r_[np.arange(900.0, 1100.0), 999.0, 999.0],
    "a series below 999 that repeats it": np.r_[np.linspace(0.0, 998.0, 50), 999.0, 999.0],
    "a temperature at -99": np.r_[np.linspace(-120.0, 20.0, 50), -99.0, -99.0],
    "a balance between -2000 and 2000": with_code(2000.0 * np.sin(np.arange(100.0)), -999.0, 3),
    "zeros": np.where(np.arange(100) % 3 == 0, 40.0 + np.arange(100.0), 0.0),
    "intermittent counts": np.tile([0.0, 0.0, 0.0, 5.0, 0.0, 12.0, 0.0, 99.0, 0.0, 99.0], 8),
    "a switch between two values": np.tile([0.0, 999.0], 30),
    "one constant and a code": np.r_[np.full(30, 5.0), 999.0, 999.0],
    "nothing observed": np.full(20, np.nan),
    "nothing": np.empty(0),
}


@pytest.mark.parametrize("case", SILENT)
def test_a_real_series_is_silent(case: str) -> None:
    assert sentinels(SILENT[case]) == []


def test_the_note_names_value_count_and_option() -> None:
    values = with_code(FLOW, -9999.0, 9)
    values[1] = np.nan
    (note,) = sentinel_notes({"discharge": values, "other": FLOW})
    assert "-9999 appears 9 times in column 'discharge'" in note
    assert "--missing -9999" in note
