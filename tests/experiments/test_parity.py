"""Parity: exact weights for any length, predictors that cannot know, and trained networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurt.experiments import run
from nurt.experiments.parity import ParityResult, ParitySettings, exact_parity, linear_accuracy, windowed_accuracy


def test_exact_weights_hold_for_a_thousand_steps_and_nothing_else_beats_chance() -> None:
    result = run("parity", "exact")
    assert isinstance(result, ParityResult)
    assert result.settings.lengths[-1] == 1000
    assert (result.accuracies == 1.0).all()
    # 1000 sequences are tested: chance has a standard error of 0.016.
    assert np.abs(result.linear - 0.5).max() < 0.065
    assert np.abs(result.windowed - 0.5).max() < 0.065
    assert result.verdict.standing == "reached"


@pytest.mark.parametrize(("window", "at_chance"), [(3, True), (10, False)])
def test_the_verdict_says_whether_the_predictors_stay_at_chance(window: int, at_chance: bool) -> None:
    result = run("parity", settings=ParitySettings(lengths=(10,), window=window, sequences=8000, ways=()))
    assert isinstance(result, ParityResult)
    assert ("stay at chance" in result.verdict.text.en) is at_chance
    assert ("reach up to" in result.verdict.text.en) is not at_chance
    assert (result.windowed[0] > 0.9) is not at_chance


def test_a_gain_that_is_too_low_fails_and_says_so() -> None:
    assert run("parity", "low-gain").verdict.standing == "missed"


def test_the_verdict_counts_who_has_learnt() -> None:
    settings = ParitySettings(sequences=200, lengths=(10,), trained=3, updates=20, hidden=4, repeats=2)
    result = run("parity", settings=settings)
    assert isinstance(result, ParityResult)
    assert [(one.way, one.seed) for one in result.trainings] == [
        (way, seed) for way in ("last", "prefix", "curriculum") for seed in (0, 1)
    ]
    assert result.updates == 120
    assert result.verdict.standing == "partly"
    assert "Learnt with every prefix: 0 of 2 seeds." in result.verdict.text.en


@pytest.mark.slow
def test_targets_at_every_step_teach_what_the_last_step_does_not() -> None:
    result = run("parity")
    assert isinstance(result, ParityResult)
    found = {way: [one for one in result.trainings if one.way == way] for way in result.settings.ways}
    assert all(one.tested == (20, 40, 200) for one in result.trainings)
    assert all(min(one.accuracies) > 0.99 for one in found["prefix"])
    assert all(max(one.accuracies) < 0.6 for one in found["last"])
    assert "the last step alone: 0 of 3" in result.verdict.text.en


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
