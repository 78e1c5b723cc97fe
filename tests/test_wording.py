from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurt import wording
from nurt.wording import (
    LONGEST_PATH,
    Text,
    compared,
    escaped,
    joined,
    name_in_words,
    p_in_words,
    path_in_words,
    percent_in_words,
    to_digits,
)


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([0.0160, 0.1022], 4), ([4.729, 12.97], 2), ([250.0], 0), ([], 2), ([None, math.nan, 0.0], 2), ([1e-12], 8)],
)
def test_decimals_give_the_smallest_value_three_digits(values: list[float | None], decimals: int) -> None:
    assert wording.decimals_for(values) == decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01594, "0.0159"), (-0.5, "−0.5000"), (None, "–"), (math.nan, "–"), (math.inf, "–"), (1e12, "1.00e+12")],
)
def test_a_number_is_written_with_its_decimals_or_as_missing(value: float | None, text: str) -> None:
    assert wording.fixed(value, 4) == text


def test_a_small_number_is_never_printed_as_zero() -> None:
    assert wording.fixed(1e-6, 2) == "1.00e−06"
    assert wording.fixed(0.0, 2) == "0.00"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_any_number_prints_short_and_reads_back_close(value: float) -> None:
    text = wording.number(value)
    assert len(text) <= 12
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=6e-3, abs=1e-300)


def test_shares_carry_their_sign_where_asked() -> None:
    assert wording.percent(0.012, sign=True) == "+1.2\N{NO-BREAK SPACE}%"
    assert wording.percent(-0.5, 0) == "−50\N{NO-BREAK SPACE}%"
    assert wording.percent(None) == "–"


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< 0.001"), (0.312, "0.312"), (None, "–"), (math.nan, "–")])
def test_p_values(p: float | None, text: str) -> None:
    assert wording.p_value(p) == text


def test_an_interval_with_an_open_end_is_missing() -> None:
    assert wording.interval(1.0, 2.0, 1) == "1.0 … 2.0"
    assert wording.interval(None, 2.0, 1) == "–"
    assert wording.interval(1.0, math.nan, 1) == "–"


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
    assert wording.seconds(seconds) == text


def test_numbers_are_not_torn_from_their_signs() -> None:
    gap = "\N{NO-BREAK SPACE}"
    assert wording.unbroken("3 % worse (p = 0.31, 190 origins)") == f"3{gap}% worse (p{gap}={gap}0.31, 190 origins)"
    assert wording.unbroken("step = 4") == "step = 4"


def test_large_counts_are_grouped() -> None:
    assert wording.count(1009) == "1009"
    assert wording.count(17544) == "17\N{NARROW NO-BREAK SPACE}544"


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.0, "as good"),
        (1.0004, "as good"),
        (0.96, "4 % better"),
        (1.31, "31 % worse"),
        (0.9966, "0.3 % better"),
        (0.9904, "1 % better"),
        (1.49, "49 % worse"),
        (1.5, "1.5 times worse"),
        (4.37, "4.4 times worse"),
        (127.4, "127 times worse"),
        (0.01, "99 % better"),
    ],
)
def test_ratios_of_errors(ratio: float, words: str) -> None:
    assert compared(ratio) == words
    link = "as good as" if words == "as good" else f"{words} than"
    assert compared(ratio, "naive") == f"{link} naive"


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.0002, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.0049, "p = 0.005"),
        (0.0496, "p = 0.050"),
        (0.31, "p = 0.31"),
        (1.0, "p = 1.00"),
    ],
)
def test_p_values_in_words(p_value: float, words: str) -> None:
    assert p_in_words(p_value) == words


@pytest.mark.parametrize(("share", "words"), [(0.62, "62 %"), (-0.04, "4 %"), (0.004, "0.4 %"), (0.00999, "1 %")])
def test_per_cents(share, words):
    assert percent_in_words(share) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps"), (1000, "1000 steps")])
def test_a_count_has_its_noun_in_the_form_that_goes_with_it(count: int, words: str) -> None:
    assert wording.plural(count, "step") == words


def test_sentences_are_joined_in_both_languages() -> None:
    assert joined(Text("One.", "Jeden."), Text("Two.", "Dwa.")) == Text("One. Two.", "Jeden. Dwa.")


@pytest.mark.parametrize(("value", "digits", "expected"), [(0.0123456, 3, 0.0123), (1234.5, 2, 1200.0), (0.0, 3, 0.0)])
def test_values_are_rounded_to_significant_digits(value: float, digits: int, expected: float) -> None:
    assert to_digits(value, digits) == expected


@pytest.mark.parametrize(
    "sign",
    [
        "\x00",
        "\x07",
        "\x1b",
        "\r",
        "\t",
        "\x7f",
        "\x85",
        "\x9b",
        "\u200b",
        "\u200f",
        "\u2028",
        "\u202e",
        "\u2066",
        "\ud800",
    ],
)
def test_what_acts_on_a_terminal_is_shown_and_does_not_act(sign: str) -> None:
    shown = escaped(f"a{sign}b\nc")
    assert sign not in shown
    assert shown == f"a{sign!r}b\nc".replace("'", "")
    shown.encode()


@pytest.mark.parametrize("text", ["zażółć gęślą", "5\u00a0% − 12\u202f345", "μg/m³", "気温 😀", "line\nline", ""])
def test_what_can_be_read_is_left_as_it_is(text: str) -> None:
    assert escaped(text) == text


def test_a_name_stands_in_one_line_and_is_cut() -> None:
    assert name_in_words("a\nb\x1bc") == "a\\nb\\x1bc"
    assert name_in_words("x" * 80) == "x" * 80
    assert name_in_words("x" * 1000) == "x" * 80 + " …"


def test_a_long_path_keeps_its_end_which_names_the_file() -> None:
    path = "/tmp/" + "x" * 300 + "/data.csv"
    told = path_in_words(path)
    assert told.startswith("… x") and told.endswith("/data.csv") and len(told) <= LONGEST_PATH + 2
    assert path_in_words("/tmp/data\x1b.csv") == "/tmp/data\\x1b.csv"
