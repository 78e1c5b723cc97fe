"""Time labels of any kind come in one of four forms."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import Series, absent_stamps, regular_grid
from nurt.data.clock import LocalClock
from nurt.data.time_axis import are_ordered, as_labels, labels_after
from nurt.errors import DataError, NurtValueError

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
        ([NOON, NOON.replace(tzinfo=datetime.UTC)], "some times have an offset"),
    ],
)
def test_other_labels_are_refused(given: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        as_labels(given)


def stamps(*texts: str, unit: str = "s") -> np.ndarray:
    return np.array(texts, dtype=f"datetime64[{unit}]")


@given(
    kept=st.sets(st.integers(0, 199), min_size=1), step=st.sampled_from([("1h", 3600), ("15min", 900), ("2d", 172800)])
)
def test_any_hours_left_out_come_back_as_missing(kept: set[int], step: tuple[str, int]) -> None:
    positions = np.array(sorted(kept))
    time = np.datetime64("2020-02-28T23:00:00") + positions * np.timedelta64(step[1], "s")
    series = Series(positions + 0.5, time=time, covariates=positions[:, None], covariate_names=("c",))
    grid = regular_grid(series, step[0])
    assert len(grid) == positions[-1] - positions[0] + 1
    assert len(absent_stamps(series, step[0])) == len(grid) - len(series)
    there = np.isin(grid.time, time)
    np.testing.assert_array_equal(grid.values[there], series.values)
    np.testing.assert_array_equal(grid.covariates[there], series.covariates)
    assert np.isnan(grid.values[~there]).all()
    assert np.isnan(grid.covariates[~there]).all()
    assert set(np.diff(grid.time).astype(int).tolist()) <= {step[1]}


def test_days_stay_days() -> None:
    series = Series(np.array([1.0, 2.0]), name="a", target="b", time=stamps("2020-02-28", "2020-03-01", unit="D"))
    grid = regular_grid(series, "1d")
    assert grid.time.dtype == np.dtype("datetime64[D]")
    assert [str(day) for day in grid.time] == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert (grid.name, grid.target) == ("a", "b")


def test_days_become_hours_when_the_step_asks_for_them() -> None:
    grid = regular_grid(Series(np.array([1.0, 2.0]), time=stamps("2020-02-28", "2020-02-29", unit="D")), "12h")
    assert [str(hour) for hour in grid.time] == ["2020-02-28T00:00:00", "2020-02-28T12:00:00", "2020-02-29T00:00:00"]


@pytest.mark.parametrize(
    ("labels", "step", "expected"),
    [
        (["2020-01-01", "2020-03-01"], "1mo", ["2020-01-01", "2020-02-01", "2020-03-01"]),
        (["2020-01-15", "2020-04-15"], "1mo", ["2020-01-15", "2020-02-15", "2020-03-15", "2020-04-15"]),
        (["2020-01-31", "2020-03-31"], "1mo", ["2020-01-31", "2020-02-29", "2020-03-31"]),
        (["2019-01-30", "2019-03-30"], "1mo", ["2019-01-30", "2019-02-28", "2019-03-30"]),
        (["2020-01-01", "2020-07-01"], "3mo", ["2020-01-01", "2020-04-01", "2020-07-01"]),
        (["2018-05-01", "2020-05-01"], "1y", ["2018-05-01", "2019-05-01", "2020-05-01"]),
        (["2020-01-06", "2020-01-20"], "1w", ["2020-01-06", "2020-01-13", "2020-01-20"]),
    ],
)
def test_months_years_and_weeks_are_counted(labels: list[str], step: str, expected: list[str]) -> None:
    grid = regular_grid(Series(np.arange(len(labels)) + 1.0, time=stamps(*labels, unit="D")), step)
    assert [str(day) for day in grid.time] == expected
    assert np.isnan(grid.values[1:-1]).all()


@pytest.mark.parametrize("step", [2, "2"])
def test_integers_take_an_integer_step(step: int | str) -> None:
    grid = regular_grid(Series(np.array([1.0, 2.0]), time=np.array([3, 7])), step)
    assert grid.time.tolist() == [3, 5, 7]


@pytest.mark.parametrize(
    ("labels", "step", "following"),
    [
        (["2020-02-28", "2020-02-29"], "1d", ["2020-03-01", "2020-03-02"]),
        (["2020-02-28T22:00", "2020-02-28T23:00"], "1h", ["2020-02-29T00:00:00", "2020-02-29T01:00:00"]),
        (["2020-01-31", "2020-02-29"], "1mo", ["2020-03-31", "2020-04-30"]),
        (["2019-01-30", "2019-03-30"], "1mo", ["2019-04-30", "2019-05-30"]),
        (["2019-01-01", "2020-01-01"], "1y", ["2021-01-01", "2022-01-01"]),
    ],
)
def test_the_labels_after_the_last_follow_the_grid(labels: list[str], step: str, following: list[str]) -> None:
    unit = "s" if "T" in labels[0] else "D"
    grid = regular_grid(Series(np.arange(len(labels)) + 1.0, time=stamps(*labels, unit=unit)), step)
    assert labels_after(grid, 2) == tuple(following)
    assert labels_after(grid, 0) == ()


def test_integers_are_counted_on() -> None:
    assert labels_after(regular_grid(Series(np.zeros(2), time=np.array([3, 7])), 2), 3) == ("9", "11", "13")


def test_where_no_step_is_certain_the_next_label_is_unknown() -> None:
    assert labels_after(Series(np.zeros(2), time=np.array([3, 7])), 1) is None
    assert labels_after(Series(np.zeros(2)), 1) is None
    assert labels_after(Series(np.zeros(3), time=np.array(["a", "b", "c"])), 1) is None
    assert labels_after(Series(np.zeros(4), time=np.array([3, 4, 5, 7])), 1) is None


@pytest.mark.parametrize(
    ("labels", "following"),
    [
        (["2020-12-30", "2020-12-31", "2021-01-01"], None),
        (["2020-12-30", "2020-12-31", "2021-01-01", "2021-01-02"], ("2021-01-03", "2021-01-04")),
        (["2020-12-31", "2021-01-01", "2021-01-04"], ("2021-01-05", "2021-01-06")),
        (["2021-01-06", "2021-01-07", "2021-01-08", "2021-01-11", "2021-01-12", "2021-01-13", "2021-01-14",
          "2021-01-15"], ("2021-01-18", "2021-01-19")),
        (["2021-01-06", "2021-01-07", "2021-01-11"], None),
        (["2021-07-01", "2021-08-01", "2021-09-01"], ("2021-10-01", "2021-11-01")),
        (["2020-12-31", "2021-01-31", "2021-02-28"], ("2021-03-31", "2021-04-30")),
        (["2020-01-01", "2020-04-01", "2020-07-01"], ("2020-10-01", "2021-01-01")),
        (["2019-01-01", "2020-01-01", "2021-01-01"], ("2022-01-01", "2023-01-01")),
        (["2021-01-04", "2021-01-11", "2021-01-18"], ("2021-01-25", "2021-02-01")),
        (["2021-01-04T10:00", "2021-01-04T10:15", "2021-01-04T10:30"], ("2021-01-04T10:45:00", "2021-01-04T11:00:00")),
        (["2021-01-04T10:00", "2021-01-04T10:15", "2021-01-04T10:45"], None),
    ],
)  # fmt: skip
def test_regular_labels_go_on_without_a_grid(labels: list[str], following: tuple[str, ...] | None) -> None:
    unit = "s" if "T" in labels[0] else "D"
    series = Series(np.arange(len(labels)) + 1.0, time=stamps(*labels, unit=unit))
    assert labels_after(series, 2) == following


def test_days_by_a_local_clock_go_on_over_its_change() -> None:
    instants = stamps("2021-03-25T23:00", "2021-03-26T23:00", "2021-03-27T23:00", "2021-03-28T22:00")
    clock = LocalClock.of(instants, np.array([60, 60, 60, 120]))
    series = Series(np.arange(4.0), time=instants, clock=clock)
    assert labels_after(series, 2) == ("2021-03-30T00:00:00+02:00", "2021-03-31T00:00:00+02:00")


def test_labels_known_ahead_are_the_next_ones() -> None:
    trading = stamps("2021-12-22", "2021-12-23", "2021-12-27", unit="D")
    ahead = stamps("2021-12-28", "2022-01-03", unit="D")
    series = Series(np.arange(3.0), time=trading, ahead=np.empty((2, 0)), ahead_time=ahead)
    assert labels_after(series, 2) == ("2021-12-28", "2022-01-03")
    assert labels_after(series, 3) is None


def test_a_grid_takes_what_is_known_ahead_along() -> None:
    series = Series(
        np.array([1.0, 2.0]),
        time=stamps("2021-01-01", "2021-01-03", unit="D"),
        covariates=np.array([[1.0, 5.0], [2.0, 6.0]]),
        covariate_names=("past", "known"),
        ahead=np.array([[7.0], [9.0]]),
        ahead_names=("known",),
        ahead_time=stamps("2021-01-04", "2021-01-06", unit="D"),
    )
    grid = regular_grid(series, "1d")
    np.testing.assert_array_equal(grid.values, [1.0, np.nan, 2.0])
    np.testing.assert_array_equal(grid.ahead, [[7.0], [np.nan], [9.0]])
    assert labels_after(grid, 3) == ("2021-01-04", "2021-01-05", "2021-01-06")
    assert grid.ahead_names == ("known",)


@pytest.mark.parametrize(
    ("time", "step", "count"),
    [
        (np.array([1990, 1992, 1993]), "1y", 4),
        (stamps("2020-01-01", "2020-07-01", unit="D"), "1q", 3),
        (stamps("2020-01-06", "2020-01-20", unit="D"), "1w", 3),
        (stamps("2020-01-06", "2020-01-20", unit="D"), "1week", 3),
    ],
)
def test_quarters_weeks_and_years_are_steps(time: np.ndarray, step: str, count: int) -> None:
    assert len(regular_grid(Series(np.arange(len(time)) + 1.0, time=time), step)) == count


def test_whole_numbers_that_are_no_years_refuse_a_step_in_years() -> None:
    with pytest.raises(NurtValueError, match="the labels are integers") as refusal:
        regular_grid(Series(np.arange(2.0), time=np.array([1, 3])), "1y")
    assert "--time-format" in str(refusal.value)


def test_a_full_grid_stays_as_it_is() -> None:
    series = Series(np.array([1.0, np.nan]), time=stamps("2020-01-01T01:00", "2020-01-01T02:00"))
    grid = regular_grid(series)
    np.testing.assert_array_equal(grid.time, series.time)
    np.testing.assert_array_equal(grid.values, series.values)


def test_a_stamp_off_the_grid_is_named() -> None:
    series = Series(np.zeros(3), time=stamps("2020-01-01T01:00", "2020-01-01T02:30", "2020-01-01T03:00"))
    with pytest.raises(DataError, match=r"1 stamp.*off a grid of step 1h, the first at 2020-01-01T02:30:00"):
        regular_grid(series)


@pytest.mark.parametrize("time", [None, np.array(["a", "b"])])
def test_without_labels_in_order_there_is_no_grid(time: np.ndarray | None) -> None:
    with pytest.raises(DataError, match="cannot be put on a regular grid"):
        regular_grid(Series(np.zeros(2), time=time))


@pytest.mark.parametrize("step", ["", "h", "0h", "1.5h", "1 fortnight", "-1h", 3])
def test_steps_that_cannot_be_read_are_refused(step: str | int) -> None:
    with pytest.raises(NurtValueError, match="the step cannot be read"):
        regular_grid(Series(np.zeros(1), time=stamps("2020-01-01")), step)


@pytest.mark.parametrize("step", [0, -1, "1h"])
def test_integers_refuse_other_steps(step: str | int) -> None:
    with pytest.raises(NurtValueError, match="the labels are integers"):
        regular_grid(Series(np.zeros(1), time=np.array([1])), step)


def test_two_values_for_one_stamp_are_refused() -> None:
    with pytest.raises(DataError, match="two values for one stamp"):
        regular_grid(Series(np.zeros(2), time=np.array([1, 1])), 1)


@pytest.mark.parametrize(
    ("labels", "step"),
    [
        ([-5 * 10**18, 0, 4 * 10**18], 1),
        ([0, 1, 10**12], "1"),
        (["2020-01-01", "2020-01-02", "2220-01-01"], "1s"),
        (["2020-01-01T00:00", "2020-01-01T00:01", "2220-01-01T00:00"], "1min"),
    ],
)
def test_a_grid_that_one_far_label_makes_endless_is_refused(labels: list[Any], step: str | int) -> None:
    series = Series(np.arange(3.0), time=as_labels(labels))
    with pytest.raises(DataError, match="points, the series 3") as caught:
        regular_grid(series, step)
    assert series.label(2) in str(caught.value)


def test_a_long_grid_below_the_bound_is_made() -> None:
    far = Series(np.arange(3.0), time=as_labels(["2020-01-01", "2020-01-02", "2220-01-01"]))
    assert len(regular_grid(far, "1d")) == 73_049
    wide = Series(np.arange(3.0), time=np.array([-(10**17), 0, 10**17]))
    assert regular_grid(wide, 10**17).values.tolist() == [0, 1, 2]
    assert labels_after(regular_grid(wide, 10**17), 100)[-1] == str(101 * 10**17)


@pytest.mark.parametrize("step", ["²", "9" * 30, 10**18, "-1", "", "1.5", "0"])
def test_steps_between_integers_are_whole_numbers(step: str | int) -> None:
    with pytest.raises(NurtValueError, match="positive integer step"):
        regular_grid(Series(np.arange(3.0), time=np.arange(3)), step)


@pytest.mark.parametrize("step", ["9999999d", "²d", "0d", "1 dy", "d"])
def test_steps_between_times_are_short_numbers_and_a_unit(step: str) -> None:
    with pytest.raises(NurtValueError, match="at most 6 digits"):
        regular_grid(Series(np.arange(2.0), time=as_labels(["2020-01-01", "2020-01-02"])), step)
