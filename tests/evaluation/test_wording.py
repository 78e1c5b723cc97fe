"""Numbers in words."""

from __future__ import annotations

import pytest

from nurt.evaluation.baselines import BASELINES
from nurt.evaluation.wording import compared, in_words, p_in_words, per_cent


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
def test_ratios_of_errors(ratio, words):
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
def test_p_values(p_value, words):
    assert p_in_words(p_value) == words


@pytest.mark.parametrize(("share", "words"), [(0.62, "62 %"), (-0.04, "4 %"), (0.004, "0.4 %"), (0.00999, "1 %")])
def test_per_cents(share, words):
    assert per_cent(share) == words


def test_every_baseline_has_words_and_a_model_keeps_its_name():
    assert all(in_words(name) != name for name in BASELINES)
    assert in_words("LSTM") == "LSTM"
