"""Parity: exact weights for any length, chance for everything that cannot know."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.experiments import run
from nurt.experiments.parity import ParityResult, exact_parity


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=300), st.sampled_from([4.0, 10.0, 50.0]))
def test_two_units_know_the_parity_of_every_prefix(bits: list[int], gain: float) -> None:
    given_bits = np.array([bits])
    np.testing.assert_array_equal(exact_parity(given_bits, gain), given_bits.cumsum(axis=1) % 2 == 1)


def test_the_example_of_the_lectures() -> None:
    assert exact_parity(np.array([[1, 0, 1, 0, 0, 1]]))[0, -1]


def test_exact_weights_hold_for_a_thousand_steps_and_nothing_else_beats_chance() -> None:
    result = run("parity")
    assert isinstance(result, ParityResult)
    assert result.settings.lengths[-1] == 1000
    assert (result.accuracies == 1.0).all()
    # 1000 sequences are tested: chance has a standard error of 0.016.
    assert np.abs(result.linear - 0.5).max() < 0.065
    assert np.abs(result.windowed - 0.5).max() < 0.065
    assert result.verdict.standing == "reached"


def test_a_gain_that_is_too_low_fails_and_says_so() -> None:
    assert run("parity", "low-gain").verdict.standing == "missed"
