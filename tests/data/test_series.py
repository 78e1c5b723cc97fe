"""A series keeps its parts together and refuses what does not fit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from nurt.data import Series, check_series, fingerprint, require_usable
from nurt.errors import DataError, NurtValueError, ShapeError


def test_values_are_float64_and_contiguous() -> None:
    series = Series(np.arange(6, dtype=np.int32)[::2])
    assert series.values.dtype == np.float64
    assert series.values.flags["C_CONTIGUOUS"]
    assert len(series) == 3
    assert series.covariates.shape == (3, 0)


def test_labels_are_times_or_positions() -> None:
    dated = Series(np.zeros(2), time=np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"))
    assert dated.label(1) == "2020-01-02"
    assert Series(np.zeros(2)).label(1) == "observation 2"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"values": np.zeros((2, 2))}, "must have one axis"),
        ({"values": np.zeros(2), "time": np.arange(3)}, "label every value"),
        ({"values": np.zeros(2), "covariates": np.zeros((3, 1)), "covariate_names": ("c",)}, "one row per value"),
        ({"values": np.zeros(2), "covariates": np.zeros((2, 2)), "covariate_names": ("c",)}, "one column per name"),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        Series(**arguments)


def test_infinite_values_are_refused_with_their_place() -> None:
    with pytest.raises(NurtValueError, match="1 infinite value") as refusal:
        Series(np.array([1.0, -np.inf]), time=np.array([7, 8]))
    assert "-inf at 8" in str(refusal.value)


def test_clean_data_show_nothing() -> None:
    check = check_series([Series(np.arange(10.0))], 5, 5)
    assert check.findings == ()
    assert str(check) == "No problems were found in the data."


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


def test_a_series_too_short_for_any_window_is_refused() -> None:
    require_usable(Series(np.arange(9.0)), 6, 3)
    with pytest.raises(DataError, match="too short: it has 8 observations") as refusal:
        require_usable(Series(np.arange(8.0)), 6, 3)
    assert "6 + 3 = 9" in str(refusal.value)


def test_constant_and_unobserved_targets_are_refused_and_constant_covariates_are_not() -> None:
    with pytest.raises(DataError, match="constant: every observed value is 5"):
        require_usable(Series(np.array([5.0, np.nan, 5.0])), 1, 1)
    with pytest.raises(DataError, match="no observed value"):
        require_usable(Series(np.full(3, np.nan)), 1, 1)
    require_usable(Series(np.arange(3.0), covariates=np.ones((3, 1)), covariate_names=("c",)), 1, 1)


SERIES = Series(
    np.array([1.0, np.nan, 0.0]),
    name="a",
    target="y",
    time=np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
    covariates=np.array([[1.0], [2.0], [3.0]]),
    covariate_names=("c",),
)


def test_it_is_a_sha_256_and_repeatable() -> None:
    assert len(fingerprint(SERIES)) == 64
    assert fingerprint(SERIES) == fingerprint(replace(SERIES)) == fingerprint([SERIES])


def test_it_is_the_same_everywhere() -> None:
    """A stored digest guards against any change of the recipe: model files compare against it."""
    assert (
        fingerprint(Series(np.array([1.0, 2.0]))) == "6f66323833345530ad573dfe263cc4dc52ff43dce02eba01828d1d189fb75050"
    )


def test_every_visible_change_changes_it() -> None:
    assert SERIES.time is not None
    changed = [
        replace(SERIES, values=np.array([1.0, np.nan, 1e-300])),
        replace(SERIES, values=np.array([1.0, 0.0, np.nan])),
        replace(SERIES, name="b"),
        replace(SERIES, target="z"),
        replace(SERIES, time=SERIES.time + 1),
        replace(SERIES, time=None),
        replace(SERIES, covariates=np.array([[1.0], [2.0], [4.0]])),
        replace(SERIES, covariate_names=("d",)),
        replace(SERIES, name="ay", target=""),
    ]
    digests = [fingerprint(series) for series in (SERIES, *changed)]
    digests += [fingerprint([SERIES, SERIES]), fingerprint([SERIES, changed[0]]), fingerprint([changed[0], SERIES])]
    assert len(set(digests)) == len(digests)


def test_invisible_changes_do_not_change_it() -> None:
    other_nan = np.frombuffer(np.array([0x7FF8000000000123], dtype=np.uint64).tobytes(), dtype=np.float64)[0]
    assert fingerprint(replace(SERIES, values=np.array([1.0, other_nan, -0.0]))) == fingerprint(SERIES)
    strided = np.array([1.0, 9.0, np.nan, 9.0, 0.0])[::2]
    assert fingerprint(replace(SERIES, values=strided)) == fingerprint(SERIES)
