"""Covariates known ahead, and categories coded as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nurt.data import Series, fingerprint, from_arrays, from_frame
from nurt.data.covariates import require_known_ahead, with_levels
from nurt.errors import DataError, NurtValueError, ShapeError

DAYS = np.array(["2021-01-01", "2021-01-02", "2021-01-03"], dtype="datetime64[D]")
SERIES = Series(
    np.arange(3.0),
    name="a",
    time=DAYS,
    covariates=np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]]),
    covariate_names=("wind", "sky"),
    ahead=np.array([[1.0], [np.nan]]),
    ahead_names=("sky",),
    levels={"sky": ("clear", "rain")},
)


def test_a_future_covariate_must_be_known_for_every_step() -> None:
    require_known_ahead(SERIES, 1)
    with pytest.raises(DataError, match=r"'sky' of series 'a' is not known for step 2 of 3 \(2021-01-05\)") as refusal:
        require_known_ahead(SERIES, 3)
    assert "values for the first 1" in str(refusal.value)
    nothing = replace(SERIES, ahead=np.empty((0, 1)), time=None)
    with pytest.raises(DataError, match=r"step 1 of 2\."):
        require_known_ahead(nothing, 2)


def test_without_future_covariates_nothing_must_be_known() -> None:
    require_known_ahead(Series(np.arange(3.0)), 100)


@pytest.mark.parametrize(
    ("changed", "kind", "reason"),
    [
        ({"ahead": np.empty((2, 2))}, ShapeError, "one column per name"),
        ({"ahead": np.empty(3)}, ShapeError, "one column per name"),
        ({"ahead_names": ("moon",)}, NurtValueError, "must be covariates"),
        ({"ahead_time": DAYS}, ShapeError, "must label every row"),
    ],
)
def test_what_is_known_ahead_must_fit(changed: dict[str, object], kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        replace(SERIES, **changed)


def test_categories_are_coded_as_before() -> None:
    before = {"sky": ("clear", "fog", "rain")}
    again = with_levels(SERIES, before)
    assert again.covariates[:, 1].tolist() == [2.0, 0.0, 2.0]
    assert again.covariates[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert again.ahead[0, 0] == 2.0
    assert np.isnan(again.ahead[1, 0])
    assert again.levels == before
    assert fingerprint(again) == fingerprint(SERIES)


def test_an_unseen_category_is_refused_and_an_unused_one_is_not() -> None:
    with pytest.raises(DataError, match="'rain' of covariate 'sky', series 'a', was not seen"):
        with_levels(SERIES, {"sky": ("clear", "fog")})
    dry = replace(SERIES, covariates=np.zeros((3, 2)), ahead=np.zeros((2, 1)))
    assert with_levels(dry, {"sky": ("clear", "fog")}).covariates[:, 1].tolist() == [0.0] * 3


def test_words_do_not_take_the_place_of_numbers() -> None:
    with pytest.raises(DataError, match="'sky' of series 'a' holds text, but held numbers before"):
        with_levels(SERIES, {})


def test_the_digest_covers_what_is_known_ahead() -> None:
    changed = [
        SERIES,
        replace(SERIES, ahead=np.array([[0.0], [np.nan]])),
        replace(SERIES, static={"kind": "urban"}),
        replace(SERIES, static={"kind": 1.0}),
        replace(SERIES, levels={"sky": ("clear", "snow")}),
        replace(SERIES, levels={}),
        replace(SERIES, ahead=np.empty((0, 0)), ahead_names=()),
    ]
    digests = [fingerprint(one) for one in changed]
    assert len(set(digests)) == len(digests)


def test_frames_take_the_same_roles() -> None:
    frame = {"ds": DAYS, "y": [1.0, 2.0, None], "sky": ["rain", "clear", "rain"], "kind": ["urban"] * 3}
    pl = pytest.importorskip("polars")
    series = from_frame(pl.DataFrame(frame), future_covariates=["sky"], static=["kind"]).series[0]
    assert series.values.tolist() == [1.0, 2.0]
    assert series.ahead.tolist() == [[1.0]]
    assert (series.levels, series.static) == ({"sky": ("clear", "rain")}, {"kind": "urban"})
    both = from_frame(pl.DataFrame({"ds": DAYS, "a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]}), target="all").series
    assert [one.name for one in both] == ["a", "b"]


def test_arrays_know_the_future_by_their_length() -> None:
    series = from_arrays(np.arange(3.0), past_covariates=np.zeros(3), future_covariates=np.arange(5.0)).series[0]
    assert series.covariate_names == ("covariate_1", "future_covariate_1")
    assert series.covariates[:, 1].tolist() == [0.0, 1.0, 2.0]
    assert series.ahead[:, 0].tolist() == [3.0, 4.0]
    with pytest.raises(ShapeError, match="at least one row per value"):
        from_arrays(np.arange(3.0), future_covariates=np.zeros(2))
