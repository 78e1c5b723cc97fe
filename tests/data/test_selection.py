"""Choosing columns: names, order, duplicates, missing values; renamed columns must work everywhere."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data import Table, select
from nurt.errors import DataError, NurtValueError


def table(**columns: object) -> Table:
    """A table with the time column ``day`` (and series column ``town`` when given)."""
    frame = pl.DataFrame(columns, strict=False)
    time = "day" if "day" in frame.columns else None
    series = "town" if "town" in frame.columns else None
    numbers = tuple(name for name in frame.columns if frame[name].dtype.is_numeric() and name not in (time, series))
    lines = np.arange(2, frame.height + 2)
    return Table(
        frame, numbers, "table", ("f.csv",), time=time, series=series, lines=lines, origin=np.zeros_like(lines)
    )


def test_the_only_column_of_numbers_is_the_target() -> None:
    series = select(table(day=[1, 2], load=[1.5, 2.5])).series[0]
    assert (series.name, series.target) == ("load", "load")
    assert series.values.tolist() == [1.5, 2.5]
    assert series.time.tolist() == [1, 2]


def test_several_columns_of_numbers_need_a_name() -> None:
    with pytest.raises(DataError, match="no target was named, and there are 2 columns of numbers") as refusal:
        select(table(day=[1, 2], load=[1.5, 2.5], wind=[3.0, 4.0]))
    assert "load, wind" in str(refusal.value)


def test_without_any_column_of_numbers_the_text_columns_are_listed() -> None:
    with pytest.raises(DataError, match="0 columns of numbers") as refusal:
        select(table(day=[1, 2], load=["1", "x"]))
    assert "load" in str(refusal.value)


@pytest.mark.parametrize("name", ["laod", "LOAD", "load "])
def test_an_unknown_name_suggests_the_nearest(name: str) -> None:
    with pytest.raises(DataError, match="Did you mean 'load'") as refusal:
        select(table(day=[1, 2], load=[1.5, 2.5], wind=[3.0, 4.0]), name)
    assert "Columns: day, load, wind" in str(refusal.value)


def test_an_unknown_name_far_from_all_lists_the_columns() -> None:
    with pytest.raises(DataError, match=r"there is no column 'xyz'\.\nColumns: day, load"):
        select(table(day=[1, 2], load=[1.5, 2.5]), "xyz")


def test_several_targets_become_a_series_each() -> None:
    found = select(table(day=[1, 2], load=[1.5, 2.5], wind=[3.0, 4.0]), ["wind", "load"]).series
    assert [(series.name, series.target) for series in found] == [("wind", "wind"), ("load", "load")]


def test_series_are_told_apart_by_their_column_in_order_of_appearance() -> None:
    given = table(day=[1, 1, 2, 2], town=["Łódź", "Gdynia", "Łódź", "Gdynia"], load=[1.0, 10.0, 2.0, 20.0])
    found = select(given, "load").series
    assert [series.name for series in found] == ["Łódź", "Gdynia"]
    assert [series.values.tolist() for series in found] == [[1.0, 2.0], [10.0, 20.0]]


def test_series_and_targets_multiply() -> None:
    given = table(day=[1, 1], town=["A", "B"], load=[1.0, 2.0], wind=[3.0, 4.0])
    assert [series.name for series in select(given, ["load", "wind"]).series] == [
        "A load",
        "A wind",
        "B load",
        "B wind",
    ]


def test_numbered_series_are_named_by_whole_numbers() -> None:
    frame = pl.DataFrame({"station": [7.0, 8.0], "y": [1.0, 2.0]})
    found = select(Table(frame, ("y",), "table", ("f.csv",)), "y", series="station").series
    assert [series.name for series in found] == ["7", "8"]


def test_covariates_stand_beside_the_target() -> None:
    given = table(day=[2, 1], load=[2.5, 1.5], wind=[4.0, 3.0], sun=[None, 5.0])
    series = select(given, "load", past_covariates=["sun", "wind"]).series[0]
    assert series.covariate_names == ("sun", "wind")
    np.testing.assert_array_equal(series.covariates, [[5.0, 3.0], [np.nan, 4.0]])


def test_time_may_be_another_column() -> None:
    series = select(table(day=[1, 2], load=[1.5, 2.5], shift=[9, 8]), "load", time="shift").series[0]
    assert series.time.tolist() == [8, 9]
    assert series.values.tolist() == [2.5, 1.5]


def test_without_time_the_rows_are_in_order() -> None:
    series = select(table(load=[3.0, 1.0, 2.0])).series[0]
    assert series.time is None
    assert series.values.tolist() == [3.0, 1.0, 2.0]


@given(st.permutations(list(range(9))))
def test_any_order_of_rows_gives_the_same_series(order: list[int]) -> None:
    selection = select(table(day=order, load=[10.0 * day for day in order]))
    assert selection.series[0].time.tolist() == list(range(9))
    assert selection.series[0].values.tolist() == [10.0 * day for day in range(9)]
    assert bool(selection.notes) == (order != sorted(order))


def test_unordered_rows_can_be_refused_with_their_line() -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 4: the rows are not in order") as refusal:
        select(table(day=[1, 3, 2], load=[1.0, 2.0, 3.0]), on_unordered="refuse")
    assert "2 after 3" in str(refusal.value)


def test_newest_first_is_said() -> None:
    assert select(table(day=[3, 2, 1], load=[3.0, 2.0, 1.0])).notes == (
        "The rows were newest first and were reversed.",
    )


def test_contradicting_duplicates_are_refused_with_stamps_and_lines() -> None:
    days = [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), datetime.date(2020, 1, 2)]
    with pytest.raises(DataError, match=r"1 time stamp.*different values: 2020-01-02") as refusal:
        select(table(day=days, load=[1.0, 2.0, 3.0]))
    assert "line 3 and f.csv, line 4" in str(refusal.value)
    assert "the column that identifies the series" in str(refusal.value)


@pytest.mark.parametrize(("how", "kept"), [("first", 2.0), ("last", 4.0), ("mean", 3.0)])
def test_duplicates_are_settled_as_told(how: str, kept: float) -> None:
    selection = select(table(day=[2, 1, 2, 2], load=[2.0, 1.0, None, 4.0]), on_duplicate=how)
    assert selection.series[0].values.tolist() == [1.0, kept]
    assert any(f"on_duplicate='{how}'" in note for note in selection.notes)


def test_rows_that_complement_each_other_become_one() -> None:
    given = table(day=[1, 1, 2], load=[1.0, None, 2.0], wind=[None, 5.0, 6.0])
    series = select(given, "load", past_covariates=["wind"]).series[0]
    assert series.values.tolist() == [1.0, 2.0]
    assert series.covariates[:, 0].tolist() == [5.0, 6.0]


def test_equal_duplicates_stay_equal_to_the_last_bit_under_the_mean() -> None:
    selection = select(table(day=[1, 1, 1], load=[0.1, 0.1, 0.1]), on_duplicate="mean")
    assert selection.series[0].values.tolist() == [0.1]


def test_a_stamp_missing_in_every_row_stays_missing() -> None:
    for how in ("refuse", "first", "last", "mean"):
        values = select(table(day=[1, 2, 2, 3], load=[1.0, None, None, 2.0]), on_duplicate=how).series[0].values
        assert np.isnan(values).tolist() == [False, True, False]


def test_the_same_stamp_in_two_series_is_no_duplicate() -> None:
    found = select(table(day=[1, 1], town=["A", "B"], load=[1.0, 2.0]), "load").series
    assert [len(series) for series in found] == [1, 1]


def test_labels_of_text_keep_the_order_of_the_rows_and_must_differ() -> None:
    weeks = ["week 9", "week 10", "week 11"]
    given = table(day=weeks, load=[1.0, 2.0, 3.0])
    assert select(given, "load").series[0].time.tolist() == weeks
    with pytest.raises(DataError, match=r"f\.csv, line 2: 1 time label"):
        select(table(day=["week 9", "week 10", "week 9"], load=[1.0, 2.0, 1.0]), "load")


def test_a_missing_label_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 time label.*first in row 2"):
        select(table(day=[datetime.date(2020, 1, 1), None], load=[1.0, 2.0]), "load")


def test_a_row_without_its_series_is_refused() -> None:
    with pytest.raises(DataError, match="line 3: the column 'town' does not say"):
        select(table(day=[1, 2], town=["A", None], load=[1.0, 2.0]), "load")


def test_text_among_numbers_is_shown_with_its_line() -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 3: 'broken' in column 'load' .*1 of 2 cells"):
        select(table(day=[1, 2, 3], load=["1,5", "broken", None]), "load")


def test_a_column_of_times_is_no_target() -> None:
    with pytest.raises(DataError, match="holds times"):
        select(table(day=[1], load=[1.0], born=[datetime.date(2020, 1, 1)]), "born")


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinite_values_are_refused_with_their_line(value: float) -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 3: 1 infinite value"):
        select(table(day=[1, 2], load=[1.0, value]))


def test_a_target_without_values_is_refused() -> None:
    with pytest.raises(DataError, match="'load' of series 'load' has no value at all: all 2 cells"):
        select(table(day=[1, 2], load=pl.Series([None, None], dtype=pl.Float64)), "load")


def test_missing_values_are_counted() -> None:
    assert select(table(day=[1, 2, 3], load=[1.0, None, 2.0])).notes == ("1 of 3 values of load are missing.",)


def test_an_ambiguous_alias_lists_what_it_stands_for() -> None:
    frame = pl.DataFrame({"a": [1.0], "b": [2.0]})
    given = Table(frame, ("a", "b"), "table", ("f.csv",), aliases={"both": ("a", "b"), "only": ("b",)})
    assert select(given, "only").series[0].name == "b"
    with pytest.raises(DataError, match="'both' is ambiguous"):
        select(given, "both")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"target": "day"}, "cannot be the time column and a column of values"),
        ({"target": ["load", "load"]}, "named twice as target"),
        ({"target": []}, "No target was named"),
        ({"target": "load", "past_covariates": ["wind", "wind"]}, "named twice as covariate"),
        ({"target": "load", "past_covariates": ["wnid"]}, "Did you mean 'wind'"),
        ({"target": "load", "series": "nothing"}, "there is no column 'nothing'"),
    ],
)
def test_impossible_choices_are_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        select(table(day=[1, 2], load=[1.0, 2.0], wind=[1.0, 2.0]), **arguments)


@pytest.mark.parametrize("arguments", [{"on_duplicate": "keep"}, {"on_unordered": "shuffle"}])
def test_unknown_options_are_refused(arguments: dict[str, str]) -> None:
    with pytest.raises(NurtValueError, match="Unknown on_"):
        select(table(day=[1, 2], load=[1.0, 2.0]), **arguments)


def test_a_table_without_lines_places_rows_by_number() -> None:
    given = Table(pl.DataFrame({"y": [1.0, float("inf")]}), ("y",), "table", ("f.csv",))
    with pytest.raises(DataError, match=r"f\.csv, row 2: 1 infinite value"):
        select(given)


def test_hundreds_of_notes_are_condensed() -> None:
    towns = [f"town {index}" for index in range(100) for _ in range(2)]
    selection = select(table(day=[1, 2] * 100, town=towns, load=[1.0, None] * 100), "load")
    assert len(selection.series) == 100
    assert len(selection.notes) == 21
    assert "80 more notes" in selection.notes[-1]


def test_notes_on_columns_nobody_chose_are_left_out() -> None:
    frame = pl.DataFrame({"day": [1, 2, 3], "a": [1.0, 2.0, 4.0], "b": [1.0, 2.0, 3.0]})
    table = Table(frame, ("a", "b"), "table", ("f.csv",), notes=("general", "on a", "on both"),
                  concerns={"on a": ("a",), "on both": ("a", "b")})  # fmt: skip
    assert select(table, "b", time="day").notes == ("general", "on both")
    assert select(table, "a", time="day").notes == ("general", "on a", "on both")


def test_rows_after_the_last_target_are_the_future() -> None:
    given = table(day=[1, 2, 3, 4, 5], load=[1.0, None, 3.0, None, None], promo=[0.0, 1.0, 0.0, 1.0, None])
    selection = select(given, "load", future_covariates=["promo"])
    series = selection.series[0]
    np.testing.assert_array_equal(series.values, [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(series.ahead, [[1.0], [np.nan]])
    assert series.ahead_time.tolist() == [4, 5]
    assert series.ahead_names == series.covariate_names == ("promo",)
    assert selection.notes[0] == (
        "2 rows after the last value hold no target, with values of promo; the forecast starts at 4."
    )


def test_the_future_is_newest_first_too() -> None:
    series = select(table(day=[4, 3, 2, 1], load=[None, None, 2.0, 1.0])).series[0]
    assert series.values.tolist() == [1.0, 2.0]
    assert series.ahead_time.tolist() == [3, 4]


def test_without_labels_the_future_has_none() -> None:
    selection = select(table(load=[1.0, 2.0, None]))
    assert len(selection.series[0]) == 2
    assert selection.notes == ("1 row after the last value holds no target; the forecast starts after the last value.",)


def test_the_future_begins_where_every_target_has_ended() -> None:
    given = table(day=[1, 2, 3, 4], load=[1.0, 2.0, 3.0, None], wind=[5.0, None, None, None])
    load, wind = select(given, ["load", "wind"]).series
    assert (len(load), len(wind)) == (3, 3)
    assert np.isnan(wind.values).tolist() == [False, True, True]


def test_every_series_has_a_future_of_its_own() -> None:
    given = table(
        day=[1, 2, 3, 1, 2, 3], town=["A"] * 3 + ["B"] * 3, load=[1.0, 2.0, 3.0, 1.0, None, None], fair=[0.0, 1.0] * 3
    )
    first, second = select(given, "load", future_covariates=["fair"]).series
    assert (len(first), len(second)) == (3, 1)
    assert second.ahead[:, 0].tolist() == [0.0, 1.0]
    assert first.ahead.shape == (0, 1)


def test_all_takes_every_column_without_another_role() -> None:
    given = table(day=[1, 2], a=[1.0, 2.0], b=[3.0, 4.0], promo=[0.0, 1.0], size=[7.0, 7.0], c=[None, None])
    given = Table(given.frame.with_columns(pl.col("c").cast(pl.Float64)), ("a", "b", "promo", "size", "c"), "table",
                  ("f.csv",), time="day")  # fmt: skip
    selection = select(given, "all", future_covariates=["promo"], static=["size"])
    assert [series.name for series in selection.series] == ["a", "b"]
    assert selection.series[0].static == {"size": 7.0}
    assert selection.notes == ("Left out, as they hold no value: c.",)
    assert [one.name for one in select(given, "all").series] == ["a", "b", "promo", "size"]


def test_a_column_called_all_is_itself() -> None:
    assert [one.name for one in select(table(all=[1.0, 2.0], b=[1.0, 2.0]), "all").series] == ["all"]


def test_all_without_a_free_column_is_refused() -> None:
    with pytest.raises(DataError, match="no column of numbers is left"):
        select(table(day=[1, 2], a=[1.0, 2.0]), "all", past_covariates=["a"])


def test_the_only_free_column_is_the_target() -> None:
    given = table(day=[1, 2], load=[1.0, 2.0], promo=[0.0, 1.0])
    assert select(given, future_covariates=["promo"]).series[0].target == "load"


def test_words_become_categories_with_the_same_codes_everywhere() -> None:
    given = table(day=[1, 2, 1, 2], town=["A", "A", "B", "B"], load=[1.0, 2.0, 3.0, 4.0],
                  sky=["rain", None, "clear", "rain"])  # fmt: skip
    first, second = select(given, "load", past_covariates=["sky"]).series
    assert first.levels == second.levels == {"sky": ("clear", "rain")}
    np.testing.assert_array_equal(first.covariates[:, 0], [1.0, np.nan])
    assert second.covariates[:, 0].tolist() == [0.0, 1.0]


def test_numbers_with_one_broken_cell_are_no_categories() -> None:
    given = table(day=[1, 2, 3], load=[1.0, 2.0, 3.0], sky=["1", "2", "x"])
    with pytest.raises(DataError, match=r"line 4: 'x' in column 'sky' is not a number"):
        select(given, "load", past_covariates=["sky"])


def test_a_column_that_differs_in_every_row_is_no_category() -> None:
    given = table(load=[float(row) for row in range(30)], remark=[f"row {row}" for row in range(30)])
    with pytest.raises(DataError, match="'remark' holds another text in every row"):
        select(given, "load", past_covariates=["remark"])


def test_words_have_no_mean() -> None:
    given = table(day=[1, 1], load=[1.0, 1.0], sky=["rain", "clear"])
    assert select(given, "load", past_covariates=["sky"], on_duplicate="last").series[0].covariates.tolist() == [[0.0]]
    with pytest.raises(DataError, match="words have no mean"):
        select(given, "load", past_covariates=["sky"], on_duplicate="mean")


def test_static_attributes_are_one_per_series() -> None:
    given = table(day=[1, 2, 1, 2], town=["A", "A", "B", "B"], load=[1.0, 2.0, 3.0, 4.0],
                  kind=["urban", None, "rural", "rural"], height=[10.0, 10.0, None, None])  # fmt: skip
    first, second = select(given, "load", static=["kind", "height"]).series
    assert first.static == {"kind": "urban", "height": 10.0}
    assert second.static["kind"] == "rural"
    assert np.isnan(second.static["height"])


def test_a_static_attribute_that_changes_is_refused() -> None:
    given = table(day=[1, 2], load=[1.0, 2.0], kind=["urban", "rural"])
    with pytest.raises(DataError, match=r"changes within the series 'load': it is urban at f\.csv, line 2 and rural"):
        select(given, "load", static=["kind"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"past_covariates": ["wind"], "future_covariates": ["wind"]}, "'wind' is named twice as covariate"),
        ({"past_covariates": ["wind"], "static": ["wind"]}, "as covariate and as static attribute"),
        ({"static": ["load"]}, "as target and as static attribute"),
        ({"future_covariates": ["day"]}, "cannot be the time column"),
    ],
)
def test_a_column_has_one_role(arguments: dict[str, list[str]], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        select(table(day=[1, 2], load=[1.0, 2.0], wind=[1.0, 2.0]), "load", **arguments)
