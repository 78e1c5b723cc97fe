"""Decimal marks and missing values, for any number a file may hold."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.data.doubtful import reason_against, refuse_mixed_marks
from nurt.data.numbers import is_missing, is_number, parse_numbers
from nurt.errors import DataError

finite = st.floats(allow_nan=False, allow_infinity=False)


def place(row: int) -> str:
    return f"f.csv, line {row + 2}"


@given(numbers=st.lists(finite, min_size=1), mark=st.sampled_from([".", ","]))
def test_every_float_is_read_back_bit_for_bit(numbers: list[float], mark: str) -> None:
    written = [repr(number).replace(".", mark) for number in numbers]
    column = parse_numbers([pl.Series("y", written)])[0]
    assert column.values.to_list() == numbers
    assert not column.wrong.any()
    assert all(is_number(cell) for cell in written)


@given(whole=st.integers(-(10**6), 10**6), digits=st.text("0123456789", max_size=6), mark=st.sampled_from([".", ","]))
def test_decimal_marks_mean_the_same(whole: int, digits: str, mark: str) -> None:
    column = parse_numbers([pl.Series("y", [f"{whole}{mark}{digits}"])])[0]
    assert column.values[0] == float(f"{whole}.{digits}")
    assert column.comma[0] == (mark == ",")
    assert column.point[0] == (mark == ".")


@given(cell=st.text("0123456789.,-+eEx ", min_size=1))
def test_a_cell_is_missing_a_number_or_wrong_and_never_two_of_them(cell: str) -> None:
    column = parse_numbers([pl.Series("y", [cell])])[0]
    known = column.values[0] is not None
    assert known + column.wrong[0] + is_missing(cell) == 1
    overflows = reason_against(cell).startswith("overflows")
    assert known == (is_number(cell) and not is_missing(cell) and not (column.wrong[0] and overflows))


@pytest.mark.parametrize(
    ("cell", "number"),
    [(".8", 0.8), (",8", 0.8), ("5.", 5.0), ("1e3", 1000.0), ("1 234,5", 1234.5), ("−3", -3.0), ("+7", 7.0)],
)
def test_unusual_spellings_are_read(cell: str, number: float) -> None:
    assert parse_numbers([pl.Series("y", [cell])])[0].values[0] == number


@pytest.mark.parametrize(("cell", "number"), [("inf", math.inf), ("-Infinity", -math.inf)])
def test_infinite_numbers_stay_infinite_to_be_refused_later(cell: str, number: float) -> None:
    assert parse_numbers([pl.Series("y", [cell])])[0].values[0] == number


@pytest.mark.parametrize("cell", ["1.2.3", "1,23,567", "12a", "0x10", "1 23", "--1", "1e", ".", ",", "٣"])
def test_what_is_no_number_is_wrong(cell: str) -> None:
    column = parse_numbers([pl.Series("y", [cell])])[0]
    assert column.wrong[0]
    assert column.values[0] is None


def test_columns_are_kept_apart() -> None:
    first, second = parse_numbers([pl.Series("a", ["1", "x"]), pl.Series("b", ["", "2,5"])])
    assert (first.name, second.name) == ("a", "b")
    assert first.wrong.to_list() == [False, True]
    assert second.values.to_list() == [None, 2.5]
    assert second.comma.to_list() == [False, True]


def test_one_decimal_comma_elsewhere_settles_what_commas_mean() -> None:
    columns = parse_numbers([pl.Series("a", ["1,234"]), pl.Series("b", ["0,5"])])
    refuse_mixed_marks(columns, place, separator="\t")


def test_semicolons_settle_what_commas_mean() -> None:
    refuse_mixed_marks(parse_numbers([pl.Series("a", ["1,234"])]), place, separator=";")


def test_commas_that_may_set_off_thousands_are_refused() -> None:
    with pytest.raises(DataError, match=r"f\.csv, line 3: the commas in column 'a'"):
        refuse_mixed_marks(parse_numbers([pl.Series("a", ["5", "1,234"])]), place, separator="\t")
