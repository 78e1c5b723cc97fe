"""What is odd about data is found, placed and counted before training."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nurt.data import Series, check_series, require_length
from nurt.errors import DataError


def test_clean_data_show_nothing() -> None:
    check = check_series([Series(np.arange(10.0))], 5, 5)
    assert check.findings == ()
    assert str(check) == "The data show nothing odd."


def test_missing_and_infinite_cells_are_placed() -> None:
    series = Series(
        np.array([1.0, np.nan, 3.0]),
        name="a",
        time=np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
        covariates=np.array([[1.0], [2.0], [np.inf]]),
        covariate_names=("wind",),
    )
    check = check_series([series], 1, 1)
    assert [tuple(finding.to_dict().values()) for finding in check.findings] == [
        ("a", "2020-01-03", "wind", "infinite"),
        ("a", "2020-01-02", "y", "missing"),
    ]
    assert (check.missing, check.infinite, check.constant, check.short) == (1, 1, 0, 0)
    assert "a · wind · 2020-01-03 · infinite" in str(check)


def test_constant_columns_and_short_series_are_named() -> None:
    flat = Series(np.array([5.0, np.nan, 5.0]), name="flat", covariates=np.ones((3, 1)), covariate_names=("c",))
    check = check_series([flat, Series(np.arange(9.0), name="long")], 4, 2)
    assert [(finding.series, finding.column, finding.kind) for finding in check.findings] == [
        ("flat", "y", "short"),
        ("flat", "y", "constant"),
        ("flat", "c", "constant"),
        ("flat", "y", "missing"),
    ]
    assert (check.constant, check.short) == (2, 1)


def test_ten_cells_are_listed_and_all_are_counted() -> None:
    gaps = np.where(np.arange(50) % 2, np.nan, np.arange(50.0))
    check = check_series([Series(gaps, name="a"), Series(gaps, name="b")], 1, 1)
    assert len(check.findings) == 10
    assert check.missing == 50
    assert json.dumps(check.to_dict(), allow_nan=False)


def test_data_too_short_for_any_window_are_refused() -> None:
    require_length([Series(np.arange(3.0)), Series(np.arange(9.0))], 6, 3)
    with pytest.raises(DataError, match="longest series has 8 observations") as refusal:
        require_length([Series(np.arange(8.0))], 6, 3)
    assert "6 + 3 = 9" in str(refusal.value)
