from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt.reports import words


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([0.0160, 0.1022], 4), ([4.729, 12.97], 2), ([250.0], 0), ([], 2), ([None, math.nan, 0.0], 2), ([1e-12], 8)],
)
def test_decimals_give_the_smallest_value_three_digits(values: list[float | None], decimals: int) -> None:
    assert words.decimals_for(values) == decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01594, "0.0159"), (-0.5, "−0.5000"), (None, "–"), (math.nan, "–"), (math.inf, "–"), (1e12, "1.00e+12")],
)
def test_a_number_is_written_with_its_decimals_or_as_missing(value: float | None, text: str) -> None:
    assert words.fixed(value, 4) == text


def test_a_small_number_is_never_printed_as_zero() -> None:
    assert words.fixed(1e-6, 2) == "1.00e−06"
    assert words.fixed(0.0, 2) == "0.00"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_any_number_prints_short_and_reads_back_close(value: float) -> None:
    text = words.number(value)
    assert len(text) <= 12
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=6e-3, abs=1e-300)


def test_shares_carry_their_sign_where_asked() -> None:
    assert words.percent(0.012, sign=True) == "+1.2\N{NO-BREAK SPACE}%"
    assert words.percent(-0.5, 0) == "−50\N{NO-BREAK SPACE}%"
    assert words.percent(None) == "–"


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< 0.001"), (0.312, "0.312"), (None, "–"), (math.nan, "–")])
def test_p_values(p: float | None, text: str) -> None:
    assert words.p_value(p) == text


def test_an_interval_with_an_open_end_is_missing() -> None:
    assert words.interval(1.0, 2.0, 1) == "1.0 … 2.0"
    assert words.interval(None, 2.0, 1) == "–"
    assert words.interval(1.0, math.nan, 1) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (7265.0, "2 h 1 min"),
    ],
)
def test_durations_never_show_sixty_seconds_or_minutes(seconds: float, text: str) -> None:
    assert words.seconds(seconds) == text


def test_numbers_are_not_torn_from_their_signs() -> None:
    gap = "\N{NO-BREAK SPACE}"
    assert words.unbroken("3 % worse (p = 0.31, 190 origins)") == f"3{gap}% worse (p{gap}={gap}0.31, 190 origins)"
    assert words.unbroken("step = 4") == "step = 4"


def test_large_counts_are_grouped() -> None:
    assert words.count(1009) == "1009"
    assert words.count(17544) == "17\N{NARROW NO-BREAK SPACE}544"


def test_baselines_have_names_and_other_names_stay() -> None:
    assert words.forecaster_name("naive") == "repeat last value"
    assert words.forecaster_name("my model") == "my model"
