"""Frames and arrays in memory: every kind gives the same series, under any names, and comes back as its kind."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nurt.data import from_arrays, from_frame, like
from nurt.errors import DataError, NurtTypeError, NurtValueError, ShapeError

DAYS = [datetime.datetime(2020, 1, day) for day in (1, 2, 3)]
COLUMNS: dict[str, list[Any]] = {
    "unique_id": ["A", "A", "B", "B"],
    "ds": [DAYS[1], DAYS[0], DAYS[0], DAYS[1]],
    "y": [2.0, 1.0, 10.0, None],
    "wind": [20, 10, 30, 40],
}
KINDS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": pd.DataFrame,
    "pandas with Arrow": lambda columns: pd.DataFrame(columns).convert_dtypes(dtype_backend="pyarrow"),
    "pandas nullable": lambda columns: pd.DataFrame(columns).convert_dtypes(),
    "polars": pl.DataFrame,
    "arrow": pa.table,
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_every_kind_of_frame_gives_the_same_series(kind: str) -> None:
    first, second = from_frame(KINDS[kind](COLUMNS), past_covariates=["wind"]).series
    assert (first.name, second.name, first.target) == ("A", "B", "y")
    np.testing.assert_array_equal(first.values, [1.0, 2.0])
    np.testing.assert_array_equal(second.values, [10.0])
    assert second.ahead_time[0] == first.time[1]
    np.testing.assert_array_equal(first.covariates, [[10.0], [20.0]])
    assert first.time.dtype == np.dtype("datetime64[D]")
    assert str(first.time[0]) == "2020-01-01"


@kinds
def test_renamed_columns_work_everywhere(kind: str) -> None:
    names = {"unique_id": "town", "ds": "when", "y": "load", "wind": "gust"}
    renamed = KINDS[kind]({names[name]: column for name, column in COLUMNS.items()})
    given = from_frame(renamed, "load", "when", "town", ["gust"]).series
    plain = from_frame(KINDS[kind](COLUMNS), past_covariates=["wind"]).series
    for series, expected in zip(given, plain, strict=True):
        np.testing.assert_array_equal(series.values, expected.values)
        np.testing.assert_array_equal(series.covariates, expected.covariates)
        np.testing.assert_array_equal(series.time, expected.time)
        assert series.target == "load"
        assert series.covariate_names == ("gust",)


@kinds
def test_a_forecast_comes_back_as_the_same_kind(kind: str) -> None:
    frame = KINDS[kind](COLUMNS)
    forecast = like(
        frame,
        {
            "unique_id": np.array(["A", "Bb"]),
            "ds": np.array(["2020-01-01T10:00", "2020-01-02T10:00"], dtype="datetime64[s]"),
            "step": np.array([1, 2]),
            "LSTM": np.array([1.5, np.nan]),
        },
    )
    assert type(forecast) is type(frame)
    table = pa.table(forecast) if kind != "polars" else forecast.to_arrow()
    assert table.column_names == ["unique_id", "ds", "step", "LSTM"]
    assert table["unique_id"].to_pylist() == ["A", "Bb"]
    assert table["ds"].to_pylist()[0] == datetime.datetime(2020, 1, 1, 10)
    assert table["LSTM"].to_pylist()[0] == 1.5


@kinds
def test_the_default_names_may_be_absent(kind: str) -> None:
    selection = from_frame(KINDS[kind]({"y": [3.0, 1.0, 2.0]}))
    assert selection.series[0].values.tolist() == [3.0, 1.0, 2.0]
    assert selection.series[0].time is None
    assert selection.notes == ("No column 'ds': rows are in order.",)


def test_a_pandas_index_of_dates_labels_the_rows() -> None:
    frame = pd.DataFrame({"y": [2.0, 1.0]}, index=pd.to_datetime(["2020-01-02", "2020-01-01"]))
    selection = from_frame(frame)
    assert selection.series[0].values.tolist() == [1.0, 2.0]
    assert "Time was taken from the index." in selection.notes


@pytest.mark.parametrize("name", ["target", "time", "series", "past_covariates"])
def test_a_name_given_and_absent_is_refused(name: str) -> None:
    given: Any = ["nothing"] if name == "past_covariates" else "nothing"
    with pytest.raises(DataError, match="there is no column 'nothing'") as refusal:
        from_frame(pl.DataFrame(COLUMNS), **{name: given})
    assert "unique_id, ds, y, wind" in str(refusal.value)


def test_times_with_a_zone_are_labelled_in_utc() -> None:
    hours = pd.date_range("2020-10-25 00:00", periods=4, freq="h", tz="Europe/Warsaw")
    for frame in (
        pd.DataFrame({"ds": hours, "y": range(4)}),
        pl.DataFrame({"ds": list(hours.to_pydatetime()), "y": range(4)}),
    ):
        selection = from_frame(frame)
        assert [str(label) for label in selection.series[0].time][:2] == ["2020-10-24T22:00:00", "2020-10-24T23:00:00"]
        assert any("UTC" in note for note in selection.notes)
    indexed = from_frame(pd.DataFrame({"y": range(4)}, index=hours))
    assert str(indexed.series[0].time[0]) == "2020-10-24T22:00:00"


@kinds
@pytest.mark.parametrize(
    "labels", [[3, 1, 2], ["20200103", "20200101", "20200102"], [DAYS[2].date(), DAYS[0].date(), DAYS[1].date()]]
)
def test_integers_text_and_dates_label_time(kind: str, labels: list[Any]) -> None:
    assert from_frame(KINDS[kind]({"ds": labels, "y": [3.0, 1.0, 2.0]})).series[0].values.tolist() == [1.0, 2.0, 3.0]


@kinds
def test_text_among_numbers_is_shown(kind: str) -> None:
    with pytest.raises(DataError, match="row 1: 'a' in column 'y' is not a number"):
        from_frame(KINDS[kind]({"y": ["a", "b"]}))


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_infinite_values_are_refused(kind: str) -> None:
    with pytest.raises(DataError, match=r"1 infinite value.*row 2"):
        from_frame(KINDS[kind]({"y": [1.0, float("inf")]}))


@kinds
def test_contradicting_duplicates_are_refused_until_told(kind: str) -> None:
    frame = KINDS[kind]({"ds": [1, 1], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match="row 1 and row 2"):
        from_frame(frame)
    assert from_frame(frame, on_duplicate="last").series[0].values.tolist() == [2.0]


@kinds
def test_a_missing_label_or_series_is_refused(kind: str) -> None:
    with pytest.raises(DataError, match="1 time label"):
        from_frame(KINDS[kind]({"ds": [DAYS[0], None], "y": [1.0, 2.0]}))
    with pytest.raises(DataError, match="row 2: the column 'unique_id'"):
        from_frame(KINDS[kind]({"unique_id": ["A", None], "ds": DAYS[:2], "y": [1.0, 2.0]}))


def test_booleans_count_as_numbers() -> None:
    assert from_frame(pl.DataFrame({"y": [True, False]})).series[0].values.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("frame", [{"y": [1.0]}, [1.0, 2.0], pl.LazyFrame({"y": [1.0]}), None])
def test_what_is_no_frame_is_refused(frame: Any) -> None:
    with pytest.raises(NurtTypeError, match="not a frame"):
        from_frame(frame)


def test_one_array_is_one_series() -> None:
    series = from_arrays(np.array([1.0, np.nan, 3.0])).series
    assert [one.name for one in series] == ["y"]
    np.testing.assert_array_equal(series[0].values, [1.0, np.nan, 3.0])


def test_channels_are_one_series_each() -> None:
    grid = np.arange(12.0).reshape(6, 2)[::2]
    series = from_arrays(grid, time=[3, 5, 9]).series
    assert [one.name for one in series] == ["y_1", "y_2"]
    assert series[1].values.tolist() == [1.0, 5.0, 9.0]
    assert series[1].time.tolist() == [3, 5, 9]


def test_a_list_of_arrays_is_one_series_each_of_any_length() -> None:
    selection = from_arrays(
        [np.arange(3), [5.0, 6.0]],
        time=[["2020-01-01", "2020-01-02", "2020-01-03"], ["2020-01-01", "2020-01-02"]],
        past_covariates=[np.ones((3, 2)), np.ones((2, 2))],
        names=["long", "short"],
    )
    assert [(one.name, len(one)) for one in selection.series] == [("long", 3), ("short", 2)]
    assert selection.series[0].covariates.shape == (3, 2)


def test_plain_lists_masked_arrays_and_none_are_read() -> None:
    masked = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    for given in ([1.0, None, 3.0], masked, (1, float("nan"), 3)):
        np.testing.assert_array_equal(from_arrays(given).series[0].values, [1.0, np.nan, 3.0])


def test_the_values_of_a_series_are_its_own() -> None:
    """Changing the array that was passed in must not change the series."""
    given = np.arange(4.0)
    series = from_arrays(given).series[0]
    given[0] = 99.0
    assert series.values[0] == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"y": np.zeros((2, 2, 2))}, ShapeError, "wrong number of axes"),
        ({"y": ["a", "b"]}, DataError, "not numbers"),
        ({"y": []}, DataError, "there are no values"),
        ({"y": [[1.0], []]}, DataError, "series 2: there are no values"),
        ({"y": [np.zeros(3), np.zeros((2, 2))]}, ShapeError, "series 2 of the list"),
        ({"y": [np.nan, np.nan]}, DataError, "all 2 values are missing"),
        ({"y": [1.0, np.inf]}, DataError, "infinite"),
        ({"y": [1.0, 2.0], "time": [1]}, ShapeError, "one label per value"),
        ({"y": [1.0, 2.0], "time": [2, 1]}, DataError, "does not ascend at row 2: 1 after 2"),
        ({"y": [1.0, 2.0], "time": [1, 1]}, DataError, "does not ascend"),
        ({"y": [1.0, 2.0], "time": [1.5, 2.5]}, DataError, "cannot label time"),
        ({"y": [1.0, 2.0], "past_covariates": np.zeros((3, 1))}, ShapeError, "one row per value"),
        ({"y": [1.0, 2.0], "past_covariates": [[1.0], [np.inf]]}, DataError, "infinite"),
        ({"y": [[1.0], [2.0]], "past_covariates": np.zeros((1, 1))}, ShapeError, "one entry per series"),
        ({"y": [1.0, 2.0], "names": ["a", "b"]}, ShapeError, "one name per series"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: dict[str, Any], error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        from_arrays(**arguments)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(NurtValueError, match="Unknown on_duplicate"):
        from_frame(pl.DataFrame({"y": [1.0]}), on_duplicate="keep")
