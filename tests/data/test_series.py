"""A series keeps its parts together and refuses what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.data import Series
from nurt.errors import NurtValueError, ShapeError


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
