"""Classes, and what is read off them."""

from __future__ import annotations

import numpy as np

from nurt.evaluation.forecasts.audits.causality.probes import Effects
from nurt.evaluation.forecasts.audits.causality.reach import (
    DECAYED,
    REACHED,
    UNREACHABLE,
    Reach,
    classify,
    without_statistics,
)


def test_only_exact_zeros_are_unreachable():
    influence = np.array([[1.0, 1e-5, 1e-7, 1e-300, 0.0, 0.0]])
    found = np.array([[True, True, True, False, False, True]])
    assert classify(influence, found).tolist() == [[REACHED, REACHED, DECAYED, DECAYED, UNREACHABLE, REACHED]]


def test_a_row_of_zeros_is_unreachable_throughout():
    assert classify(np.zeros((1, 3)), np.zeros((1, 3), dtype=bool)).tolist() == [[UNREACHABLE] * 3]


def test_reach_is_read_off_per_step():
    learned = np.array([[2, 1, 0, 0], [0, 2, 2, 0], [0, 0, 0, 0], [0, 0, 1, 2]], dtype=np.int8)
    reach = Reach("target", 3, np.full((4, 4), 2, dtype=np.int8), learned)
    assert reach.latest.tolist() == [2, 3, 0, 4]
    assert reach.earliest.tolist() == [1, 2, 0, 3]
    assert reach.blind_newest.tolist() == [1, 0, 3, 0]
    assert reach.latest_total.tolist() == [4] * 4
    assert reach.earliest_total.tolist() == [1] * 4
    assert reach.lead.tolist() == [1] * 4


def _swaps(found):
    found = np.array([found])
    return Effects(np.where(found, 1.0, 0.0), found)


def test_what_shifting_shows_and_swapping_does_not_came_through_statistics():
    total = np.full((1, 6), REACHED, dtype=np.int8)
    shifted = Effects(np.ones((1, 6)), np.ones((1, 6), dtype=bool))
    blind = without_statistics(total, shifted, _swaps([True, True, False, False]), np.array([1e-10]))
    assert blind.tolist() == [[2, 2, 0, 0, 0, 0]]
    deaf_to_the_oldest = without_statistics(total, shifted, _swaps([False, True, True, True]), np.array([1e-10]))
    assert deaf_to_the_oldest.tolist() == [[0, 0, 2, 2, 2, 2]]


def test_influences_too_small_for_a_swap_to_show_keep_their_class():
    total = np.full((1, 5), REACHED, dtype=np.int8)
    shifted = Effects(np.array([[1e-9, 1.0, 1.0, 1.0, 1.0]]), np.ones((1, 5), dtype=bool))
    assert without_statistics(total, shifted, _swaps([False, True, True]), np.array([1e-10]))[0, 0] == REACHED


def test_a_step_that_no_swap_changes_keeps_its_total_view():
    total = np.array([[0, 0, 0, 0, 2]], dtype=np.int8)
    shifted = Effects(total.astype(float), total > 0)
    assert without_statistics(total, shifted, _swaps([False] * 3), np.array([1e-10])).tolist() == total.tolist()
