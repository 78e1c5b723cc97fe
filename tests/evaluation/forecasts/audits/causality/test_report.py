"""The report says what it found in a sentence and a picture."""

from __future__ import annotations

import numpy as np
import pytest

from nurt.evaluation.forecasts.audits.causality import BlackBox, Channels, audit_causality
from nurt.evaluation.forecasts.audits.causality.probes import Effects
from nurt.evaluation.forecasts.audits.causality.report import (
    DECAYED,
    REACHED,
    UNREACHABLE,
    Reach,
    classify,
    conclude,
    without_statistics,
)


def _reach(rows, look_back, group="target"):
    classes = np.array(rows, dtype=np.int8)
    return Reach(group, look_back, classes, classes)


def test_a_look_ahead_outweighs_blindness():
    verdict, text = conclude([_reach([[2, 0, 1], [2, 0, 0]], 2)], (1, 2), 2, exact=True)
    assert verdict == "error"
    assert "step 1 changes with the target 1 step after the origin" in text


def test_blindness_outweighs_a_short_memory():
    verdict, text = conclude([_reach([[0, 2, 0, 0], [0, 2, 2, 2]], 4)], (1, 7), 4, exact=True)
    assert verdict == "warning"
    assert text.startswith("Step 1 cannot see the newest 2 values of the target window (step 7: 0).")


def test_a_short_memory_is_a_remark():
    verdict, text = conclude([_reach([[2, 2, 2], [0, 1, 2]], 3)], (1, 2), 3, exact=True)
    assert verdict == "info"
    assert "up to input 1 of 3, cannot be reached by step 2" in text


def test_future_covariates_are_never_blamed():
    target, future = _reach([[2, 2]], 2), _reach([[0, 0, 2]], 2, "future covariates")
    assert conclude([target, future], (1,), 2, exact=True)[0] == "pass"


@pytest.fixture
def report():
    def forecast(inputs):
        return np.stack([inputs[:, :3].sum(axis=(1, 2)), inputs.sum(axis=(1, 2))], axis=1)

    box = BlackBox(forecast, channels=Channels(target=(0,), past=(1,)), sees_future=True)
    return audit_causality(box, look_back=3, horizon=2)


def test_it_prints_its_sentence_and_its_notes(report):
    assert str(report).splitlines()[0] == report.text
    assert report.notes
    assert all(note in str(report) for note in report.notes)


def test_the_picture_has_a_cell_per_step_and_input_and_marks_the_origin(report):
    figure = report.plot()
    assert np.array(figure.data[0].z).tolist() == report.classes.tolist() == [[2, 2, 2, 0, 0], [2, 2, 2, 2, 2]]
    assert list(figure.data[0].y) == ["1", "2"]
    assert figure.layout.shapes[0].x0 == 3.5
    assert "past covariates" in report.plot("past covariates").layout.title.text


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
