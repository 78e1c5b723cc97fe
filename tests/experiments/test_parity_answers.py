"""Answers to parity without training: exact for any length, or at chance."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.experiments.parity_answers import exact_parity, linear_accuracy, windowed_accuracy


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=300), st.sampled_from([4.0, 10.0, 50.0]))
def test_two_units_know_the_parity_of_every_prefix(bits: list[int], gain: float) -> None:
    given_bits = np.array([bits])
    np.testing.assert_array_equal(exact_parity(given_bits, gain), given_bits.cumsum(axis=1) % 2 == 1)


def test_the_example_of_the_lectures() -> None:
    assert exact_parity(np.array([[1, 0, 1, 0, 0, 1]]))[0, -1]


def test_a_window_of_all_bits_knows_the_rule_and_a_line_only_what_one_bit_decides() -> None:
    bits = np.array(list(itertools.product((0, 1), repeat=3)) * 2)
    assert windowed_accuracy(bits, bits.sum(axis=1) % 2 == 1) == 1.0
    assert linear_accuracy(bits, bits[:, 1] == 1) == 1.0
    # In the second half the answer is the other one.
    assert windowed_accuracy(bits, (bits[:, 1] == 1) ^ (np.arange(16) >= 8)) == 0.0
